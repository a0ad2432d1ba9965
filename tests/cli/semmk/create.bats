# SPDX-License-Identifier: MIT
load ../helper

@test "a semaphore is made with its value, 1 by default, and its address printed" {
    for gate in "$sem" "$sysv_sem"; do
        expect 0 semmk "$gate"
        prints "$gate"
        expect 0 semwait -n "$gate"
        expect 2 semwait -n "$gate"
        semrm "$gate"
        expect 0 semmk "$gate" 3
        expect 0 semwait -n -c 3 "$gate"
        semrm "$gate"
        expect 0 semmk -v "$gate" 0
        says "with value 0"
        expect 2 semwait -n "$gate"
    done
    expect 0 semmk "$mutex"
    prints "$mutex"
    expect 0 semmk "$flock"
    prints "$flock"
    expect 0 semlock -n "$mutex" -- semlock -n "$flock" -- true
}

@test "short forms mean the semaphore of that standard" {
    needs_namespace
    expect 0 semmk /gate
    prints posix-sem:/gate
    expect 0 semmk sysv:0x7 2
    prints sysv-sem:0x7
    expect 1 semmk posix:/gate
    says "already"
}

@test "creating is exclusive, and --reuse takes what is there" {
    for gate in "$sem" "$sysv_sem" "$mutex" "$flock"; do
        semmk "$gate"
        expect 1 semmk "$gate"
        one_line_from semmk
        expect 0 semmk --reuse "$gate"
    done
    sempost -c 4 "$sem"
    expect 0 semmk --reuse -v "$sem" 1
    says "reused"
    says "value 5"
}

@test "an ordinary user makes one of any value" {
    needs_nobody
    for gate in "$sem" "$sysv_sem"; do
        for value in 0 1 2; do
            expect 0 as_nobody semmk "$gate" $value
            [ "$(cells VALUE "$gate")" = $value ]
            expect 0 as_nobody semrm "$gate"
        done
    done
}

@test "a private set is reached by the identifier that is printed" {
    expect 0 semmk sysv:private 2
    gate=$output
    [[ $gate == sysv-sem:id=* ]]
    expect 0 semwait -n -c 2 "$gate"
    expect 0 semrm "$gate"
    expect 1 semwait -n "$gate"
}

@test "a set has as many semaphores as are asked for, each of its own value" {
    expect 0 semmk "$sysv_sem?size=3" 1
    prints "$sysv_sem"
    expect 0 semwait -n "$sysv_sem?index=2"
    expect 2 semwait -n "$sysv_sem?index=2"
    expect 0 semwait -n "$sysv_sem?index=1"
    expect 0 semwait -n "$sysv_sem"
    expect 1 semwait -n "$sysv_sem?index=3"
    says "its last one is 2"
    expect 0 sempost "$sysv_sem?index=2"
    expect 0 semlock -n "$sysv_sem?index=2" -- true
    expect 2 semlock -n "$sysv_sem?index=0" -- true
}

@test "a value out of range is refused with the range" {
    expect 1 semmk "$sem" 2147483648
    says 2147483647
    expect 0 semmk "$sem" 2147483647
    expect 1 semmk "$sysv_sem" 32768
    says 32767
    expect 0 semmk "$sysv_sem" 32767
    expect 1 semmk "$mutex" 2
    one_line_from semmk
    expect 1 semmk "$flock" 0
    [ ! -e "${flock#*:}" ]
    for value in -1 x 1.5 99999999999999999999 ""; do
        expect 64 semmk posix:/other "$value"
        one_line_from semmk
    done
    expect 64 semmk "sysv:0x1?size=0"
    expect 64 semmk "sysv:0x1?size=x"
    expect 1 semmk "sysv:0x1?index=2"
    says "size"
}

@test "the mode is exactly what is asked for, and the owner" {
    needs_namespace
    umask 077
    semmk -m 0666 "$sem"
    [ "$(stat -c %a "/dev/shm/sem.${sem#*:/}")" = 666 ]
    semmk -m 0640 "$sysv_sem"
    [ "$(cells MODE "$sysv_sem")" = 0640 ]
    semmk -m 0660 "$mutex"
    [ "$(stat -c %a "/dev/shm/mutex.${mutex#*:/}")" = 660 ]
}

@test "a limit that refuses is named" {
    needs_namespace
    before=$(cat /proc/sys/kernel/sem)
    echo "10 100 10 1" > /proc/sys/kernel/sem || skip "the limit cannot be set"
    expect 1 semmk "sysv:0x1?size=11"
    says "kernel.sem allows 10 semaphores in a set"
    semmk sysv:0x1
    expect 1 semmk sysv:0x2
    says "kernel.sem allows 1 sets"
    echo "$before" > /proc/sys/kernel/sem
}

@test "what is made is listed once, with its state" {
    needs_namespace
    semlock --slots 3 "$sem" -- true
    semmk "$sysv_sem"
    semlock "$mutex" -- true
    [ "$(cells ADDRESS | sort | paste -sd ' ')" = "$mutex $sem sysv-sem:0x0000051e" ]
    [ "$(cells DETAIL "$sem")" = '3\x20slots' ] || [ "$(cells DETAIL "$sem")" = "3 slots" ]
    expect 0 ipcls --limits
    [[ $output == *"sets of semaphores"* ]]
}
