# SPDX-License-Identifier: MIT
load ../helper

@test "posting raises the value, by more than one with -c" {
    for gate in "$sem" "$sysv_sem"; do
        semmk "$gate" 0
        expect 0 sempost "$gate"
        expect 0 sempost -c 3 "$gate"
        prints ""
        expect 0 semwait -n -c 4 "$gate"
        expect 2 semwait -n "$gate"
    done
}

@test "a value beyond the largest is an error that changes nothing" {
    semmk "$sem" 2147483646
    expect 1 sempost -c 2 "$sem"
    says 2147483647
    one_line_from sempost
    expect 0 sempost "$sem"
    expect 1 sempost "$sem"
    expect 1 sempost -c 9223372036854775807 "$sem"
    expect 0 semwait -n -c 2147483647 "$sem"
    expect 2 semwait -n "$sem"

    semmk "$sysv_sem" 32766
    expect 1 sempost -c 2 "$sysv_sem"
    says 32767
    expect 0 sempost "$sysv_sem"
    expect 1 sempost "$sysv_sem"
    expect 1 sempost -c 9223372036854775807 "$sysv_sem"
    expect 1 sempost -c 65536 "$sysv_sem"
    expect 0 semwait -n -c 32767 "$sysv_sem"
    expect 2 semwait -n "$sysv_sem"
}

@test "a semaphore that is not there is status 1, and nonsense 64" {
    for gate in "$sem" "$sysv_sem" "$mutex" "$flock"; do
        expect 1 sempost "$gate"
        one_line_from sempost
    done
    for words in "sempost -c 0 $sem" "sempost -c -1 $sem" sempost "sempost $shm" "sempost nonesuch:/x"; do
        read -ra line <<< "$words"
        expect 64 "${line[@]}"
        one_line_from sempost
    done
}
