# SPDX-License-Identifier: MIT
# What a command inherits of signals and timers is its caller's: no wait depends on it, and it is handed on.
load ../helper

prepare() {
    mqmk "$mq" > /dev/null
    mqmk "$sysv_mq" > /dev/null
    mkfifo "$scratch/fifo"
}

# The waits of these tests; a command that never ends is killed, which is 137.
within() { timeout -k 1 -s KILL 30 "$@"; }

# every_wait SECONDS: a line for each command that would wait for ever.
every_wait() {
    cat <<END
mqrecv -w $1 $mq
mqrecv -w $1 $sysv_mq
mqrecv -w $1 -f $sysv_mq
mqrecv -w $1 $sysv_mq -- true
mqrecv -w $1 $mq -- true
mqrecv --wait-for message -w $1 $mq
mqsend -w $1 fifo:$scratch/fifo text
mqrecv -w $1 fifo:$scratch/fifo
semwait -w $1 $sem
semlock -w $1 $flock -- true
END
}

@test "-w ends a wait, whatever signals the caller blocks or ignores" {
    semmk "$sem" 0 > /dev/null
    in_background semlock "$flock" -- sleep 300
    wait_until test -e "${flock#*:}"
    wait_until bash -c '! semlock -n "$0" -- true 2>/dev/null' "$flock"
    for how in --block-signal=ALRM --block-signal --ignore-signal; do
        while read -r line; do
            # shellcheck disable=SC2086
            expect 2 within env "$how" $line
        done < <(every_wait 0.3)
    done
}

@test "-w ends a wait where no signal may be pending" {
    while read -r line; do
        # shellcheck disable=SC2086
        expect 2 within bash -c 'ulimit -i 0; exec "$@"' bash $line
    done < <(every_wait 0.3 | grep -v ^sem)
}

@test "an alarm that the caller has set ends a wait as it ends any program, with -w and without" {
    for line in "mqrecv $mq" "mqrecv $sysv_mq" "mqrecv -w 25 $sysv_mq" "mqrecv -w 25 $mq" "mqrecv -w 25 $sysv_mq -- true" \
        "mqrecv -w 25 --wait-for message $sysv_mq" "mqsend -w 25 fifo:$scratch/fifo text"; do
        # shellcheck disable=SC2086
        expect 142 within perl -e 'alarm 1; exec @ARGV' $line
        # shellcheck disable=SC2086
        expect 2 within perl -e 'alarm 300; exec @ARGV' mqrecv -w 0.3 "$sysv_mq"
    done
}

@test "no signal that would end it makes mqrecv lose a message in hand" {
    needs_namespace
    for signal in ALRM VTALRM PROF USR1 USR2 XCPU IO PWR STKFLT; do
        mqsend "$mq" keep
        mkfifo "$scratch/$signal"
        in_background mqrecv "$mq" -- sh -c 'echo runs > "$0"; read -r line < "$0"; exit 1' "$scratch/$signal" 2> /dev/null
        receiver=$!
        read -r _ < "$scratch/$signal"
        kill -"$signal" "$receiver"
        echo go > "$scratch/$signal"
        status=0
        wait "$receiver" || status=$?
        [ "$status" -eq $((128 + $(kill -l "$signal"))) ]
        [ "$(mqrecv -n "$mq")" = keep ]
    done
}

@test "no signal that would end it makes mqsend lose a record that it has read" {
    mqmk "$other_mq" --max-messages 1
    seq 5 > "$scratch/input"
    for signal in ALRM VTALRM PROF USR1 USR2 XCPU IO PWR STKFLT; do
        in_background mqsend "$other_mq" --unsent "$scratch/$signal" -i "$scratch/input"
        sender=$!
        wait_until full
        wait_until sleeps "$sender"
        kill -"$signal" "$sender"
        status=0
        wait "$sender" || status=$?
        [ "$status" -eq $((128 + $(kill -l "$signal"))) ]
        { mqrecv -n "$other_mq" && cat "$scratch/$signal"; } | cmp - <(seq 5)
    done
}
full() { [ "$(cells MESSAGES "$other_mq")" = 1 ]; }

@test "an alarm that the caller has set ends a command under a lock" {
    for address in "$sem" "$sysv_sem" "$mutex" "$flock"; do
        expect 142 within perl -e 'alarm 1; exec @ARGV' semlock "$address" -- sleep 300
        expect 0 within perl -e 'alarm 300; exec @ARGV' semlock "$address" -- true
    done
    expect 7 within perl -e 'alarm 1; exec @ARGV' semlock "$flock" -- perl -e '$SIG{ALRM} = sub { exit 7 }; sleep 300'
}

@test "a command that is run finds signals as the caller had them" {
    [ "$IPCUTILS_SANITIZE" != ON ] || bus="" # which a sanitizer catches before anything else runs
    inherit=(env --block-signal=USR1,CHLD,ALRM,RTMAX-5
        --ignore-signal=PIPE,CHLD,ALRM,INT,HUP,XFSZ,${bus-BUS,}VTALRM,USR2,RTMAX-5,RTMAX-6)
    wanted=$("${inherit[@]}" grep -E '^Sig(Blk|Ign)' /proc/self/status)
    [ -n "$wanted" ]
    for address in "$mq" "$sysv_mq"; do
        mqsend "$address" x
        expect 0 "${inherit[@]}" mqrecv -w 20 "$address" -- grep -E '^Sig(Blk|Ign)' /proc/self/status
        prints "$wanted"
        mqsend "$address" x
        expect 0 "${inherit[@]}" mqrecv --journal "$scratch/${address%%:*}" "$address" -- grep -E '^Sig(Blk|Ign)' /proc/self/status
        prints "$wanted"
    done
    expect 0 "${inherit[@]}" shmmk memfd:frame 4096 -- grep -E '^Sig(Blk|Ign)' /proc/self/status
    prints "$wanted"
    expect 0 "${inherit[@]}" semlock --barrier 1 "$mutex" -- grep -E '^Sig(Blk|Ign)' /proc/self/status
    prints "$wanted"
}

@test "what the caller does not ignore is not ignored by a command that is run" {
    wanted=$(grep -E '^Sig(Blk|Ign)' /proc/self/status)
    mqsend "$mq" x
    expect 0 mqrecv --journal "$scratch/journal" "$mq" -- grep -E '^Sig(Blk|Ign)' /proc/self/status
    prints "$wanted"
}

@test "the end of a command is noticed where the caller blocks or ignores SIGCHLD" {
    for how in --block-signal=CHLD --ignore-signal=CHLD --block-signal; do
        for address in "$mq" "$sysv_mq"; do
            mqsend "$address" 1 2 3 4
            expect 0 within env "$how" mqrecv -c 4 -P 2 "$address" -- true
            # While the next message is waited for.
            mqsend "$address" fails
            in_background env "$how" mqrecv -f -P 2 "$address" -- false 2> "$scratch/said"
            wait_until grep -q 'exit status 1' "$scratch/said"
            kill -KILL "${background[-1]}"
            wait_until gone "${background[-1]}"
        done
    done
}
gone() { ! kill -0 "$1" 2>/dev/null; }

@test "a wait for a command that is interrupted or fails does not hang, and what is not known to be done goes back" {
    [ "$IPCUTILS_SANITIZE" != ON ] || skip "the leak sanitizer cannot be traced"
    command -v strace >/dev/null || skip "needs strace"
    strace -o /dev/null true || skip "strace is not permitted"
    for when in 1 2; do
        mqsend "$mq" x
        expect 0 within strace -o /dev/null -e inject=wait4:error=EINTR:when="$when" mqrecv "$mq" -- true
    done
    mqsend "$mq" x
    expect 1 within strace -o /dev/null -e inject=wait4:error=ECHILD mqrecv "$mq" -- true
    says "cannot be learnt"
    [ "$(mqrecv -n "$mq")" = x ]
}
