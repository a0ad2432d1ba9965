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
