# SPDX-License-Identifier: MIT
# Under `ulimit -f` a file that would get too long is an error like a full disk: nobody dies of SIGXFSZ, and what a
# command has in hand is kept.
load ../helper

# limited KIBIBYTES COMMAND...
limited() { bash -c 'ulimit -f "$0"; exec "$@"' "$@"; }

# limited_into FILE KIBIBYTES COMMAND...: its output goes there.
limited_into() {
    local into=$1
    shift
    limited "$@" > "$into"
}

@test "a message is no file: the command that is run for it gets all of it" {
    for address in "$mq" "$sysv_mq" "$boost_mq"; do
        mqmk "$address"
        head -c 4000 /dev/zero | mqsend -s "$address"
        expect 0 limited 1 mqrecv "$address" -- wc -c
        prints 4000
    done
}

@test "a message that cannot be handed to the command stays in the queue" {
    needs_namespace
    mqmk 'ring:/large?size=16M'
    head -c 6M /dev/zero | mqsend -s ring:/large
    expect 1 limited 1 mqrecv ring:/large -- wc -c
    says "file size limit is 1024 bytes"
    [ "$(mqrecv -n ring:/large | wc -c)" -eq $(((6 << 20) + 1)) ]
    mqrm ring:/large
}

@test "output that ends in a file: an error with the limit, and no message is lost" {
    for address in "$mq" "$sysv_mq"; do
        mqmk "$address"
        head -c 2000 /dev/urandom | mqsend -s "$address"
        for option in "" -J -x; do
            expect 1 limited_into "$scratch/out" 1 mqrecv $option "$address"
            says "file size limit is 1024 bytes"
        done
        [ "$(mqrecv -n "$address" | wc -c)" -eq 2001 ]
    done
    head -c 3000 /dev/urandom | shmmk "$shm" -i -
    for option in "" -x --stable; do
        expect 1 limited_into "$scratch/out" 1 shmcat $option "$shm"
        says "file size limit is 1024 bytes"
    done
    expect 1 limited_into "$scratch/out" 1 ipcls --help
    says "file size limit"
}

@test "what could not be sent and does not fit into --unsent FILE is told, with what is in it" {
    mqmk "$mq" --max-messages 2
    expect 1 limited 1 mqsend -n "$mq" --unsent "$scratch/left" < <(seq 1000)
    one_line_from mqsend
    says "records sent before: 2"
    says "not all that was left could be kept"
    says "file size limit is 1024 bytes"
    says "bytes of it that are there: 1024"
    cmp "$scratch/left" <(seq 3 1000 | head -c 1024)
    [ "$(mqrecv -e "$mq")" = $'1\n2' ]
}

@test "an error that shows only when --unsent FILE is closed is told" {
    [ "$IPCUTILS_SANITIZE" != ON ] || skip "the leak sanitizer cannot be traced"
    command -v strace >/dev/null && strace -o /dev/null true || skip "needs strace"
    mqmk "$mq" --max-messages 1
    expect 1 strace -o /dev/null -P "$scratch/left" -e trace=close -e inject=close:error=EDQUOT \
        mqsend -n "$mq" --unsent "$scratch/left" < <(seq 3)
    says "could be kept"
    says "quota"
}

@test "a rescue that does not fit leaves the queue with all its messages, and no file" {
    mqmk "$sysv_mq"
    seq 300 | mqsend -n "$sysv_mq"
    expect 1 limited 1 mqrm --rescue "$scratch/saved" "$sysv_mq"
    says "file size limit is 1024 bytes"
    [ ! -e "$scratch/saved" ]
    mqrecv -e "$sysv_mq" | cmp - <(seq 300)
}

@test "shmmk and shmcat: an error, nothing made, nothing changed" {
    head -c 3000 /dev/zero > "$scratch/input"
    for input in - "$scratch/input"; do
        for address in "$shm" "$file"; do
            expect 1 limited 1 shmmk "$address" -i "$input" < <(cat "$scratch/input")
            one_line_from shmmk
            says "file size limit is 1024 bytes"
            expect 1 shmcat "$address"
        done
    done
    printf 'old content' | shmmk "$shm" -i -
    expect 1 limited 1 shmcat "$shm" --resize -i - < <(cat "$scratch/input")
    says "file size limit is 1024 bytes"
    says "as it was before"
    [ "$(shmcat "$shm")" = "old content" ]
}

@test "a command that is run has the signal as the caller had it" {
    mqmk "$mq"
    for ignored in 0 1; do
        [ "$ignored" = 0 ] || trap '' XFSZ
        mqsend "$mq" message
        for command in "mqrecv -n $mq" "semlock $sysv_sem" "shmmk memfd:memory 4096"; do
            mask=$($command -- grep SigIgn /proc/self/status)
            [ $((0x${mask##*[[:space:]]} >> 24 & 1)) -eq "$ignored" ]
        done
        trap - XFSZ
    done
}
