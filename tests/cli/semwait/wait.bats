# SPDX-License-Identifier: MIT
load ../helper

prepare() { gates=("$sem" "$sysv_sem"); }

@test "semwait waits until somebody posts" {
    for gate in "${gates[@]}"; do
        semmk "$gate" 0
        in_background semwait "$gate"
        waiter=$!
        wait_until sleeps "$waiter"
        expect 0 sempost "$gate"
        wait "$waiter"
        expect 2 semwait -n "$gate"
    done
}

@test "each post lets one go" {
    for gate in "${gates[@]}"; do
        semmk "$gate" 0
        for i in 1 2 3 4 5; do
            in_background bash -c 'semwait "$1"; echo >> "$2"' bash "$gate" "$scratch/gone"
        done
        wait_until eval '[ "$(own_pgrep -c -x semwait)" -eq 5 ]'
        sempost "$gate"
        wait_until test -s "$scratch/gone"
        sempost -c 2 "$gate"
        wait_until eval "[ \$(wc -l < $scratch/gone) -eq 3 ]"
        expect 2 semwait -n "$gate"
        sempost -c 2 "$gate"
        wait_until eval "[ \$(wc -l < $scratch/gone) -eq 5 ]"
        rm "$scratch/gone"
    done
}

@test "several at once are taken all together or not at all" {
    for gate in "${gates[@]}"; do
        semmk "$gate" 2
        expect 2 semwait -n -c 3 "$gate"
        expect 2 semwait -w 0.05 -c 3 "$gate"
        in_background semwait -c 3 "$gate"
        waiter=$!
        wait_until sleeps "$waiter"
        expect 0 semwait -n -c 2 "$gate"
        sempost -c 3 "$gate"
        wait "$waiter"
        expect 2 semwait -n "$gate"
    done
}

@test "--zero waits until nothing is left, and takes nothing" {
    for gate in "${gates[@]}"; do
        semmk "$gate" 0
        expect 0 semwait --zero -n "$gate"
        sempost "$gate"
        expect 2 semwait --zero -n "$gate"
        expect 2 semwait --zero -w 0.05 "$gate"
        in_background semwait --zero "$gate"
        waiter=$!
        wait_until sleeps "$waiter"
        semwait "$gate"
        wait "$waiter"
        expect 0 sempost "$gate"
        expect 0 semwait -n "$gate"
    done
}

@test "what was in vain is status 2, another one with -E, silent with -q" {
    for gate in "${gates[@]}"; do
        semmk "$gate" 0
        expect 2 semwait -n "$gate"
        one_line_from semwait
        expect 2 semwait -w 0.05 "$gate"
        says "all of the time"
        expect 75 semwait -n -q -E 75 "$gate"
        [ -z "$stderr" ]
    done
}

@test "SIGTERM ends a waiter with 143, and it has taken nothing" {
    for gate in "${gates[@]}"; do
        semmk "$gate" 0
        for line in "semwait $gate" "semwait -c 2 $gate"; do
            # shellcheck disable=SC2086
            in_background $line
            waiter=$!
            wait_until sleeps "$waiter"
            kill -TERM "$waiter"
            status=0
            wait "$waiter" || status=$?
            [ "$status" -eq 143 ]
        done
        sempost -c 2 "$gate"
        expect 0 semwait -n -c 2 "$gate"
    done
}

@test "a killed waiter takes nothing along" {
    for gate in "${gates[@]}"; do
        semmk "$gate" 0
        in_background semwait "$gate"
        waiter=$!
        wait_until sleeps "$waiter"
        kill -KILL "$waiter"
        wait "$waiter" || true
        sempost "$gate"
        expect 0 semwait -w 20 "$gate"
    done
}

@test "sempost wakes who waits in sem_wait(3), and the other way round" {
    semmk "$sem" 0
    in_background perl -e '1; exec "true"' # a process that is not there any more is no waiter
    hold semaphore "${sem#*:}" # another program has it open
    in_background semwait "$sem"
    waiter=$!
    wait_until sleeps "$waiter"
    sempost "$sem"
    wait "$waiter"
}

@test "removal while it is waited for is an error" {
    for gate in "${gates[@]}"; do
        for words in "" "-c 2" "--zero"; do
            semmk "$gate" "$([ "$words" != --zero ] && echo 0 || echo 1)"
            rm -f "$scratch/status"
            # shellcheck disable=SC2086
            in_background bash -c 'semwait "${@:2}" 2> "$1/said"; echo $? > "$1/status"' bash "$scratch" $words "$gate"
            wait_until eval '[ "$(own_pgrep -c -x semwait)" -eq 1 ]'
            wait_until eval 'sleeps "$(own_pgrep -x semwait)"'
            semrm --force "$gate"
            wait_until test -s "$scratch/status"
            [ "$(cat "$scratch/status")" = 1 ]
            grep -q "was removed" "$scratch/said"
        done
    done
}

@test "waiting in vain says for what it was" {
    for gate in "${gates[@]}"; do
        semmk "$gate" 1
        expect 2 semwait -n -c 2 "$gate"
        says "its value is too small"
        expect 2 semwait -n --zero "$gate"
        says "its value is not 0"
        expect 2 semwait -w 0.05 --zero "$gate"
        says "its value is not 0, for all of the time given"
    done
}

@test "who waits at a semaphore keeps it from being removed" {
    for gate in "${gates[@]}"; do
        semmk "$gate" 0
        in_background semwait "$gate"
        waiter=$!
        wait_until sleeps "$waiter"
        expect 1 semrm "$gate"
        says "$waiter semwait"
        kill "$waiter"
    done
}

@test "a mechanism that counts nothing says what to use" {
    for gate in "$mutex" "$flock"; do
        semmk "$gate"
        for command in "semwait -n" "semwait --zero -n" sempost; do
            # shellcheck disable=SC2086
            expect 1 $command "$gate"
            says "use semlock"
        done
    done
}

@test "what is not there, may not be used or makes no sense is refused" {
    for gate in "${gates[@]}" "$mutex" "$flock"; do
        expect 1 semwait -n "$gate"
        one_line_from semwait
        says "$gate"
    done
    semmk "$sysv_sem"
    expect 1 semwait -n -c 32768 "$sysv_sem"
    says 32767
    for words in "semwait -c 0 $sem" "semwait -c x $sem" "semwait --zero -c 2 $sem" "semwait -n -w 1 $sem" semwait \
        "semwait $shm" "semwait $sem $sem"; do
        read -ra line <<< "$words"
        expect 64 "${line[@]}"
        one_line_from semwait
    done
}

@test "somebody else may not wait, nor post" {
    needs_nobody
    for gate in "${gates[@]}"; do
        semmk "$gate"
        for command in "semwait -n" sempost semrm; do
            # shellcheck disable=SC2086
            expect 1 as_nobody $command "$gate"
            one_line_from "${command%% *}"
        done
    done
}
