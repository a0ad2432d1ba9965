# SPDX-License-Identifier: MIT
load ../helper

@test "a queue is created and its bare address is printed" {
    for address in "$mq" "$sysv_mq"; do
        expect 0 mqmk "$address"
        prints "$address"
        [ -z "$stderr" ]
        expect 2 mqrecv -n "$address"
    done
}

@test "creation is exclusive and leaves what waits" {
    for address in "$mq" "$sysv_mq"; do
        mqmk "$address"
        mqsend "$address" mine
        expect 1 mqmk "$address"
        one_line_from mqmk
        expect 0 mqmk --reuse "$address"
        [ "$(mqrecv -n "$address")" = mine ]
    done
}

@test "--max-messages and --max-size are what the queue then has" {
    mqmk "$mq" --max-messages 3 --max-size 16
    mqsend "$mq" 1 2 3
    expect 2 mqsend -n "$mq" 4
    mqrecv -e "$mq" > /dev/null
    mqsend "$mq" 0123456789abcdef
    expect 1 mqsend "$mq" 0123456789abcdefg
    says 17
    says 16
}

@test "fs.mqueue.msg_max is named with its present and the needed value" {
    needs_namespace
    expect 1 mqmk "$mq" --max-messages 60000
    says fs.mqueue.msg_max
    says "$(cat /proc/sys/fs/mqueue/msg_max)"
    says 60000
    one_line_from mqmk
}

@test "fs.mqueue.msgsize_max is named with its present and the needed value" {
    needs_namespace
    expect 1 mqmk "$mq" --max-size 1M
    says fs.mqueue.msgsize_max
    says "$(cat /proc/sys/fs/mqueue/msgsize_max)"
    says 1048576
}

@test "RLIMIT_MSGQUEUE is named behind \"Too many open files\"" {
    needs_namespace
    ulimit -q 100000
    for i in 1 2 3; do
        run --separate-stderr mqmk "posix-mq:/q$i"
        [ "$status" -eq 0 ] || break
    done
    [ "$status" -eq 1 ]
    says RLIMIT_MSGQUEUE
    says 100000
}

@test "fs.mqueue.queues_max is named" {
    needs_namespace
    old=$(cat /proc/sys/fs/mqueue/queues_max)
    echo 1 > /proc/sys/fs/mqueue/queues_max || skip "the limit cannot be set"
    # Whoever has CAP_SYS_RESOURCE is not held to it.
    mqmk "posix-mq:/q1"
    run --separate-stderr mqmk "posix-mq:/q2"
    echo "$old" > /proc/sys/fs/mqueue/queues_max
    [ "$status" -ne 0 ] || skip "this user is above the limit"
    says fs.mqueue.queues_max
}

@test "kernel.msgmnb is named" {
    needs_namespace
    expect 1 mqmk "$sysv_mq" --max-messages 1000000 --max-size 1000
    one_line_from mqmk
    says kernel.msg
}

@test "kernel.msgmni is named" {
    needs_namespace
    old=$(cat /proc/sys/kernel/msgmni)
    echo 1 > /proc/sys/kernel/msgmni || skip "the limit cannot be set"
    mqmk "$sysv_mq"
    expect 1 mqmk sysv-mq:0x77
    echo "$old" > /proc/sys/kernel/msgmni
    says kernel.msgmni
}

@test "a private queue prints an address that reaches it" {
    expect 0 mqmk sysv-mq:private
    [[ $output == sysv-mq:id=* ]]
    mqsend "$output" hello
    [ "$(mqrecv -n "$output")" = hello ]
    ipcrm -q "${output#*id=}"
}

@test "the mode is 0600 by default and otherwise exactly what was asked for" {
    umask 077
    mqmk "$sysv_mq" -m 0666
    [ "$(sysvipc msg | awk '{print $3}')" = 666 ]
    mqmk "$mq"
    expect 0 ipcls --raw --noheadings -o MODE "$mq"
    [[ $output == *600* ]]
}

@test "the advice about RLIMIT_MSGQUEUE raises it, also where the use of it is not seen" {
    needs_nobody
    needs_namespace
    ulimit -q 100000
    for i in 1 2 3; do
        run --separate-stderr as_nobody mqmk "posix-mq:/q$i"
        [ "$status" -eq 0 ] || break
    done
    [ "$status" -eq 1 ]
    advice=$(sed -n 's/.*ulimit -q \([0-9]*\).*/\1/p' <<< "$stderr")
    [ "$advice" -gt 100000 ]
    says "after root raised the hard limit"
}
