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
