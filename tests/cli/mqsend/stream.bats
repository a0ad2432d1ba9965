# SPDX-License-Identifier: MIT
# mqsend --stream and mqrecv --stream: bytes over a queue of messages.
load ../helper

prepare() {
    mqmk "$mq" > /dev/null
    mqmk "$sysv_mq" > /dev/null
}

@test "every byte arrives in its order, and the end with it" {
    head -c 3000000 /dev/urandom > "$scratch/bytes"
    for address in "$mq" "$sysv_mq"; do
        in_background mqsend --stream -i "$scratch/bytes" "$address"
        sender=$!
        expect 0 bash -c "mqrecv --stream '$address' | cmp - '$scratch/bytes'"
        wait "$sender"
        expect 2 mqrecv -n "$address"
    done
}

@test "nothing is a stream as well" {
    mqsend --stream "$mq" < /dev/null
    expect 0 mqrecv --stream "$mq"
    prints ""
}

@test "what stands behind the end is another stream" {
    mqsend --stream "$mq" <<< first
    mqsend --stream "$mq" <<< second
    expect 0 mqrecv --stream "$mq"
    prints first
    expect 0 mqrecv --stream "$mq"
    prints second
}

@test "bytes go on at once, before the input ends" {
    mkfifo "$scratch/keyboard"
    in_background mqrecv --stream "$mq" > "$scratch/screen"
    receiver=$!
    in_background mqsend --stream -i "$scratch/keyboard" "$mq"
    exec 5> "$scratch/keyboard"
    printf 'pass' >&5
    wait_until grep -q pass "$scratch/screen"
    printf 'word\n' >&5
    wait_until grep -qx password "$scratch/screen"
    exec 5>&-
    wait "$receiver"
}

@test "chunks are as large as the queue takes, and no larger than 64 KiB" {
    head -c 20000 /dev/zero > "$scratch/bytes"
    mqsend --stream "$mq" < "$scratch/bytes"
    expect 0 mqrecv -e --format %l "$mq"
    prints $'8192\n8192\n3616\n0'
    needs_namespace
    echo 300000 > /proc/sys/fs/mqueue/msgsize_max || skip "the limit cannot be set"
    mqmk posix:/large --max-messages 3 --max-size 70000
    head -c 65536 /dev/zero > "$scratch/bytes"
    mqsend --stream posix:/large < "$scratch/bytes"
    expect 0 mqrecv -e --format %l posix:/large
    prints $'65536\n0'
}

@test "-p and -t are those of all of it, -i names a file" {
    printf text > "$scratch/input"
    mqsend --stream -p 5 -i "$scratch/input" "$mq"
    expect 0 mqrecv -e --format '%P %p' "$mq"
    prints $'5 text\n5 '
    mqsend --stream -t 8 "$sysv_mq" < "$scratch/input"
    expect 0 mqrecv --stream "$sysv_mq?type=8"
    prints text
}

@test "-n and -w are status 2 on both sides" {
    expect 2 mqrecv --stream -n "$mq"
    one_line_from mqrecv
    expect 2 mqrecv --stream -w 0.1 "$mq"
    head -c 200000 /dev/zero > "$scratch/bytes"
    expect 2 mqsend --stream -n "$mq" -i "$scratch/bytes"
    one_line_from mqsend
    expect 2 mqsend --stream -w 0.1 "$mq" -i "$scratch/bytes"
    expect 2 bash -c "mqrecv --stream -n -q '$mq' > '$scratch/out'"
    [ "$(wc -c < "$scratch/out")" -eq 81920 ]
}

@test "a sender that is interrupted, or cannot read, marks no end" {
    mkfifo "$scratch/keyboard"
    in_background mqsend --stream -i "$scratch/keyboard" "$mq"
    sender=$!
    exec 5> "$scratch/keyboard"
    printf half >&5
    wait_until bash -c "mqrecv --wait-for message -n '$mq'"
    kill "$sender"
    run wait "$sender"
    exec 5>&-
    expect 2 mqrecv --stream -w 0.1 "$mq"
    prints half
    expect 1 mqsend --stream "$mq" -i "$scratch"
    one_line_from mqsend
    expect 2 mqrecv -n "$mq"
}

@test "a reader that is gone: what it did not get is in the queue or on standard error" {
    mqsend --stream "$mq" <<< precious
    mkfifo "$scratch/pipe"
    exec 5<> "$scratch/pipe"
    exec 6> "$scratch/pipe" 5<&-
    run bash -c "mqrecv --stream '$mq' >&6 2> '$scratch/said'"
    exec 6>&-
    [ "$status" -eq 141 ]
    # The end is back as well, behind it.
    expect 0 mqrecv --stream "$mq"
    prints precious
}

@test "standard output that is full is an error, and the bytes are back" {
    mqsend --stream "$mq" <<< precious
    run bash -c "mqrecv --stream '$mq' 2> '$scratch/said' > /dev/full"
    [ "$status" -eq 1 ]
    grep -q 'put back: 2' "$scratch/said"
    expect 0 mqrecv --stream "$mq"
    prints precious
}

@test "on a terminal lines stay lines, and nothing controls it" {
    command -v script >/dev/null || skip "needs script"
    printf 'one\n\033[2Jtwo\n' | mqsend --stream "$mq"
    script -qec "mqrecv --stream $mq" /dev/null < /dev/null | tr -d '\r' > "$scratch/screen"
    grep -qx one "$scratch/screen"
    ! tr -d '\n' < "$scratch/screen" | grep -q '[[:cntrl:]]'
}

@test "options that contradict a stream" {
    for options in -0 "-d ;" -L -J -s; do
        # shellcheck disable=SC2086
        expect 64 mqsend --stream $options "$mq"
        one_line_from mqsend
    done
    expect 64 mqsend --stream "$mq" message
    for options in -0 "-d ;" -L -J -N "-c 2" -f -e --peek -x "--format %p" "--wait-for message"; do
        # shellcheck disable=SC2086
        expect 64 mqrecv --stream $options "$mq"
        one_line_from mqrecv
    done
}
