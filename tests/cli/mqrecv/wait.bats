# SPDX-License-Identifier: MIT
# mqrecv --wait-for: until a queue is in some state, without taking anything.
load ../helper

prepare() {
    mqmk "$mq" > /dev/null
    mqmk "$sysv_mq" > /dev/null
}

fill() { while mqsend -n -q "$1" "$(printf '%02000d' 0)"; do :; done; }

# waits STATUS ARGUMENT...: a mqrecv that has begun to wait; says_so STATUS: how it ended.
waits() {
    rm -f "$scratch/status" "$scratch/pid"
    { status=0; mqrecv "$@" > "$scratch/out" 2> "$scratch/said" & echo $! > "$scratch/pid"
      wait $! || status=$?; echo "$status" > "$scratch/status"; } 3>&- &
    background+=($!)
    wait_until test -s "$scratch/pid"
    wait_until sleeps "$(cat "$scratch/pid")"
}
ended() {
    wait_until test -s "$scratch/status"
    [ "$(cat "$scratch/status")" = "$1" ] || { cat "$scratch/said" "$scratch/status"; return 1; }
    [ ! -s "$scratch/out" ]
}

@test "message: one that waits is enough, and stays" {
    for address in "$mq" "$sysv_mq"; do
        waits --wait-for message "$address"
        mqsend "$address" text
        ended 0
        expect 0 mqrecv --wait-for message -n "$address"
        prints ""
        [ -z "$stderr" ]
        [ "$(mqrecv -n "$address")" = text ]
        expect 2 mqrecv --wait-for message -n "$address"
        one_line_from mqrecv
    done
}

@test "message: one that the address selects" {
    mqsend -t 2 "$sysv_mq" other
    expect 2 mqrecv --wait-for message -n "$sysv_mq?type=5"
    waits --wait-for message "$sysv_mq?type=5"
    mqsend -t 5 "$sysv_mq" wanted
    ended 0
    [ "$(mqrecv -n "$sysv_mq")" = other ]
}

@test "space: a full queue is waited for" {
    for address in "$mq" "$sysv_mq"; do
        expect 0 mqrecv --wait-for space -n "$address"
        head -c 16384 /dev/zero | head -c 8192 | mqsend -s "$address"
        while head -c 8192 /dev/zero | mqsend -s -n -q "$address"; do :; done
        expect 2 mqrecv --wait-for space -n "$address"
        waits --wait-for space "$address"
        mqrecv -n "$address" > /dev/null
        ended 0
    done
}

@test "empty: until the last message was taken" {
    for address in "$mq" "$sysv_mq"; do
        expect 0 mqrecv --wait-for empty -n "$address"
        mqsend "$address" 1 2
        waits --wait-for empty "$address"
        mqrecv "$address" > /dev/null
        expect 2 mqrecv --wait-for empty -n "$address"
        [ ! -s "$scratch/status" ]
        mqrecv "$address" > /dev/null
        ended 0
    done
}

@test "exists: works before there is such a queue" {
    for address in "$mq" "$sysv_mq"; do
        expect 0 mqrecv --wait-for exists -n "$address"
        mqrm "$address"
        expect 2 mqrecv --wait-for exists -n "$address"
        one_line_from mqrecv
        waits --wait-for exists "$address"
        mqmk "$address"
        ended 0
    done
}

@test "exists: a queue of somebody else's counts" {
    needs_nobody
    for address in "$mq" "$sysv_mq"; do
        expect 0 as_nobody mqrecv --wait-for exists -n "$address"
    done
}

@test "the time that is given, -E and -q as ever" {
    for what in message exists; do
        [ "$what" = message ] || mqrm "$mq"
        before=$(date +%s%N)
        expect 2 mqrecv --wait-for "$what" -w 0.3 "$mq"
        [ $(($(date +%s%N) - before)) -ge 290000000 ]
        one_line_from mqrecv
        expect 7 mqrecv --wait-for "$what" -w 0.05 -E 7 -q "$mq"
        [ -z "$stderr" ]
    done
}

@test "a queue that is not there, or is removed meanwhile, is an error" {
    for address in "$mq" "$sysv_mq"; do
        waits --wait-for message "$address"
        mqrm --force "$address"
        ended 1
        grep -q "^mqrecv: $address: " "$scratch/said"
        for what in message space empty; do
            expect 1 mqrecv --wait-for "$what" "$address"
            one_line_from mqrecv
        done
    done
}

@test "a queue that was made again under its name is not the one that was waited for" {
    waits --wait-for message "$mq"
    wait_until bash -c 'ls -l "/proc/$0/fd" | grep -q -- "-> $1\$"' "$(cat "$scratch/pid")" "${mq#*:}"
    mqrm --force "$mq"
    mqmk "$mq"
    ended 1
    grep -q removed "$scratch/said"
}

@test "SIGTERM ends it with 143, quietly" {
    for what in message empty; do
        for address in "$mq" "$sysv_mq"; do
            [ "$what" = message ] || mqsend "$address" text
            waits --wait-for "$what" "$address"
            kill "$(cat "$scratch/pid")"
            ended 143
            [ ! -s "$scratch/said" ]
        done
    done
}

@test "looking is not noticed: a queue that is waited for by its status stays as it was" {
    mqsend "$sysv_mq" text
    before=$(sysvipc msg)
    expect 0 mqrecv --wait-for message "$sysv_mq?type=1"
    expect 2 mqrecv --wait-for empty -w 0.2 "$sysv_mq"
    [ "$(sysvipc msg)" = "$before" ]
}

@test "an unknown state, and options that make no sense beside it" {
    expect 64 mqrecv --wait-for money "$mq"
    one_line_from mqrecv
    for options in -f -e "-c 1" --peek -J -x -u --stream; do
        # shellcheck disable=SC2086
        expect 64 mqrecv --wait-for message $options "$mq"
        one_line_from mqrecv
    done
    expect 64 mqrecv --wait-for message -n -w 1 "$mq"
}
