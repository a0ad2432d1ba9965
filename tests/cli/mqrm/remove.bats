# SPDX-License-Identifier: MIT
load ../helper

@test "a queue is removed, with what waits in it" {
    for address in "$mq" "$sysv_mq"; do
        mqmk "$address"
        mqsend "$address" waiting
        expect 0 mqrm "$address"
        expect 1 mqrecv -n "$address"
    done
}

@test "a queue that a process has open is refused unless forced" {
    mqmk "$mq"
    hold posix-mq "/${mq#*:/}"
    expect 1 mqrm "$mq"
    one_line_from mqrm
    says "$holder"
    expect 2 mqrecv -n "$mq"
    expect 0 mqrm --force "$mq"
    expect 1 mqrecv -n "$mq"
}

@test "a receiver that waits on a System V queue counts as a holder" {
    mqmk "$sysv_mq"
    in_background mqrecv "$sysv_mq"
    wait_until bash -c "ipcls --raw --noheadings -o PIDS $sysv_mq | grep -qw $!"
    expect 1 mqrm "$sysv_mq"
    says "mqrecv"
}

@test "a queue that a living process sent to last is refused, with its name, and so if it is not visible from here" {
    mqmk "$sysv_mq"
    hold sysv-mq "${sysv_mq#*:}"
    [ "$(ipcls --noheadings -o STATE "$sysv_mq" 2>/dev/null)" = "?" ]
    expect 1 mqrm "$sysv_mq"
    one_line_from mqrm
    says "$holder hold, which used it last, lives"
    kill -KILL "$holder"
    wait_until eval '! kill -0 "$holder"'
    expect 0 mqrm "$sysv_mq"
    needs_elsewhere
    mqmk "$sysv_mq"
    mqsend "$sysv_mq" kept
    expect 1 elsewhere mqrm "$sysv_mq"
    says "not visible from here"
    expect 0 mqrm "$sysv_mq"
}

@test "a queue that a process of another process namespace has is refused, of each mechanism that is a file" {
    needs_elsewhere
    for queue in "$mq" ring:/feed "$boost_mq"; do
        mqmk "$queue"
        in_background unshare --pid --fork --kill-child --mount-proc -- mqrecv -f "$queue"
        receiver=$!
        wait_until eval '[ -n "$(cells PIDS "$queue")" ] && [ "$(cells PIDS "$queue")" != - ]'
        expect 1 elsewhere mqrm "$queue"
        one_line_from mqrm
        says "--force"
        kill -KILL "$receiver"
        expect 0 wait_until elsewhere mqrm -q "$queue"
        expect 1 mqrecv -n "$queue"
    done
}

@test "a socket that lives in another network namespace is refused, and one that is left behind goes" {
    needs_elsewhere
    in_background unshare --net --pid --fork --kill-child --mount-proc -- mqrecv -f "unix:$scratch/socket"
    receiver=$!
    wait_until test -S "$scratch/socket"
    expect 1 elsewhere mqrm "unix:$scratch/socket"
    says "a socket has it"
    kill -KILL "$receiver"
    expect 0 wait_until elsewhere mqrm -q "unix:$scratch/socket"
    [ ! -e "$scratch/socket" ]
}

@test "a FIFO of which nobody can tell who has it open stays" {
    needs_elsewhere
    mqmk "fifo:$scratch/pipe"
    in_background unshare --pid --fork --kill-child --mount-proc -- mqrecv -f "fifo:$scratch/pipe"
    expect 1 elsewhere mqrm "fifo:$scratch/pipe"
    says "is not known, since processes outside of this process namespace"
    expect 0 elsewhere mqrm --force "fifo:$scratch/pipe"
}

@test "patterns and --dry-run" {
    needs_namespace
    for name in test-1 test-2 other; do mqmk "posix-mq:/$name"; done
    expect 0 mqrm --dry-run 'posix-mq:/test-*'
    [ "${#lines[@]}" -eq 2 ]
    expect 0 mqrm 'posix-mq:/test-*'
    [ "$(ipcls --raw --noheadings -o ADDRESS 'posix-mq:*')" = posix-mq:/other ]
}

@test "a segment of the name is no queue of Boost, and stays" {
    shmmk "posix-shm:/${boost_mq#*:}" 4096
    expect 1 mqrm "$boost_mq"
    says "no queue of Boost"
    expect 0 shmcat --length 1 "posix-shm:/${boost_mq#*:}"
    shmrm "posix-shm:/${boost_mq#*:}"
}

@test "what nobody can remove is not among what options choose" {
    needs_namespace
    mqmk "$mq"
    in_background mqrecv -f tcp:127.0.0.1:7001
    wait_until eval '[ -n "$(cells ADDRESS "tcp:*")" ]'
    expect 0 mqrm --owner root
    [ -z "$stderr" ]
    expect 1 mqrm tcp:127.0.0.1:7001
}

@test "--orphan says that nothing tells who made a queue" {
    needs_namespace
    mqmk "$mq"
    expect 0 mqrm --orphan
    says "counts as an orphan"
    expect 0 mqrm --orphan -q
    [ -z "$stderr" ]
    expect 2 mqrecv -n "$mq"
}

@test "--older-than counts from the last use of a ring too" {
    needs_namespace
    mqmk ring:/jobs
    made=$EPOCHSECONDS
    spared() {
        [ $((EPOCHSECONDS - made)) -gt 4 ] || return 1
        mqsend ring:/jobs precious
        [ -z "$(mqrm --older-than 3s --dry-run)" ]
    }
    wait_until spared
    before=$(stat -c %y /dev/shm/ipcring.jobs)
    mqrecv --peek ring:/jobs
    ipcls > /dev/null 2>&1
    [ "$(stat -c %y /dev/shm/ipcring.jobs)" = "$before" ]
    wait_until eval 'mqrm --older-than 3s && [ -z "$(cells ADDRESS)" ]'
}
