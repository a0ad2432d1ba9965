# SPDX-License-Identifier: MIT
load ../helper

prepare() {
    mqmk "$mq" > /dev/null
    mqmk "$sysv_mq" > /dev/null
}

@test "one message is taken, with a newline behind it" {
    for address in "$mq" "$sysv_mq"; do
        mqsend "$address" one two
        [ "$(mqrecv "$address" | od -An -c | tr -d ' ')" = 'one\n' ]
        [ "$(mqrecv "$address")" = two ]
        expect 2 mqrecv -n "$address"
        one_line_from mqrecv
    done
}

@test "an empty message is an empty line" {
    mqsend "$mq" ""
    [ "$(mqrecv "$mq" | wc -c)" -eq 1 ]
}

@test "-c takes so many, -e takes what is there, and nothing is no error then" {
    mqsend "$mq" 1 2 3 4 5
    expect 0 mqrecv -c 2 "$mq"
    prints $'1\n2'
    expect 0 mqrecv -e "$mq"
    prints $'3\n4\n5'
    expect 0 mqrecv -e "$mq"
    prints ""
}

@test "-c with -w gives what came in time, and status 2" {
    mqsend "$mq" only
    expect 2 mqrecv -c 2 -w 0.2 "$mq"
    prints only
}

@test "-f receives until interrupted and writes before it waits" {
    in_background mqrecv -f "$mq" > "$scratch/seen"
    mqsend "$mq" first
    wait_until grep -q first "$scratch/seen"
    mqsend "$mq" second
    wait_until grep -q second "$scratch/seen"
}

@test "-n and -w on an empty queue are status 2, -E chooses another, -q says nothing" {
    for address in "$mq" "$sysv_mq"; do
        expect 2 mqrecv -n "$address"
        before=$(date +%s%N)
        expect 2 mqrecv -w 0.3 "$address"
        [ $(($(date +%s%N) - before)) -ge 290000000 ]
        expect 77 mqrecv -n -E 77 "$address"
        expect 2 mqrecv -n -q "$address"
        [ -z "$stderr" ]
    done
}

@test "framings of output are those of input" {
    for options in -0 -L "-d ;" -J; do
        mqsend "$mq" 'two
lines' '' x
        # shellcheck disable=SC2086
        mqrecv -e $options "$mq" | mqsend $options "$sysv_mq"
        expect 0 mqrecv -e -N --format '[%p]' "$sysv_mq"
        prints '[two
lines][][x]'
    done
}

@test "-N writes nothing between messages" {
    mqsend "$mq" a b
    [ "$(mqrecv -e -N "$mq" | od -An -c | tr -d ' ')" = ab ]
}

@test "-J through -J loses nothing: priority, NUL, any byte" {
    printf '\001\002\377\0\n\033"\\' | mqsend -s -p 7 "$mq"
    printf 'plain \303\251' | mqsend -s -p 3 "$mq"
    mqsend "$mq" ""
    mqrecv -e -J "$mq" > "$scratch/first"
    mqsend -J "$mq" < "$scratch/first"
    mqrecv -e -J "$mq" > "$scratch/second"
    diff <(sed 's/"time":"[^"]*"//' "$scratch/first") <(sed 's/"time":"[^"]*"//' "$scratch/second")
    grep -q '"priority":7' "$scratch/first"
}

@test "-J keeps every one of the 256 bytes" {
    for i in $(seq 0 255); do printf "\\x$(printf %x "$i")"; done > "$scratch/bytes"
    mqsend -s "$mq" < "$scratch/bytes"
    mqrecv -J "$mq" | mqsend -J "$sysv_mq"
    mqrecv -N "$sysv_mq" | cmp - "$scratch/bytes"
}

@test "-J keeps types, and a large one" {
    mqsend -t 9223372036854775807 "$sysv_mq" huge
    mqrecv -J "$sysv_mq" | mqsend -J "$sysv_mq"
    expect 0 mqrecv -n --format '%t' "$sysv_mq"
    prints 9223372036854775807
}

@test "--format has payload, length, hex, priority, type and index" {
    mqsend -p 4 "$mq" $'a\tb'
    expect 0 mqrecv --format '%i %l %x %P %t %p%%' "$mq"
    prints $'1 3 610962 4 - a\tb%'
    expect 64 mqrecv --format '%Q' "$mq"
    one_line_from mqrecv
}

@test "-x shows messages as hexdump -C does" {
    command -v hexdump >/dev/null || skip "needs hexdump"
    mqsend "$mq" "some text of more than sixteen bytes"
    mqrecv -x "$mq" | cmp - <(printf 'some text of more than sixteen bytes' | hexdump -C)
}

@test "--peek shows a whole System V queue and leaves no trace" {
    mqsend "$sysv_mq" first "" third
    before=$(sysvipc msg)
    expect 0 mqrecv --peek --format '[%p]' "$sysv_mq"
    prints $'[first]\n[]\n[third]'
    [ "$(sysvipc msg)" = "$before" ]
    expect 0 mqrecv -e "$sysv_mq"
    prints $'first\n\nthird'
}

@test "--peek of a POSIX queue is one sentence, and takes nothing" {
    mqsend "$mq" stays
    expect 1 mqrecv --peek "$mq" || expect 64 mqrecv --peek "$mq"
    one_line_from mqrecv
    [ "$(mqrecv -n "$mq")" = stays ]
}

@test "System V types are selected: one, the lowest up to one, any but one" {
    mqsend -t 5 "$sysv_mq" five
    mqsend -t 2 "$sysv_mq" two
    mqsend -t 9 "$sysv_mq" nine
    [ "$(mqrecv -n "$sysv_mq?type=9")" = nine ]
    [ "$(mqrecv -n "$sysv_mq?type=-5")" = two ]
    expect 2 mqrecv -n "$sysv_mq?except=5"
    [ "$(mqrecv -n "$sysv_mq?type=5")" = five ]
    expect 64 mqrecv -n "$sysv_mq?type=x"
}

@test "removal under a receiver that waits is an error, not silence" {
    { status=0; mqrecv "$sysv_mq" 2> "$scratch/said" || status=$?; echo "$status" > "$scratch/status"; } 3>&- &
    background+=($!)
    sleep 0.2
    ipcrm -Q "${sysv_mq#*:}"
    wait_until test -s "$scratch/status"
    [ "$(cat "$scratch/status")" = 1 ]
    grep -q "^mqrecv: $sysv_mq: " "$scratch/said"
}

# interrupted_by SIGNAL ADDRESS: a receiver that waits gets it; its status is in $scratch/status.
interrupted_by() {
    rm -f "$scratch/pid" "$scratch/status"
    { status=0; mqrecv -f "$2" > "$scratch/out" 2> "$scratch/said" & receiver=$!; echo "$receiver" > "$scratch/pid"
      wait "$receiver" || status=$?; echo "$status" > "$scratch/status"; } 3>&- &
    background+=($!)
    wait_until test -s "$scratch/pid"
    wait_until sleeps "$(cat "$scratch/pid")"
    kill "-$1" "$(cat "$scratch/pid")"
    wait_until test -s "$scratch/status"
}

@test "SIGTERM while waiting ends it with 143, quietly" {
    for address in "$mq" "$sysv_mq"; do
        interrupted_by TERM "$address"
        [ "$(cat "$scratch/status")" = 143 ]
        [ ! -s "$scratch/said" ]
    done
}

@test "a reader that is gone before anything was written: everything is still in the queue" {
    for address in "$mq" "$sysv_mq"; do
        mqsend "$address" 1 2 3 4 5
        mkfifo "$scratch/gone-$$"
        exec 5<> "$scratch/gone-$$"
        exec 6> "$scratch/gone-$$" 5<&-
        run bash -c "mqrecv -e $address >&6 2>'$scratch/said'"
        exec 6>&-
        rm "$scratch/gone-$$"
        { mqrecv -e "$address"; cat "$scratch/said"; } > "$scratch/all"
        for i in 1 2 3 4 5; do grep -q "$i" "$scratch/all"; done
    done
}

@test "payloads with control characters are harmless on a terminal and exact in a pipe" {
    command -v script >/dev/null || skip "needs script"
    printf 'a\033[2Jb\007' | mqsend -s "$mq"
    printf 'a\033[2Jb\007' | mqsend -s "$mq"
    mqrecv -N "$mq" | cmp - <(printf 'a\033[2Jb\007')
    script -qec "mqrecv $mq" /dev/null < /dev/null > "$scratch/screen"
    ! tr -d '\r\n' < "$scratch/screen" | grep -q '[[:cntrl:]]'
    grep -qi 'x1b' "$scratch/screen"
}
