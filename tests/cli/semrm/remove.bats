# SPDX-License-Identifier: MIT
load ../helper

@test "a semaphore of every mechanism is removed, and what belongs to it" {
    for gate in "$sem" "$sysv_sem" "$mutex" "$flock"; do
        semlock "$gate" -- true
        expect 0 semrm "$gate"
        prints ""
        expect 1 semrm "$gate"
        one_line_from semrm
    done
    [ ! -e "${flock#*:}" ]
    needs_namespace
    [ -z "$(ls -A /dev/shm)" ]
}

@test "what is locked is refused, unless by force" {
    for gate in "$sem" "$sysv_sem" "$mutex" "$flock"; do
        in_background semlock "$gate" -- sleep 1000
        holder=$!
        wait_until eval "! semlock -n -q '$gate' -- true"
        expect 1 semrm "$gate"
        says "--force"
        expect 0 semrm --force "$gate"
        kill -KILL "$holder"
    done
}

@test "patterns remove semaphores and leave segments alone" {
    needs_namespace
    shmmk posix:/test-segment 10
    semmk posix:/test-one
    semmk mutex:/test-two
    semmk posix:/other
    expect 0 semrm --dry-run '*:/test-*'
    [ "$(sort <<< "$output" | paste -sd ' ')" = "mutex:/test-two posix-sem:/test-one" ]
    expect 0 semrm -v '*:/test-*'
    [ "$(cells ADDRESS | sort | paste -sd ' ')" = "posix-sem:/other posix-shm:/test-segment" ]
    expect 1 semrm '*:/test-*'
    says "nothing matches"
    expect 0 semrm --older-than 1d '*:/other'
    prints ""
    expect 0 shmrm 'posix:/test-*'
    expect 0 semrm posix:/other
}
