# SPDX-License-Identifier: MIT
# semlock as a user meets it: statuses, environment, signals, what is refused.
load ../helper

prepare() { gates=("$sem" "$sysv_sem" "$mutex" "$flock" "$flock?type=ofd"); }

is_free() { semlock -n -q "$1" -- true; }

@test "the command's status is passed on, 128 and the signal if it was killed" {
    for gate in "${gates[@]}"; do
        expect 0 semlock "$gate" -- true
        expect 7 semlock "$gate" -- sh -c 'exit 7'
        expect 143 semlock "$gate" -- sh -c 'kill -TERM $$'
        expect 0 semlock "$gate" -- cat <<< "standard input"
        prints "standard input"
    done
}

@test "a command that is not there is 127, one that cannot be executed 126, and both leave the lock free" {
    touch "$scratch/text"
    for gate in "${gates[@]}"; do
        expect 127 semlock "$gate" -- nonesuch-command
        one_line_from semlock
        expect 126 semlock "$gate" -- "$scratch/text"
        one_line_from semlock
        expect 0 semlock -n "$gate" -- true
    done
}

@test "the command finds its slot and the address" {
    for gate in "$sem" "$sysv_sem"; do
        expect 0 semlock --slots 2 "$gate" -- sh -c 'echo "$IPC_SLOT $IPC_ADDRESS"'
        prints "1 $gate"
    done
    expect 0 semlock "$mutex" -- sh -c 'echo "$IPC_SLOT $IPC_ADDRESS"'
    prints "1 $mutex"
    expect 0 env IPC_SLOT=5 semlock --shared "$flock" -- sh -c 'echo "${IPC_SLOT-none}"'
    prints none
}

@test "busy is status 2 with -n and when the time is over, another one with -E, silent with -q" {
    for gate in "${gates[@]}"; do
        in_background semlock "$gate" -- sleep 1000
        holder=$!
        wait_until eval "! is_free '$gate'"
        expect 2 semlock -n "$gate" -- touch "$scratch/ran"
        one_line_from semlock
        expect 2 semlock -w 0.05 "$gate" -- touch "$scratch/ran"
        says "$gate"
        expect 75 semlock -n -E 75 -q "$gate" -- touch "$scratch/ran"
        [ -z "$stderr" ]
        kill "$holder"
        expect 0 semlock -w 20 "$gate" -- true
    done
    [ ! -e "$scratch/ran" ]
}

@test "right after semlock has ended its lock is free" {
    for gate in "${gates[@]}"; do
        for i in 1 2 3 4 5; do
            expect 0 semlock -n "$gate" -- true
        done
    done
}

@test "SIGTERM to semlock reaches the command, which decides what becomes of it" {
    for gate in "${gates[@]}"; do
        in_background semlock "$gate" -- bash -c "
            trap 'echo asked >> $scratch/asked; exit 5' TERM; echo > $scratch/ready; while :; do sleep 0.05; done"
        locker=$!
        wait_until test -s "$scratch/ready"
        kill -TERM "$locker"
        status=0
        wait "$locker" || status=$?
        [ "$status" -eq 5 ]
        expect 0 semlock -n "$gate" -- true
        rm "$scratch/ready"
    done
    [ "$(wc -l < "$scratch/asked")" -eq ${#gates[@]} ]
}

@test "a waiter ends on SIGTERM with 143, and what it waited for stays with its holder" {
    for gate in "${gates[@]}"; do
        in_background semlock "$gate" -- sleep 1000
        holder=$!
        wait_until eval "! is_free '$gate'"
        in_background semlock "$gate" -- touch "$scratch/ran"
        waiter=$!
        wait_until sleeps "$waiter"
        kill -TERM "$waiter"
        status=0
        wait "$waiter" || status=$?
        [ "$status" -eq 143 ]
        expect 2 semlock -n "$gate" -- true
        kill -KILL "$holder"
    done
    [ ! -e "$scratch/ran" ]
}

@test "two shells that stand in line get it one after the other" {
    for gate in "${gates[@]}"; do
        mkfifo "$scratch/go"
        in_background semlock "$gate" -- bash -c "read < $scratch/go"
        wait_until eval "! is_free '$gate'"
        in_background semlock "$gate" -- bash -c "echo first >> $scratch/order"
        first=$!
        in_background semlock "$gate" -- bash -c "echo second >> $scratch/order"
        second=$!
        wait_until sleeps "$first"
        wait_until sleeps "$second"
        [ ! -e "$scratch/order" ]
        echo > "$scratch/go"
        wait "$first" "$second"
        [ "$(wc -l < "$scratch/order")" -eq 2 ]
        rm "$scratch/order" "$scratch/go"
    done
}

@test "removal under a waiter is an error that says so, and lets it in nowhere" {
    for gate in "$sem" "$sysv_sem" "$mutex" "$flock"; do
        in_background semlock "$gate" -- sleep 1000
        holder=$!
        wait_until eval "! is_free '$gate'"
        in_background bash -c "semlock -w 30 '$gate' -- touch $scratch/ran 2> $scratch/said; echo \$? > $scratch/status"
        wait_until eval '[ "$(own_pgrep -c -x semlock)" -eq 2 ]'
        wait_until eval "sleeps \$(own_pgrep -n -x semlock)"
        semrm --force "$gate"
        kill -KILL "$holder"
        wait_until test -s "$scratch/status"
        [ "$(cat "$scratch/status")" = 1 ]
        grep -q removed "$scratch/said"
        [ ! -e "$scratch/ran" ]
        rm "$scratch/status"
    done
}

@test "another number of slots than it was made for is refused" {
    for gate in "$sem" "$sysv_sem"; do
        semlock --slots 3 "$gate" -- true
        expect 1 semlock --slots 2 "$gate" -- true
        says "made for 3 slots"
        expect 0 semlock "$gate" -- true
        semrm "$gate"
        semmk "$gate" 2 > /dev/null
        expect 1 semlock --slots 2 "$gate" -- true
        says "without slots"
        expect 0 semlock "$gate" -- sh -c '[ -z "$IPC_SLOT" ]'
    done
    expect 1 semlock --slots 2 "$mutex" -- true
    says "leave out --slots"
    expect 1 semlock --slots 2 "$flock" -- true
    expect 1 semlock --shared "$sem" -- true
    says "leave out --shared"
    for gate in "$other_sysv_sem" "$other_sem"; do
        expect 1 semlock --slots 99999999 "$gate" -- true
        one_line_from semlock
    done
}

@test "a lock that somebody raised admits no more than its slots, and keeps its deadline" {
    for gate in "$sem" "$sysv_sem"; do
        for slots in 1 2; do
            semlock --slots $slots "$gate" -- true
            sempost "$gate"
            within=(timeout 10 semlock "$gate" --)
            [ $slots -eq 1 ] || within+=(semlock "$gate" --)
            expect 0 "${within[@]}" bash -c '
                semlock -n -q "$1" -- touch "$2"; echo $?; semlock -w 0.1 -q "$1" -- touch "$2"; echo $?' \
                bash "$gate" "$scratch/ran"
            prints $'2\n2'
            # Who waits then gets it when the holder is gone.
            in_background "${within[@]}" bash -c "read < <(sleep 1000)"
            holder=$!
            wait_until eval "! is_free '$gate'"
            in_background semlock -w 20 "$gate" -- true
            waiter=$!
            wait_until sleeps "$waiter"
            kill "$holder"
            wait "$waiter"
            semrm --force "$gate"
        done
    done
    [ ! -e "$scratch/ran" ]
}

@test "a value of the semaphore says how many run where it was made without slots" {
    for gate in "$sem" "$sysv_sem"; do
        semmk "$gate" 2 > /dev/null
        in_background semlock "$gate" -- sleep 1000
        one=$!
        in_background semlock "$gate" -- sleep 1000
        two=$!
        wait_until eval "! is_free '$gate'"
        kill -KILL "$one" "$two"
        expect 0 semlock -w 20 "$gate" -- semlock -w 20 "$gate" -- true
        expect 2 semlock -w 20 "$gate" -- semlock -w 20 "$gate" -- semlock -n "$gate" -- true
    done
}

@test "a command line that makes no sense is refused" {
    for words in "semlock $sem" "semlock $sem --" "semlock --slots 0 $sem -- true" "semlock --slots x $sem -- true" \
        "semlock --barrier 0 $sem" "semlock --barrier 2 --slots 2 $sem" "semlock --shared --slots 2 $flock -- true" \
        "semlock -n -w 1 $sem -- true" "semlock -w -1 $sem -- true" "semlock -E 256 $sem -- true" "semlock -- true" \
        "semlock $shm -- true" "semlock flock:/tmp/x?type=posix -- true" "semlock sysv:0x1?index=-1 -- true"; do
        read -ra line <<< "$words"
        expect 64 "${line[@]}"
        one_line_from semlock
    done
}

@test "a mode and owner are those of what is made" {
    semlock -m 0640 "$flock" -- true
    [ "$(stat -c %a "${flock#*:}")" = 640 ]
    needs_namespace
    umask 077
    semlock -m 0666 "$sem" -- true
    [ "$(stat -c %a "/dev/shm/sem.${sem#*:/}")" = 666 ]
    semlock -m 0666 "$mutex" -- true
    [ "$(stat -c %a "/dev/shm/mutex.${mutex#*:/}")" = 666 ]
}

@test "who may not use it is told, with whose it is" {
    needs_nobody
    for gate in "$sem" "$sysv_sem" "$mutex"; do
        semlock "$gate" -- true
        expect 1 as_nobody semlock -n "$gate" -- true
        one_line_from semlock
        [[ $stderr == *"may not"* || $stderr == *"permit"* ]]
    done
    semlock -m 0600 "flock:/dev/shm/lock$unique" -- true
    expect 1 as_nobody semlock -n "flock:/dev/shm/lock$unique" -- true
    says "may not open"
}

@test "several users share what its mode lets them, and a dead one blocks no other" {
    needs_nobody
    needs_namespace
    semlock -m 0666 "$sem" -- true
    semlock -m 0666 "$mutex" -- true
    semlock -m 0666 "$sysv_sem" -- true
    semlock -m 0666 "flock:/dev/shm/lock$unique" -- true
    for gate in "$sem" "$mutex" "$sysv_sem" "flock:/dev/shm/lock$unique"; do
        expect 0 as_nobody semlock -n "$gate" -- true
        in_background "${nobody[@]}" semlock "$gate" -- sleep 1000
        holder=$!
        wait_until eval "! is_free '$gate'"
        kill -KILL "$holder"
        expect 0 semlock -w 20 "$gate" -- true
        in_background semlock "$gate" -- sleep 1000
        holder=$!
        wait_until eval "! is_free '$gate'"
        kill -KILL "$holder"
        expect 0 as_nobody semlock -w 20 "$gate" -- true
    done
}

@test "lock and unlock of a free mutex inside a process take no system call, contended two at most" {
    [ "$IPCUTILS_SANITIZE" != ON ] || skip "a sanitizer adds system calls of its own"
    command -v strace >/dev/null || skip "needs strace"
    strace -o /dev/null true || skip "strace is not permitted"
    rounds=$IPCUTILS_TEST_PROGRAMS/lock_rounds
    export IPC_PLUGIN_PATH=$IPCUTILS_BUILD_DIR/$IPCUTILS_LIBDIR/ipcutils
    "$rounds" "$mutex" 1
    strace -o "$scratch/one" "$rounds" "$mutex" 1
    strace -o "$scratch/many" "$rounds" "$mutex" 2000
    [ $(($(wc -l < "$scratch/many") - $(wc -l < "$scratch/one"))) -le 2 ]
    strace -o "$scratch/first" "$rounds" "$mutex" 3000 &
    strace -o "$scratch/second" "$rounds" "$mutex" 3000
    wait
    crossings=$(cat "$scratch/first" "$scratch/second" | grep -c 'futex(.*FUTEX_WA[IK]' || true)
    echo "$crossings crossings of 6000 rounds"
    [ "$crossings" -le 12000 ]
}

# refused PROCESSES ADDRESS: for want of another process.
refused() {
    expect 1 as_nobody prlimit --nproc="$1" semlock "$2" -- true
    one_line_from semlock
    says "ulimit -u"
    expect 0 as_nobody semlock -n "$2" -- true
}

@test "where no process can be started the status is 1, for 2 means that others have the lock" {
    needs_nobody
    touch "$scratch/lock"
    chmod 755 "$scratch"
    chmod 666 "$scratch/lock"
    for address in "$sem" "$sysv_sem" "$mutex" "$flock"; do refused 1 "$address"; done
    for address in "$sysv_sem" "$flock"; do refused 2 "$address"; done # the process that keeps the lock beside semlock
}
