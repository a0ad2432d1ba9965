# SPDX-License-Identifier: MIT
# mqrecv ADDRESS -- COMMAND: a run of a command per message.
load ../helper

prepare() {
    mqmk "$mq" > /dev/null
    mqmk "$sysv_mq" > /dev/null
}

# lines_of FILE NUMBER: it has so many lines.
lines_of() { [ "$(wc -l < "$1" 2>/dev/null)" -eq "$2" ]; }
gone() { ! kill -0 "$1" 2>/dev/null; }
files_in() { [ "$(find "$1" -type f | wc -l)" -eq "$2" ]; }

# Of the signals that a program may choose to ignore; posix_spawn(3) leaves two ignored that are glibc's own.
ignored() { echo $((0x$(awk '/^SigIgn/ {print $2}' "$1") & 0x7fffffff)); }

# work ARGUMENT...: mqrecv in the background; its process is $receiver, its status comes into $scratch/status.
work() {
    rm -f "$scratch/pid" "$scratch/status"
    { status=0
      mqrecv "$@" > "$scratch/out" 2> "$scratch/said" & echo $! > "$scratch/pid.new"; mv "$scratch/pid.new" "$scratch/pid"
      wait $! || status=$?; echo "$status" > "$scratch/status.new"; mv "$scratch/status.new" "$scratch/status"; } 3>&- &
    background+=($!)
    wait_until test -s "$scratch/pid"
    receiver=$(cat "$scratch/pid")
    background+=("$receiver")
}

ends_with() {
    wait_until test -s "$scratch/status"
    [ "$(cat "$scratch/status")" = "$1" ] || { echo "status $(cat "$scratch/status")"; cat "$scratch/said"; return 1; }
}

# What a command does in these tests: says that it runs, and waits until it may go on.
cat_script='touch "$0/runs-$IPC_INDEX"; until [ -e "$0/go" ]; do sleep 0.02; done; echo "$(cat)" >> "$0/done"'

@test "COMMAND gets the payload on standard input and as {}, and the rest in its environment" {
    mqsend -p 7 "$mq" 'one two'
    expect 0 mqrecv "$mq" -- bash -c 'cat; echo ";$1;$2;$IPC_ADDRESS $IPC_PRIORITY ${IPC_TYPE-none} $IPC_LENGTH $IPC_INDEX $IPC_ATTEMPT $IPC_WORKER ${IPC_RECOVERED-new}"' \
        bash {} '<{}{}>'
    prints "one two;one two;<one twoone two>;$mq 7 none 7 1 1 1 new"
    mqsend -t 9 "$sysv_mq" typed
    IPC_PRIORITY=3 expect 0 mqrecv "$sysv_mq" -- bash -c 'cat; echo " ${IPC_PRIORITY-none} $IPC_TYPE"'
    prints "typed none 9"
}

@test "a payload is one argument, whatever it holds, and never the command" {
    mqsend "$mq" '$(touch oops); -n "a' ''
    expect 0 mqrecv -e "$mq" -- printf '[%s]' {}
    prints '[$(touch oops); -n "a][]'
    mqsend "$mq" true
    expect 127 mqrecv "$mq" -- {}
    [ "$(mqrecv -n "$mq")" = true ]
}

@test "standard input is every byte, once more for each attempt" {
    for i in $(seq 0 255); do printf "\\x$(printf %x "$i")"; done > "$scratch/bytes"
    for address in "$mq" "$sysv_mq"; do
        mqsend -s "$address" < "$scratch/bytes"
        expect 0 mqrecv --retries 1 "$address" -- bash -c 'cmp - "$0" && [ "$IPC_ATTEMPT" = 2 ]' "$scratch/bytes"
    done
}

@test "one message without more being said, -c so many, -e what is there, -n and -w as ever" {
    mqsend "$mq" 1 2 3 4 5
    expect 0 mqrecv "$mq" -- cat
    prints 1
    expect 0 mqrecv -c 2 "$mq" -- cat
    prints 23
    expect 0 mqrecv -e "$mq" -- cat
    prints 45
    expect 0 mqrecv -e "$mq" -- cat
    prints ""
    expect 2 mqrecv -n "$mq" -- cat
    one_line_from mqrecv
    expect 9 mqrecv -q -E 9 -w 0.1 "$mq" -- cat
    [ -z "$stderr" ]
    mqsend "$sysv_mq" only
    expect 2 mqrecv -c 2 -w 0.2 "$sysv_mq" -- cat
    prints only
}

@test "-w counts the time without a message, and not what commands take" {
    mqsend "$mq" 1 2
    expect 2 mqrecv -f -w 0.2 "$mq" -- bash -c 'sleep 0.5; cat'
    prints 12
    mqsend "$mq" 3
    before=$(date +%s%N)
    expect 2 mqrecv -f -w 0.4 -P 2 "$mq" -- bash -c 'sleep 0.1; cat' # its end disturbs the wait
    [ $(($(date +%s%N) - before)) -ge 390000000 ]
}

@test "a command that is not there is 127, one that cannot be executed 126, before anything is taken" {
    touch "$scratch/plain"
    mkdir "$scratch/first" "$scratch/second"
    printf 'exit 1' > "$scratch/first/tool"
    printf '#!/bin/sh\ncat' > "$scratch/second/tool"
    printf '#!/nonesuch/interpreter\n' > "$scratch/orphan"
    chmod +x "$scratch/second/tool" "$scratch/orphan"
    for address in "$mq" "$sysv_mq"; do
        mqsend "$address" precious
        for command in nonesuch-command "$scratch/nonesuch" ""; do
            expect 127 mqrecv "$address" -- "$command"
            one_line_from mqrecv
        done
        for command in "$scratch/plain" "$scratch"; do
            expect 126 mqrecv -f "$address" -- "$command"
            one_line_from mqrecv
        done
        expect 126 env "PATH=$scratch/first" "$(type -P mqrecv)" "$address" -- tool
        says "chmod +x"
        expect 127 mqrecv -f "$address" -- "$scratch/orphan" # which shows only when it is started
        says "put back: 1"
        expect 0 env "PATH=$scratch/first:$scratch/second:$PATH" mqrecv -n "$address" -- tool
        prints precious
    done
}

@test "a script without #! is the shell's" {
    printf 'cat; echo " $1"' > "$scratch/script"
    chmod +x "$scratch/script"
    mqsend "$mq" text
    expect 0 mqrecv "$mq" -- "$scratch/script" {}
    prints "text text"
}

@test "the status of a single message is COMMAND's own, of several 1, and the message is back" {
    for address in "$mq" "$sysv_mq"; do
        mqsend "$address" failing
        expect 7 mqrecv "$address" -- bash -c 'exit 7'
        says "message 1: bash: exit status 7"
        says "put back: 1"
        expect 137 mqrecv -c 1 "$address" -- bash -c 'kill -9 $$'
        says "signal 9 (Killed)"
        mqsend "$address" good
        expect 1 mqrecv -e "$address" -- bash -c '[ "$(cat)" = good ]'
        [ "$(mqrecv -e "$address")" = failing ]
    done
}

@test "what fails under -e is tried once and goes back at the end" {
    mqsend "$mq" 1 2 3
    expect 1 mqrecv -e "$mq" -- bash -c 'cat >> "$0"; exit 1' "$scratch/tried"
    [ "$(cat "$scratch/tried")" = 123 ]
    says "put back: 3"
    [ "$(mqrecv -e -N "$mq")" = 123 ]
}

@test "a message that cannot go back is on standard error for mqsend -J" {
    mqsend -p 4 "$mq" precious
    # The queue has no room left when the message fails.
    expect 3 mqrecv "$mq" -- bash -c 'while mqsend -n -q "$IPC_ADDRESS" filler; do :; done; exit 3'
    says "neither worked on nor put back: 1"
    mqrecv -e "$mq" > /dev/null
    grep '^{' <<< "$stderr" | mqsend -J "$mq"
    expect 0 mqrecv -n --format '%P %p' "$mq"
    prints "4 precious"
}

@test "a payload with NUL cannot be {}, which is that message's error alone" {
    printf 'a\0b' | mqsend -s "$mq"
    mqsend "$mq" text
    expect 1 mqrecv -e --retries 5 "$mq" -- printf '[%s]' {}
    prints "[text]"
    says "message 1: printf: its payload holds a NUL byte"
    expect 0 mqrecv -n "$mq" -- od -An -c
    [ "$(tr -d ' ' <<< "$output")" = 'a\0b' ]
}

@test "a payload that is too long for an argument is that message's error alone" {
    needs_namespace
    echo 300000 > /proc/sys/fs/mqueue/msgsize_max || skip "the limit cannot be set"
    mqmk posix:/large --max-messages 2 --max-size 135000
    head -c 135000 /dev/zero | tr "\0" x | mqsend -s posix:/large
    mqsend posix:/large text
    expect 1 mqrecv -e posix:/large -- printf '%s' {}
    prints text
    says "longer than the system passes"
    expect 0 mqrecv -n posix:/large -- bash -c 'wc -c'
    prints 135000
}

@test "-P 4 runs four at once and never more" {
    mqsend "$mq" 1 2 3 4 5 6 7 8 9
    mkdir "$scratch/running"
    work -e -P 4 "$mq" -- bash -c 'touch "$0/running/$IPC_WORKER-$IPC_INDEX"; ls "$0/running" | wc -l >> "$0/counts"
        until [ -e "$0/go" ]; do sleep 0.02; done; rm "$0/running/$IPC_WORKER-$IPC_INDEX"' "$scratch"
    wait_until lines_of "$scratch/counts" 4
    files_in "$scratch/running" 4
    wait_until sleeps "$receiver"
    files_in "$scratch/running" 4
    [ "$(find "$scratch/running" -name '[1-4]-*' | sed 's|.*/||; s/-.*//' | sort | tr -d '\n')" = 1234 ]
    touch "$scratch/go"
    ends_with 0
    lines_of "$scratch/counts" 9
    [ "$(sort -n "$scratch/counts" | tail -1)" -eq 4 ]
}

@test "-P 0 is the number of processors" {
    processors=$(nproc)
    [ "$processors" -lt 9 ] || skip "more processors than the queue has messages"
    for ((i = 0; i <= processors; i++)); do mqsend "$mq" "$i"; done
    work -e -P 0 "$mq" -- bash -c "$cat_script" "$scratch"
    wait_until test -e "$scratch/runs-$processors"
    wait_until sleeps "$receiver"
    [ ! -e "$scratch/runs-$((processors + 1))" ]
    touch "$scratch/go"
    ends_with 0
}

@test "a fast worker is not starved by a slow one, nor by one that waits to try again" {
    for address in "$mq" "$sysv_mq"; do
        rm -f "$scratch"/*
        mqsend "$address" slow 1 2 3 4
        work -f -P 2 "$address" -- bash -c 'text=$(cat); echo "$text" >> "$0/began"
            [ "$text" != slow ] || until [ -e "$0/go" ]; do sleep 0.02; done; echo "$text" >> "$0/done"' "$scratch"
        wait_until lines_of "$scratch/done" 4
        mqsend "$address" 5 6
        wait_until lines_of "$scratch/done" 6
        ! grep -q slow "$scratch/done"
        touch "$scratch/go"
        wait_until grep -q slow "$scratch/done"
        kill "$receiver"
        ends_with 143
    done
}

@test "a command that ends while the next message is waited for is noticed at once" {
    for address in "$mq" "$sysv_mq"; do
        mqsend "$address" fails
        work -f -P 2 "$address" -- bash -c 'sleep 0.2; echo $$ > "$0/process"; exit 5' "$scratch"
        wait_until grep -q 'exit status 5' "$scratch/said"
        gone "$(cat "$scratch/process")"
        kill "$receiver"
        ends_with 143
        [ "$(mqrecv -n "$address")" = fails ]
    done
}

@test "-P 1 keeps the order, also of what is tried again" {
    mqsend "$mq" 1 2 3
    expect 0 mqrecv -e --retries 1 "$mq" -- bash -c '[ "$IPC_ATTEMPT" = 2 ] || [ "$IPC_INDEX" != 1 ] || exit 1; cat'
    prints 123
}

@test "SIGTERM lets what runs finish, and takes no more" {
    for address in "$mq" "$sysv_mq"; do
        rm -f "$scratch"/*
        mqsend "$address" 1 2 3
        work -f -P 2 "$address" -- bash -c "$cat_script" "$scratch"
        wait_until test -e "$scratch/runs-1" -a -e "$scratch/runs-2"
        kill "$receiver"
        wait_until sleeps "$receiver"
        [ ! -e "$scratch/status" ]
        touch "$scratch/go"
        ends_with 143
        [ "$(sort "$scratch/done" | tr -d '\n')" = 12 ]
        [ ! -s "$scratch/said" ]
        [ "$(mqrecv -n "$address")" = 3 ]
    done
}

@test "a second signal is passed on to what runs, and its message goes back" {
    mqsend "$mq" unfinished
    mqmk "$other_mq"
    work -f --dead-letter "$other_mq" "$mq" -- bash -c 'touch "$0/runs"; trap "touch $0/told; exit 1" TERM
        while :; do sleep 0.02; done' "$scratch"
    wait_until test -e "$scratch/runs"
    kill "$receiver"
    for i in $(seq 200); do # the first is to be seen as one of its own
        sleep 0.02
        [ ! -e "$scratch/told" ] || break
        kill "$receiver" 2>/dev/null || break
    done
    ends_with 143
    [ -e "$scratch/told" ]
    [ "$(mqrecv -n "$mq")" = unfinished ]
    expect 2 mqrecv -n "$other_mq"
    mqrm "$other_mq"
}

@test "SIGTERM while a message waits for its next attempt puts it back" {
    mqsend "$mq" again
    work -f --retries 1000 "$mq" -- bash -c 'echo >> "$0/attempts"; exit 1' "$scratch"
    wait_until lines_of "$scratch/attempts" 3
    kill "$receiver"
    ends_with 143
    [ "$(mqrecv -n "$mq")" = again ]
}

@test "--retries tries again, each time a little later, until it is done" {
    mqsend "$mq" stubborn
    before=$(date +%s%N)
    expect 0 mqrecv --retries 3 -v "$mq" -- bash -c 'echo -n "$IPC_ATTEMPT$IPC_INDEX "; [ "$IPC_ATTEMPT" -eq 3 ]'
    [ $(($(date +%s%N) - before)) -ge 300000000 ]
    prints "11 21 31 "
    says "attempt 3 of 4"
    says "done: 1, given up: 0"
    expect 2 mqrecv -n "$mq"
}

@test "--dead-letter gets the message with the reason, and mqsend -J takes it back" {
    mqmk "$other_mq"
    printf 'bytes\377' | mqsend -s -p 6 "$mq"
    mqsend "$mq" text
    expect 1 mqrecv -e --retries 1 --dead-letter "$other_mq" "$mq" -- bash -c 'exit $((3 + IPC_INDEX))'
    says "went to $other_mq"
    expect 2 mqrecv -n "$mq"
    expect 0 mqrecv -c 2 --format '%P %p' "$other_mq"
    [[ ${lines[0]} == '6 {"base64":"Ynl0ZXP/","length":6,"priority":6,'* ]]
    [[ ${lines[0]} == *'"reason":"exit status 4","status":4,"attempts":2,"address":"'"$mq"'"}' ]]
    [[ ${lines[1]} == *'"payload":"text"'*'"reason":"exit status 5"'* ]]
    printf '%s\n' "${lines[0]#6 }" "${lines[1]#0 }" | mqsend -J "$mq"
    expect 0 mqrecv -e --format '%P %x' "$mq"
    prints $'6 6279746573ff\n0 74657874'
    mqrm "$other_mq"
}

@test "a letter keeps the type, and leaves out what its queue has not" {
    mqsend -t 12 "$sysv_mq" typed
    expect 1 mqrecv --dead-letter "$mq" "$sysv_mq" -- false
    expect 0 mqrecv -n "$mq"
    [[ $output == *'"type":12,'* ]]
    mqsend -J "$sysv_mq" <<< "$output"
    expect 0 mqrecv -n --format '%t %p' "$sysv_mq"
    prints "12 typed"
}

@test "dead letters that are full or too small keep nobody waiting and lose nothing" {
    mqmk "$other_mq" --max-messages 1 --max-size 400
    mqsend "$other_mq" occupied
    mqsend "$mq" 1 2
    expect 1 mqrecv -e --dead-letter "$other_mq" "$mq" -- false
    says "the queue is full"
    says "put back: 2"
    mqrecv "$other_mq" > /dev/null
    head -c 500 /dev/zero | mqsend -s "$mq"
    expect 1 mqrecv -e --dead-letter "$other_mq" "$mq" -- bash -c '[ "$IPC_LENGTH" -lt 500 ]'
    says "takes at most 400"
    [ "$(mqrecv -n "$mq" | wc -c)" -eq 501 ]
    mqrm --force "$other_mq"
}

@test "dead letters that are not there, or are the same queue, are missed before anything is taken" {
    mqsend "$mq" precious
    expect 1 mqrecv --dead-letter posix:/nonesuch "$mq" -- false
    one_line_from mqrecv
    expect 64 mqrecv --dead-letter "$mq" "$mq" -- false
    one_line_from mqrecv
    expect 64 mqrecv --dead-letter nonesuch:/x "$mq" -- false
    mqsend "$sysv_mq" precious
    expect 64 mqrecv --dead-letter "$sysv_mq" "$sysv_mq?type=1" -- false
    [ "$(mqrecv -n "$mq")" = precious ]
    [ "$(mqrecv -n "$sysv_mq")" = precious ]
}

@test "a command that never reads, or closes its input early, disturbs nobody" {
    for address in "$mq" "$sysv_mq"; do
        for i in 1 2; do head -c 8000 /dev/zero | mqsend -s "$address"; done
        expect 0 mqrecv -e -P 2 "$address" -- true
        head -c 8000 /dev/zero | mqsend -s "$address"
        expect 0 mqrecv "$address" -- bash -c 'exec <&-; echo closed'
        prints closed
    done
}

@test "standard output that is gone kills the command, and mqrecv says so" {
    mqsend "$mq" text
    mkfifo "$scratch/pipe"
    exec 5<> "$scratch/pipe"
    exec 6> "$scratch/pipe" 5<&-
    run bash -c "mqrecv '$mq' -- cat >&6 2> '$scratch/said'"
    exec 6>&-
    [ "$status" -eq 141 ]
    grep -q 'signal 13' "$scratch/said"
    [ "$(mqrecv -n "$mq")" = text ]
}

@test "a command has its signals as they are by default, no descriptor of mqrecv's, and a group of its own" {
    mqmk "$other_mq"
    mqsend "$mq" text
    mqrecv --journal "$scratch/journal" --dead-letter "$other_mq" "$mq" -- \
        cat /proc/self/status /proc/self/stat > "$scratch/status"
    [ "$(ignored "$scratch/status")" = "$(ignored /proc/self/status)" ]
    [ "$(grep '^SigBlk' "$scratch/status")" = "$(grep '^SigBlk' /proc/self/status)" ]
    process=$(awk '/^Pid:/ {print $2}' "$scratch/status")
    [ "$(tail -1 "$scratch/status" | cut -d' ' -f5)" = "$process" ]
    mqsend "$mq" text
    mqrecv --journal "$scratch/journal" --dead-letter "$other_mq" "$mq" -- ls /proc/self/fd 3>&- > "$scratch/open"
    ls /proc/self/fd 3>&- > "$scratch/expected"
    cmp "$scratch/open" "$scratch/expected"
    mqrm "$other_mq"
}

@test "a signal that is ignored from the beginning stays so for the command" {
    mqsend "$mq" text
    bash -c "trap '' HUP; mqrecv '$mq' -- cat /proc/self/status" > "$scratch/status"
    [ $(($(ignored "$scratch/status") & 1)) = 1 ]
}

@test "removal of the queue under it is an error once what runs has ended" {
    mqsend "$sysv_mq" 1
    work -f -P 2 "$sysv_mq" -- bash -c "$cat_script" "$scratch"
    wait_until test -e "$scratch/runs-1"
    ipcrm -Q "${sysv_mq#*:}"
    wait_until sleeps "$receiver"
    touch "$scratch/go"
    ends_with 1
    grep -q "^mqrecv: $sysv_mq: the queue was removed" "$scratch/said"
    [ "$(cat "$scratch/done")" = 1 ]
}

@test "options that make no sense beside a command, or without one" {
    mqsend "$mq" stays
    for options in --peek -u -0 -J -x "--format %p" -N --stream "--wait-for message"; do
        # shellcheck disable=SC2086
        expect 64 mqrecv $options "$mq" -- cat
        one_line_from mqrecv
    done
    for options in "-P 2" "--retries 1" "--journal $scratch/journal" "--dead-letter $sysv_mq"; do
        # shellcheck disable=SC2086
        expect 64 mqrecv $options "$mq"
        says "write -- COMMAND"
    done
    for options in "-P -1" "-P many" "-P 99999" "--retries -1" "--retries x"; do
        # shellcheck disable=SC2086
        expect 64 mqrecv $options "$mq" -- cat || expect 1 mqrecv $options "$mq" -- cat
        one_line_from mqrecv
    done
    expect 64 mqrecv "$mq" --
    [ ! -e "$scratch/journal" ]
    [ "$(mqrecv -n "$mq")" = stays ]
}
