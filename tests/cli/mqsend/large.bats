# SPDX-License-Identifier: MIT
# Messages larger than their queue takes, by reference to memory.
load ../helper

prepare() {
    needs_namespace
    mqmk "$mq" > /dev/null
    mqmk "$sysv_mq" > /dev/null
}

segments() { find /dev/shm -name 'ipc-large.*' | wc -l; }

@test "a message far larger than the queue takes arrives as it was, and leaves nothing" {
    head -c 64M /dev/urandom > "$scratch/input"
    for address in "$mq" "$sysv_mq"; do
        in_background mqsend "$address" --map-over 4K -s -i "$scratch/input"
        mqrecv "$address" -N | cmp - "$scratch/input"
        wait "${background[-1]}"
        [ "$(segments)" -eq 0 ]
    done
}

@test "small and large messages keep their order, framing and priority" {
    head -c 300000 /dev/zero | tr '\0' x > "$scratch/large"
    { echo small; cat "$scratch/large"; echo; echo last; } > "$scratch/lines"
    in_background mqsend "$mq" --map-over 100 -i "$scratch/lines"
    mqrecv -c 3 "$mq" | cmp - "$scratch/lines"
    wait "${background[-1]}"
    in_background mqsend "$mq" --map-over 100 -p 7 -s -i "$scratch/large"
    expect 0 mqrecv --format '%P %l' "$mq"
    prints "7 300000"
    in_background mqsend "$sysv_mq" --map-over 100 -L -i <(printf '\0\0\0\3abc\0\4\223\340'; cat "$scratch/large")
    mqrecv -c 2 -L "$sysv_mq" | cmp - <(printf '\0\0\0\3abc\0\4\223\340'; cat "$scratch/large")
}

@test "segments are used again" {
    for _ in {1..200}; do head -c 20000 /dev/zero | tr '\0' y; echo; done > "$scratch/lines"
    strace -o /dev/null true 2>/dev/null || skip "needs strace"
    [ "$IPCUTILS_SANITIZE" != ON ] || skip "the leak sanitizer cannot be traced"
    in_background mqrecv -c 200 "$mq" > "$scratch/out"
    strace -f -e trace=linkat -o "$scratch/calls" mqsend "$mq" --map-over 8K -i "$scratch/lines"
    wait "${background[-1]}"
    cmp "$scratch/lines" "$scratch/out"
    [ "$(grep -c linkat "$scratch/calls")" -le 64 ]
    [ "$(segments)" -eq 0 ]
}

@test "the sender may be gone before the receiver comes" {
    head -c 100000 /dev/urandom > "$scratch/input"
    mqsend "$mq" --map-over 4K -s -i "$scratch/input"
    [ "$(segments)" -eq 1 ]
    [[ $(ipcls --raw --noheadings -o STATE,DETAIL 'posix-shm:/ipc-large.*') == "in\\x20use a\\x20large\\x20message\\x20of\\x20$mq" ]]
    mqrecv -N "$mq" | cmp - "$scratch/input"
    [ "$(segments)" -eq 0 ]
}

@test "what waits in a queue is no orphan and is not removed from it, and is left over when the queue is gone" {
    needs_namespace
    for queue in "$mq" "$sysv_mq"; do
        mqmk "$queue" 2>/dev/null || true
        head -c 9000 /dev/zero | tr '\0' a | mqsend -s --map-over 4K "$queue"
        large=$(cells ADDRESS 'posix-shm:/ipc-large.*')
        expect 0 shmrm --orphan
        expect 1 shmrm "$large"
        one_line_from shmrm
        says "it carries what waits in $queue"
        says "--force"
        expect 1 shmrm 'posix-shm:/ipc-large.*'
        expect 0 mqrecv -n "$queue"
        [ "${#output}" -eq 9000 ]
        [ "$(segments)" -eq 0 ]
        head -c 9000 /dev/zero | mqsend -s --map-over 4K "$queue"
        if [ "$queue" = "$mq" ]; then rm_queue; else ipcrm -Q "${queue#*:}"; fi
        expect 0 shmrm --orphan -v
        [[ $output == *ipc-large.* ]]
        [ "$(segments)" -eq 0 ]
    done
}

# As a program does it that knows nothing of large messages.
rm_queue() {
    mkdir -p "$scratch/queues"
    mount -t mqueue mqueue "$scratch/queues" || skip "this machine mounts no queues here"
    rm "$scratch/queues/${mq#*:/}"
    umount "$scratch/queues"
}

@test "a peek shows it and leaves it" {
    head -c 100000 /dev/urandom > "$scratch/input"
    mqsend "$sysv_mq" --map-over 4K -s -i "$scratch/input"
    mqrecv --peek -N "$sysv_mq" | cmp - "$scratch/input"
    mqrecv -N "$sysv_mq" | cmp - "$scratch/input"
}

@test "a reader that goes away in the middle of it: it and those behind it are in the queue again, in order" {
    head -c 300000 /dev/zero | tr '\0' x > "$scratch/large"
    { echo small; cat "$scratch/large"; echo; echo last; } > "$scratch/lines"
    for options in '' '--format %p'; do
        mqsend "$sysv_mq" --map-over 100 -i "$scratch/lines"
        # shellcheck disable=SC2086 # options are words
        { mqrecv -c 3 $options "$sysv_mq" || echo "${PIPESTATUS[0]}" > "$scratch/status"; } | head -c 100 > "$scratch/out"
        [ "$(cat "$scratch/status")" -eq 141 ]
        cmp -n 100 "$scratch/out" "$scratch/lines"
        mqrecv -c 2 "$sysv_mq" | cmp - <(tail -n +2 "$scratch/lines")
        expect 2 mqrecv -n "$sysv_mq"
        [ "$(segments)" -eq 0 ]
    done
}

@test "a command works on it, and what it could not be given to goes back" {
    head -c 100000 /dev/urandom > "$scratch/input"
    mqsend "$mq" --map-over 4K -s -i "$scratch/input"
    mqrecv "$mq" -- cat | cmp - "$scratch/input"
    mqsend "$mq" --map-over 4K -s -i "$scratch/input"
    run bash -c 'mqrecv -N "$0" > /dev/full' "$mq"
    [ "$status" -eq 1 ]
    mqrecv -N "$mq" | cmp - "$scratch/input"
}

@test "mqrm takes what was on its way along" {
    mqsend "$mq" --map-over 4 longer-than-four
    [ "$(segments)" -eq 1 ]
    mqrm "$mq"
    [ "$(segments)" -eq 0 ]
}

@test "what has not wholly the form of a reference is a message like others" {
    secret=$(printf '%032x' 7)
    for forged in "ipc-large-message/1 posix-shm:/etc 5 $secret" "ipc-large-message/1" \
        "ipc-large-message/1 file:/etc/passwd 5 $secret" "ipc-large-message/1 posix-shm:/ipc-large.$secret -1 $secret"; do
        printf '%s\n' "$forged" | mqsend "$mq" -s
        expect 0 mqrecv -N "$mq"
        prints "$forged"
    done
}

# The last expect named a reference, and wrote it as a line of JSON on stderr; nothing is in the queue any more.
passed_over() { # ADDRESS TEXT
    says "$2"
    [[ $stderr == *'{"payload":"ipc-large-message/1 '* ]]
    expect 2 mqrecv -n -q "$1"
}

@test "a reference to memory that is no large message is an error, and shows nothing of it" {
    secret=$(printf '%032x' 7)
    shmmk "posix:/ipc-large.$secret" -i <(printf 'ipclarg1'; head -c 9000 /dev/zero) > /dev/null
    printf '%s\n' "ipc-large-message/1 posix-shm:/ipc-large.$secret 100 $secret" | mqsend "$mq" -s
    expect 1 mqrecv -N "$mq"
    prints ""
    passed_over "$mq" "cannot be received"
}

@test "a reference to another queue's message is an error" {
    mqsend "$mq" --map-over 4 "a secret of one queue"
    mqmk posix-mq:/other > /dev/null
    name=$(basename /dev/shm/ipc-large.*)
    nonce=$(dd if="/dev/shm/$name" bs=1 skip=16 count=32 status=none)
    printf 'ipc-large-message/1 posix-shm:/%s 21 %s\n' "$name" "$nonce" | mqsend posix-mq:/other -s
    expect 1 mqrecv -N posix-mq:/other
    prints ""
    passed_over posix-mq:/other "another queue"
    [ "$(mqrecv -n "$mq")" = "a secret of one queue" ]
}

@test "a large message that is gone is an error in every form, never a payload, and the others go on" {
    for options in -e '-e -J' '-e -x' '-e --format %p' '-e -0' '-e -L' '-e -u' '-c 3'; do
        mqsend "$mq" --map-over 4 one "longer than four" two
        rm /dev/shm/ipc-large.*
        # shellcheck disable=SC2086 # options are words
        expect 1 mqrecv $options "$mq"
        [[ $output != *ipc-large-message* ]]
        [[ $options == *-x* || $output == *one*two* ]]
        passed_over "$mq" "is none of that name"
    done
    mqsend "$sysv_mq" --map-over 4 one "longer than four" two
    rm /dev/shm/ipc-large.*
    expect 1 mqrecv --peek "$sysv_mq"
    prints $'one\ntwo'
    [[ $stderr != *payload* ]]
    expect 1 mqrecv -c 3 "$sysv_mq"
    prints $'one\ntwo'
}

@test "-f goes on behind a large message that is gone" {
    mqsend "$mq" --map-over 4 "longer than four" two
    rm /dev/shm/ipc-large.*
    in_background mqrecv -f "$mq" > "$scratch/out" 2> "$scratch/said"
    wait_until grep -q two "$scratch/out"
    grep -q "cannot be received" "$scratch/said"
    kill -KILL "${background[-1]}"
}

@test "a command is not run for a large message that is gone: it is a dead letter, or named and not put back" {
    mqsend "$mq" --map-over 4 "longer than four" two
    rm /dev/shm/ipc-large.*
    expect 1 mqrecv -e --retries 2 --dead-letter "$sysv_mq" "$mq" -- cat
    prints two
    says "it went to"
    [[ $(mqrecv -n "$sysv_mq") == *'"payload":"ipc-large-message/1 '*'"reason":"the large message '*'"attempts":0'* ]]
    for journal in '' "--journal $scratch/journal"; do
        mqsend "$mq" --map-over 4 "longer than four" two
        rm /dev/shm/ipc-large.*
        # shellcheck disable=SC2086 # words
        expect 1 mqrecv -e $journal "$mq" -- cat
        prints two
        passed_over "$mq" "cannot be received"
        expect 2 mqrecv -n --journal "$scratch/journal" "$mq" -- cat
    done
}

@test "a large message that this user may not read goes back to its queue" {
    needs_nobody
    mqrm "$mq"
    mqmk -m 666 "$mq" > /dev/null
    mqsend "$mq" --map-over 4 "longer than four"
    for command in '' '-- cat'; do
        # shellcheck disable=SC2086 # words
        expect 1 as_nobody mqrecv "$mq" $command
        prints ""
        says "put back: 1"
    done
    [ "$(mqrecv -n "$mq")" = "longer than four" ]
}

@test "a large message goes back as it came if the journal has no room for it" {
    mkdir "$scratch/small"
    mount -t tmpfs -o size=12k tmpfs "$scratch/small" || skip "no tmpfs can be mounted"
    head -c 100000 /dev/urandom > "$scratch/input"
    mqsend "$mq" --map-over 4K -s -i "$scratch/input"
    expect 1 mqrecv --journal "$scratch/small/journal" "$mq" -- cat
    says "put back: 1"
    mqrecv -n -N "$mq" | cmp - "$scratch/input"
    umount "$scratch/small"
}

@test "mqrm --rescue saves a large message and not its reference" {
    mqsend "$sysv_mq" --map-over 4 one "longer than four"
    expect 0 mqrm --rescue "$scratch/saved" "$sysv_mq"
    mqmk "$sysv_mq" > /dev/null
    mqsend "$sysv_mq" -J -i "$scratch/saved"
    expect 0 mqrecv -e "$sysv_mq"
    prints $'one\nlonger than four'
}

@test "a full /dev/shm is an error that says so, and nothing is sent" {
    mount -t tmpfs -o size=1M tmpfs /dev/shm || skip "cannot mount"
    expect 1 mqsend "$mq" --map-over 4K -s -i <(head -c 4M /dev/zero)
    one_line_from mqsend
    says "is full"
    expect 2 mqrecv -n -q "$mq"
    umount /dev/shm
}
