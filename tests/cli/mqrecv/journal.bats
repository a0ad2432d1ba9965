# SPDX-License-Identifier: MIT
# mqrecv --journal FILE: what was taken and is not done outlives mqrecv.
load ../helper

prepare() {
    journal=$scratch/journal
    mqmk "$mq" > /dev/null
    mqmk "$sysv_mq" > /dev/null
}

# A command for a message that never ends well: mqrecv dies under it.
crash='kill -KILL $PPID'

# Take so many messages into the journal and crash.
leave() { # ADDRESS WORKERS MESSAGE...
    local address=$1 workers=$2
    shift 2
    mqsend "$address" "$@"
    run mqrecv -e -P "$workers" --journal "$journal" "$address" -- bash -c 'sleep 0.2; kill -KILL $PPID'
    [ "$status" -eq 137 ]
}

refuses() { # TEXT: the journal is refused with it, stays as it was, and nothing is taken
    cp "$journal" "$scratch/before"
    mqsend "$mq" precious
    expect 1 mqrecv -n --journal "$journal" "$mq" -- true
    one_line_from mqrecv
    says "$1"
    cmp "$journal" "$scratch/before"
    [ "$(mqrecv -n "$mq")" = precious ]
}

@test "what a run that was killed had in hand comes first in the next one" {
    for address in "$mq" "$sysv_mq"; do
        rm -f "$journal"
        mqsend "$address" 1 2 3
        expect 137 mqrecv -e --journal "$journal" "$address" -- bash -c "$crash"
        expect 0 mqrecv -e --journal "$journal" "$address" -- bash -c 'echo "$(cat) $IPC_INDEX ${IPC_RECOVERED-new}"'
        prints $'1 1 1\n2 2 new\n3 3 new'
        expect 0 mqrecv -e --journal "$journal" "$address" -- cat
        prints ""
    done
}

@test "-c counts what comes from the journal, and the rest stays there" {
    leave "$mq" 3 1 2 3
    mqsend "$mq" 4
    expect 0 mqrecv -c 2 --journal "$journal" "$mq" -- cat
    prints 12
    expect 0 mqrecv -e --journal "$journal" "$mq" -- cat
    prints 34
}

@test "priority, type and every byte outlive the crash" {
    for i in $(seq 0 255); do printf "\\x$(printf %x "$i")"; done > "$scratch/bytes"
    mqsend -s -p 77 "$mq" < "$scratch/bytes"
    expect 137 mqrecv --journal "$journal" "$mq" -- bash -c "$crash"
    expect 0 mqrecv --journal "$journal" "$mq" -- bash -c 'cmp - "$0" && echo $IPC_PRIORITY ${IPC_TYPE-none}' "$scratch/bytes"
    prints "77 none"
    mqsend -t 9223372036854775807 "$sysv_mq" ""
    expect 137 mqrecv --journal "$scratch/other" "$sysv_mq" -- bash -c "$crash"
    expect 0 mqrecv --journal "$scratch/other" "$sysv_mq" -- bash -c 'echo $IPC_TYPE $IPC_LENGTH'
    prints "9223372036854775807 0"
}

@test "every message is worked on at least once, at whatever call mqrecv is killed" {
    command -v strace >/dev/null && strace -o /dev/null true || skip "needs strace"
    # Between the end of a receive and the end of the write behind it a message is nowhere: mqrecv(1) says so.
    for call in fdatasync mq_timedreceive memfd_create vfork,clone,clone3 wait4 rt_sigprocmask; do
        for when in 1 2 3 4 7; do
            rm -f "$journal" "$scratch/done"
            mqsend "$mq" 1 2 3 4 5 6
            run strace -o /dev/null -e "trace=$call" -e "inject=$call:signal=KILL:when=$when" \
                mqrecv -e -P 2 --journal "$journal" "$mq" -- bash -c 'echo "$(cat)" >> "$0"' "$scratch/done"
            wait_until mqrecv -q -e --journal "$journal" "$mq" -- bash -c 'echo "$(cat)" >> "$0"' "$scratch/done"
            # A command that outlived mqrecv ends on its own.
            wait_until bash -c '[ "$(sort -u "$0" | tr -d "\n")" = 123456 ]' "$scratch/done"
        done
    done
}

@test "killed again and again while messages go on coming, nothing is lost" {
    mqsend "$mq" 1 2 3 4 5 6 7 8
    rounds=0
    # Each run is killed by the command of its second message, before or behind the work.
    until mqrecv -e --journal "$journal" "$mq" -- bash -c '
        message=$(cat)
        [ "$IPC_INDEX" = 1 ] || [ $((message % 2)) = 0 ] || kill -KILL $PPID
        echo "$message" >> "$0"
        [ "$IPC_INDEX" = 1 ] || kill -KILL $PPID' "$scratch/done"; do
        rounds=$((rounds + 1))
        [ "$rounds" -lt 50 ]
    done 2>/dev/null
    [ "$rounds" -gt 3 ]
    # A command that outlived mqrecv ends on its own.
    wait_until bash -c '[ "$(sort -u "$0" | tr -d "\n")" = 12345678 ]' "$scratch/done"
}

@test "messages that are given up go back to the queue and leave the journal" {
    mqsend "$mq" 1 2
    expect 1 mqrecv -e --journal "$journal" "$mq" -- false
    says "put back: 2"
    expect 0 mqrecv -e "$mq"
    prints $'1\n2'
    expect 0 mqrecv -e --journal "$journal" "$mq" -- cat
    prints ""
}

@test "what cannot go back to its queue stays in the journal" {
    mqsend "$mq" precious
    expect 3 mqrecv --journal "$journal" "$mq" -- bash -c 'while mqsend -n -q "$IPC_ADDRESS" filler; do :; done; exit 3'
    says "stay in $journal"
    expect 0 mqrecv --journal "$journal" "$mq" -- cat
    prints precious
}

@test "a dead letter is done" {
    mqsend "$mq" text
    expect 1 mqrecv --dead-letter "$sysv_mq" --journal "$journal" "$mq" -- false
    expect 2 mqrecv -n --journal "$journal" "$mq" -- cat
    [[ "$(mqrecv -n "$sysv_mq")" == *'"payload":"text"'* ]]
}

@test "a record that was cut off is dropped with a notice, those before it are not" {
    leave "$mq" 2 first second
    size=$(stat -c %s "$journal")
    for cut in 1 20 47; do
        cp "$journal" "$scratch/cut"
        truncate -s $((size - cut)) "$scratch/cut"
        expect 0 mqrecv -e --journal "$scratch/cut" "$mq" -- cat
        prints first
        says "cut off by a crash"
        expect 0 mqrecv -e --journal "$scratch/cut" "$mq" -- cat
        [ -z "$stderr" ]
    done
}

@test "what is no journal is refused and stays as it is" {
    echo "my diary, and longer than what a journal begins with, so that there is no doubt" > "$journal"
    refuses "not a journal"
    echo x > "$journal"
    refuses "not a journal"
    for path in "$scratch" /dev/null "$scratch/nonesuch/journal"; do
        mqsend "$mq" precious
        expect 1 mqrecv -n --journal "$path" "$mq" -- true
        one_line_from mqrecv
        [ "$(mqrecv -n "$mq")" = precious ]
    done
    mkfifo "$scratch/fifo"
    expect 1 timeout 10 mqrecv -n --journal "$scratch/fifo" "$mq" -- true
    one_line_from mqrecv
}

@test "an empty file becomes a journal, for its owner alone where it is made" {
    : > "$journal"
    mqsend "$mq" 1 2
    expect 0 mqrecv --journal "$journal" "$mq" -- cat
    expect 0 mqrecv --journal "$scratch/made" "$mq" -- cat
    [ "$(stat -c %a "$scratch/made")" = 600 ]
}

@test "the journal of another queue is refused and stays as it is" {
    leave "$sysv_mq" 1 theirs
    refuses "$sysv_mq"
    expect 0 mqrecv --journal "$journal" "$sysv_mq" -- cat
    prints theirs
}

@test "a journal that is damaged before its end is refused and stays as it is" {
    leave "$mq" 3 first second third
    offset=$(grep -abo first "$journal" | cut -d: -f1)
    printf X | dd of="$journal" bs=1 seek="$offset" conv=notrunc status=none
    refuses "damaged at byte"
    printf X | dd of="$journal" bs=1 seek=17 conv=notrunc status=none
    refuses "damaged"
}

@test "two never share a journal" {
    mqsend "$mq" 1
    in_background mqrecv -f --journal "$journal" "$mq" -- touch "$scratch/runs"
    wait_until test -e "$scratch/runs"
    mqsend "$sysv_mq" precious
    expect 1 mqrecv -n --journal "$journal" "$sysv_mq" -- true
    says "another process works with this journal"
    [ "$(mqrecv -n "$sysv_mq")" = precious ]
}

@test "a full disk is an error, and the message goes back" {
    needs_namespace
    mkdir "$scratch/small"
    mount -t tmpfs -o size=12k tmpfs "$scratch/small" || skip "no tmpfs can be mounted"
    for address in "$mq" "$sysv_mq"; do
        for i in 1 2; do head -c 8000 /dev/zero | tr '\0' "$i" | mqsend -s "$address"; done
        expect 1 mqrecv -e -P 2 --journal "$scratch/small/journal" "$address" -- cut -c 1
        prints ""
        says "No space left"
        says "put back: 2"
        # One at a time there is room: what is done makes way.
        expect 0 mqrecv -e --journal "$scratch/small/journal" "$address" -- cut -c 1
        prints $'1\n2'
        rm "$scratch/small/journal"
    done
    umount "$scratch/small"
}

@test "a disk that takes nothing more is an error, and the message goes back" {
    command -v strace >/dev/null && strace -o /dev/null true || skip "needs strace"
    mqsend "$mq" 1 2
    expect 0 mqrecv --journal "$journal" "$mq" -- cat
    expect 1 strace -o /dev/null -e trace=fdatasync -e inject=fdatasync:error=EIO mqrecv --journal "$journal" "$mq" -- cat
    prints ""
    says "cannot be brought to disk"
    [ "$(mqrecv -n "$mq")" = 2 ]
    expect 2 mqrecv -n --journal "$journal" "$mq" -- cat
}

@test "a limit on the size of files is an error as well, and kills nobody" {
    mqsend "$mq" "$(printf 'x%.0s' {1..4000})"
    expect 1 bash -c "ulimit -f 1; mqrecv --journal '$journal' '$mq' -- true"
    says "$journal: it cannot be written"
    [ "$(mqrecv -n "$mq" | wc -c)" -eq 4001 ]
    expect 0 bash -c "mqsend '$mq' small; ulimit -f 1; mqrecv --journal '$journal' '$mq' -- cat"
    prints small
}

@test "a journal that its last mqrecv is just letting go of is waited for" {
    mqsend "$mq" precious
    # As a command has it that was being started when its mqrecv was killed.
    in_background bash -c 'exec 4>>"$1" && flock 4 && touch "$0" && exec sleep 60' "$scratch/locked" "$journal"
    wait_until test -e "$scratch/locked"
    in_background mqrecv -n --journal "$journal" "$mq" -- cat > "$scratch/out"
    wait_until bash -c 'find "/proc/$0/fd" -lname "$1" | grep -q .' "${background[1]}" "$journal"
    kill "${background[0]}"
    wait "${background[1]}"
    [ "$(cat "$scratch/out")" = precious ]
}

@test "the file does not grow with what is done, neither while something is pending" {
    mqsend "$mq" slow
    in_background mqrecv -f -P 2 --journal "$journal" "$mq" -- bash -c '[ "$IPC_INDEX" -gt 1 ] ||
        until [ -e "$0/go" ]; do sleep 0.02; done; echo >> "$0/done"' "$scratch"
    receiver=$!
    for i in $(seq 300); do head -c 8000 /dev/zero; done | base64 -w 7999 | head -300 | mqsend "$mq"
    wait_until bash -c '[ "$(wc -l < "$0/done")" -ge 300 ]' "$scratch"
    [ "$(stat -c %s "$journal")" -lt 1200000 ]
    kill -KILL "$receiver"
    touch "$scratch/go"
    expect 0 mqrecv -e --journal "$journal" "$mq" -- cat
    prints slow
    [ "$(stat -c %s "$journal")" -lt 200 ]
}

# A journal with a message that is worked on, until "go" is there, before more than a megabyte is done behind it.
rewrite() { # MQRECV...
    mkdir "$scratch/beside"
    journal=$scratch/beside/journal
    ring=ring:/large
    mqmk "$ring?size=4M" > /dev/null
    mqsend "$ring" slow
    in_background "$@" -c 5 -P 2 --journal "$journal" "$ring" -- bash -c '[ "$IPC_INDEX" -gt 1 ] ||
        until [ -e "$0/go" ]; do sleep 0.02; done; echo >> "$0/done"' "$scratch"
    receiver=${background[-1]}
    wait_until test -s "$journal"
}

feed() {
    for _ in 1 2 3 4; do head -c 400000 /dev/zero | tr '\0' x; echo; done | mqsend "$ring"
}

finish() {
    feed
    wait_until bash -c '[ "$(wc -l < "$0/done")" -ge 4 ]' "$scratch"
    touch "$scratch/go"
    wait "$receiver"
}

@test "nothing beside the journal is touched when it is written anew, and nothing is left" {
    rewrite mqrecv
    inode=$(stat -c %i "$journal")
    names=(journal.new journal.tmp journal~ .journal.swp)
    for name in "${names[@]}"; do echo "precious $name" > "$scratch/beside/$name"; done
    finish
    [ "$(stat -c %i "$journal")" != "$inode" ]
    for name in "${names[@]}"; do [ "$(cat "$scratch/beside/$name")" = "precious $name" ]; done
    [ "$(find "$scratch/beside" -type f | wc -l)" -eq 5 ]
}

@test "what a run that was killed while it wrote the journal anew has left is removed, and nothing else" {
    command -v strace >/dev/null && strace -o /dev/null true || skip "needs strace"
    rewrite strace -f -o /dev/null -e trace=rename -e inject=rename:error=EIO:signal=KILL mqrecv
    feed
    wait_until bash -c '[ -s "$0/"beside/.ipc-journal-* ]' "$scratch"
    touch "$scratch/go"
    wait "$receiver" || true
    mqrecv -e -q "$ring" > "$scratch/rest"
    left=("$scratch/beside/.ipc-journal-"*)
    mv "${left[0]}" "$scratch/ours"
    echo precious > "${left[0]}"
    expect 0 mqrecv -e --journal "$journal" "$ring" -- true
    [ "$(cat "${left[0]}")" = precious ]
    mv "$scratch/ours" "${left[0]}"
    expect 0 mqrecv -e --journal "$journal" "$ring" -- true
    [ "$(ls -A "$scratch/beside")" = journal ]
}

@test "what took the name of the journal meanwhile stays as it is" {
    rewrite mqrecv
    mv "$journal" "$journal.old"
    echo precious > "$journal"
    finish
    [ "$(cat "$journal")" = precious ]
}
