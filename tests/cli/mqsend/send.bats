# SPDX-License-Identifier: MIT
load ../helper

prepare() {
    mqmk "$mq" > /dev/null
    mqmk "$sysv_mq" > /dev/null
}

@test "each argument is a message, an empty one too" {
    for address in "$mq" "$sysv_mq"; do
        expect 0 mqsend "$address" first "" "third one"
        prints ""
        expect 0 mqrecv -e --format '%i[%p]' "$address"
        prints $'1[first]\n2[]\n3[third one]'
    done
}

@test "without arguments each line of standard input is a message" {
    printf 'one\n\ntwo\nlast without newline' | mqsend "$mq"
    expect 0 mqrecv -e --format '[%p]' "$mq"
    prints $'[one]\n[]\n[two]\n[last without newline]'
}

@test "no input is no message" {
    mqsend "$mq" < /dev/null
    expect 2 mqrecv -n "$mq"
}

@test "-0 and -d end records elsewhere, so that messages hold newlines" {
    printf 'a\nb\0c\0' | mqsend -0 "$mq"
    expect 0 mqrecv -e --format '%l' "$mq"
    prints $'3\n1'
    printf 'a\tb\t' | mqsend -d '\t' "$mq"
    printf 'c;d' | mqsend -d ';' "$mq"
    printf 'e\377f' | mqsend -d '\xff' "$mq"
    expect 0 mqrecv -e "$mq"
    prints $'a\nb\nc\nd\ne\nf'
}

@test "-s sends all of the input as one message" {
    printf 'line 1\nline 2\n' | mqsend -s "$mq"
    expect 0 mqrecv -e --format '%l' "$mq"
    prints 14
    mqsend -s "$mq" < /dev/null
    expect 0 mqrecv -n --format '%l' "$mq"
    prints 0
}

@test "-L takes records behind their length" {
    printf '\0\0\0\003a\nb\0\0\0\0\0\0\0\001c' | mqsend -L "$mq"
    expect 0 mqrecv -e --format '%l' "$mq"
    prints $'3\n0\n1'
}

@test "-L input that ends inside a record is an error" {
    run bash -c "printf '\0\0\0\005abc' | mqsend -L $mq 2>&1"
    [ "$status" -eq 1 ]
    run bash -c "printf '\0\0' | mqsend -L $mq 2>&1"
    [ "$status" -eq 1 ]
}

@test "-J takes payload, base64, priority and type" {
    printf '%s\n' '{"payload":"text"}' '{"base64":"AAEC/w==","priority":5}' | mqsend -J "$mq"
    expect 0 mqrecv -e --format '%P %x' "$mq"
    prints $'5 000102ff\n0 74657874'
    printf '%s\n' '{"payload":"typed","type":42}' | mqsend -J "$sysv_mq"
    expect 0 mqrecv -n --format '%t %p' "$sysv_mq"
    prints "42 typed"
}

@test "malformed JSON is an error with its line" {
    run bash -c "printf '%s\n' '{\"payload\":\"fine\"}' '{\"payload\":' | mqsend -J $mq 2>&1"
    [ "$status" -eq 1 ]
    [[ $output == *2* ]]
    [ "$(mqrecv -n "$mq")" = fine ]
    for line in '[]' '{}' '"text"' '{"payload":1}' '{"base64":"*"}' '{"payload":"x","priority":"high"}' \
        '{"payload":"x","priority":-1}' '{"payload":"x","priority":99999999999}'; do
        run bash -c "mqsend -J $mq 2>&1 <<< '$line'"
        [ "$status" -eq 1 ] || { echo "$line: $status"; return 1; }
    done
    expect 2 mqrecv -n "$mq"
}

@test "-p gives a priority, the highest comes first" {
    mqsend "$mq" -p 1 low
    mqsend "$mq" -p 9 high
    expect 0 mqrecv -e "$mq"
    prints $'high\nlow'
}

@test "-t gives a type; a priority of System V and a type of POSIX are refused" {
    mqsend "$sysv_mq" -t 7 seven
    expect 0 mqrecv -n --format '%t' "$sysv_mq"
    prints 7
    expect 1 mqsend "$sysv_mq" -p 3 x || expect 64 mqsend "$sysv_mq" -p 3 x
    one_line_from mqsend
    expect 1 mqsend "$mq" -t 3 x || expect 64 mqsend "$mq" -t 3 x
    one_line_from mqsend
}

@test "-n on a full queue is status 2 at once, -E chooses another" {
    mqmk "$other_mq" --max-messages 1 > /dev/null
    mqsend "$other_mq" fills
    expect 2 mqsend -n "$other_mq" more
    one_line_from mqsend
    says full
    expect 9 mqsend -n -E 9 "$other_mq" more
    expect 2 mqsend -n -q "$other_mq" more
    [ -z "$stderr" ]
}

@test "-w on a full queue waits so long, then is status 2" {
    mqmk "$other_mq" --max-messages 1 > /dev/null
    mqsend "$other_mq" fills
    before=$(date +%s%N)
    expect 2 mqsend -w 0.3 "$other_mq" more
    [ $(($(date +%s%N) - before)) -ge 290000000 ]
    one_line_from mqsend
}

@test "-w on a full System V queue, which has no timeout of its own" {
    while mqsend -n -q "$sysv_mq" "$(printf 'x%.0s' {1..4000})"; do :; done
    before=$(date +%s%N)
    expect 2 mqsend -w 0.3 "$sysv_mq" "$(printf 'x%.0s' {1..4000})"
    [ $(($(date +%s%N) - before)) -ge 290000000 ]
}

@test "a full queue is waited for, and gets what was to be sent" {
    mqmk "$other_mq" --max-messages 1 > /dev/null
    mqsend "$other_mq" 1
    in_background mqsend "$other_mq" 2
    wait_until sleeps "$!"
    [ "$(mqrecv "$other_mq")" = 1 ]
    [ "$(mqrecv -w 10 "$other_mq")" = 2 ]
}

@test "removal under a sender that waits is an error, not silence" {
    while mqsend -n -q "$sysv_mq" "$(printf 'x%.0s' {1..4000})"; do :; done
    { status=0; mqsend "$sysv_mq" "$(printf 'x%.0s' {1..4000})" 2> "$scratch/said" || status=$?
      echo "$status" > "$scratch/status"; } 3>&- &
    background+=($!)
    sleep 0.2
    ipcrm -Q "${sysv_mq#*:}"
    wait_until test -s "$scratch/status"
    [ "$(cat "$scratch/status")" = 1 ]
    grep -q "^mqsend: $sysv_mq: " "$scratch/said"
}

@test "a record that is too large names both sizes, those before it are sent" {
    mqmk "$other_mq" --max-size 8 > /dev/null
    run bash -c "printf 'fits\nthis does not fit\nlater\n' | mqsend $other_mq 2>&1"
    [ "$status" -eq 1 ]
    [[ $output == *8* && $output == "mqsend: $other_mq: "* ]]
    expect 0 mqrecv -e "$other_mq"
    prints fits
}

@test "an endless line is refused without being read to its end" {
    run timeout 60 bash -c "tr '\0' x < /dev/zero | mqsend $mq 2>&1"
    [ "$status" -eq 1 ]
}

@test "SIGTERM while waiting ends it" {
    mqmk "$other_mq" --max-messages 1 > /dev/null
    mqsend "$other_mq" fills
    { status=0; mqsend "$other_mq" more 2> /dev/null & sender=$!; echo "$sender" > "$scratch/pid"
      wait "$sender" || status=$?; echo "$status" > "$scratch/status"; } 3>&- &
    background+=($!)
    wait_until test -s "$scratch/pid"
    wait_until sleeps "$(cat "$scratch/pid")"
    kill -TERM "$(cat "$scratch/pid")"
    wait_until test -s "$scratch/status"
    [ "$(cat "$scratch/status")" = 143 ]
}

@test "10000 lines arrive in their order" {
    seq 10000 > "$scratch/lines"
    mqsend "$mq" < "$scratch/lines" 3>&- &
    background+=($!)
    mqrecv -c 10000 "$mq" | cmp - "$scratch/lines"
    mqsend "$sysv_mq" < "$scratch/lines" 3>&- &
    background+=($!)
    mqrecv -c 10000 "$sysv_mq" | cmp - "$scratch/lines"
}

@test "--unsent keeps what could not be sent and all that was behind it, as it stood" {
    mqrm "$mq"
    mqmk "$mq" --max-messages 5 --max-size 16
    expect 2 mqsend -n "$mq" --unsent "$scratch/left" < <(seq 30000)
    says "records sent before: 5; what was not sent is in $scratch/left"
    { mqrecv -e "$mq"; cat "$scratch/left"; } | cmp - <(seq 30000)
    rm "$scratch/left"
    expect 1 mqsend "$mq" --unsent "$scratch/left" < <(printf 'a\n%s\nb' "longer than sixteen bytes")
    [ "$(cat "$scratch/left")" = $'longer than sixteen bytes\nb' ]
    rm "$scratch/left"
    expect 1 mqsend -J "$mq" --unsent "$scratch/left" < <(printf '{"payload":"x"}\n\n{"payload":3}\n{"payload":"z"}')
    [ "$(cat "$scratch/left")" = $'{"payload":3}\n{"payload":"z"}' ]
    rm "$scratch/left"
    printf '\0\0\0\1a\0\0\0\21seventeen bytes !\0\0\0\1b' > "$scratch/prefixed"
    expect 1 mqsend -L "$mq" -i "$scratch/prefixed" --unsent "$scratch/left"
    cmp "$scratch/left" <(tail -c +6 "$scratch/prefixed")
    [ "$(mqrecv -e "$mq")" = $'a\nx\na' ]
}

@test "moving from queue to queue loses nothing that the other one refuses" {
    mqrm "$mq"
    mqmk "$mq" --max-size 16
    mqsend "$sysv_mq" short
    mqsend "$sysv_mq" -t 7 typed
    mqsend "$sysv_mq" last
    expect 1 bash -c "mqrecv -e -J '$sysv_mq' | mqsend -J '$mq' --unsent '$scratch/left'"
    expect 0 mqsend -J "$sysv_mq" -i "$scratch/left"
    expect 0 mqrecv -e --format '%t %p' "$sysv_mq"
    prints $'7 typed\n1 last'
    expect 0 mqrecv -e "$mq"
    prints short
    for absent in posix-mq:/nonesuch sysv-mq:0x7fff; do
        rm -f "$scratch/left"
        mqsend "$sysv_mq" kept
        expect 1 bash -c "mqrecv -e -J '$sysv_mq' | mqsend -J '$absent' --unsent '$scratch/left'"
        grep -q '"kept"' "$scratch/left"
    done
}

@test "--unsent: signals keep their status, a file that cannot be written has one, and none is lost in it" {
    mqrm "$mq"
    mqmk "$mq" --max-messages 1
    mqsend "$mq" full
    seq 3 > "$scratch/in"
    in_background mqsend "$mq" -i "$scratch/in" --unsent "$scratch/left"
    sender=$!
    wait_until sleeps "$sender"
    kill -TERM "$sender"
    wait "$sender" || [ $? -eq 143 ]
    cmp "$scratch/in" "$scratch/left"
    expect 2 mqsend -n -q "$mq" -i "$scratch/in" --unsent "$scratch/left"
    [ "$(wc -l < "$scratch/left")" -eq 6 ]
    expect 1 mqsend -n -q -E 0 "$mq" -i "$scratch/in" --unsent /dev/full
    says "could be kept"
    expect 1 mqsend "$mq" -i "$scratch/in" --unsent "$scratch/in"
    says "the input itself"
    expect 1 mqsend "$mq" -i "$scratch/in" --unsent "$scratch/none/left"
    expect 64 mqsend "$mq" --unsent "$scratch/left" message
    cat "$scratch/in" | bash -c "! mqsend -n '$mq' 2> '$scratch/said'"
    grep -q -- "--unsent FILE keeps what is left" "$scratch/said"
}

@test "?type= and ?except= are for receiving" {
    for key in type except; do
        expect 1 mqsend "$sysv_mq?$key=3" x
        one_line_from mqsend
        says "-t gives what is sent a type"
    done
}
