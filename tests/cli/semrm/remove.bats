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

@test "what is locked in another process namespace is refused, of every mechanism" {
    needs_elsewhere
    for gate in "$sem" "$sysv_sem" "$mutex" "$flock"; do
        in_background unshare --pid --fork --kill-child --mount-proc -- semlock "$gate" -- sleep 1000
        locker=$!
        wait_until eval "! semlock -n -q '$gate' -- true"
        expect 1 elsewhere semrm "$gate"
        one_line_from semrm
        says "--force"
        expect 2 semlock -n "$gate" -- true
        kill -KILL "$locker"
        wait_until eval '! kill -0 "$locker"'
        expect 0 semrm --force "$gate" # nobody can prove that one of a namespace that is gone is dead
    done
}

@test "a set that a living process used last is refused, with its name, and goes when that is dead" {
    semmk "$sysv_sem"
    semwait "$sysv_sem"
    hold sysv-sem "${sysv_sem#*:}"
    expect 1 semrm "$sysv_sem"
    one_line_from semrm
    says "$holder hold, which used it last, lives"
    [ "$(ipcls --noheadings -o STATE "$sysv_sem" 2>/dev/null)" = "?" ]
    kill -KILL "$holder"
    wait_until eval '! kill -0 "$holder"'
    expect 0 semrm "$sysv_sem"
}

@test "a set that dead commands used is removed, and its state is known" {
    semmk "$sysv_sem"
    semwait "$sysv_sem"
    sempost "$sysv_sem"
    [ "$(cells STATE "$sysv_sem")" = idle ]
    expect 0 semrm "$sysv_sem"
    [ -z "$stderr" ]
}

@test "--older-than counts from the last use" {
    needs_namespace
    semmk "$sysv_sem" 1
    semmk "$sem" 1
    semmk "$mutex"
    made=$EPOCHSECONDS
    spared() {
        [ $((EPOCHSECONDS - made)) -gt 4 ] || return 1
        sempost "$sysv_sem"
        sempost "$sem"
        semlock "$mutex" -- true
        [ -z "$(semrm --older-than 3s --dry-run)" ]
    }
    wait_until spared
    wait_until eval 'semrm --older-than 3s && [ -z "$(cells ADDRESS)" ]'
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
