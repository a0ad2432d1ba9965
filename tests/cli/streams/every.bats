# SPDX-License-Identifier: MIT
# What holds for streams of every mechanism: the same commands, and records that are framed.
load ../helper

prepare() {
    fifo=fifo:$scratch/fifo
    unix=unix:$scratch/socket
    mqmk "$fifo" > /dev/null
}

# receive ADDRESS OPTION...: start a receiver that is ready when this returns; what it wrote is $scratch/out, what it
# said $scratch/said. For tcp:0 $address is what it listens on, else ADDRESS.
receive() {
    address=$1
    : > "$scratch/out"
    : > "$scratch/said"
    in_background bash -c 'exec mqrecv "${@:2}" > "$0/out" 2> "$0/said"' "$scratch" - "$@"
    receiver=${background[-1]}
    case $address in
    tcp:0*)
        wait_until grep -q ' is tcp:' "$scratch/said"
        address=$(sed -n 's/.* is \(tcp:[^ ]*\)$/\1/p' "$scratch/said")${address#tcp:0}
        ;;
    unix:/*) wait_until listens "${address%%\?*}" ;;
    fifo:*) wait_until holds "$receiver" "$(sed 's/^fifo://; s/?.*//' <<< "$address")" ;;
    esac
}

# It is bound a moment earlier, and refuses connections then.
listens() { cells DETAIL "$1" | grep -qE 'accepted|^dgram'; }

# The process has the file open for reading.
holds() { find "/proc/$1/fd" -lname "$2" -perm -u+r 2>/dev/null | grep -q .; }

received() { [ "$(cat "$scratch/out")" = "$1" ]; }
ended() { ! kill -0 "$1" 2>/dev/null; }
finish() { kill -TERM "$receiver" && wait "$receiver" || true; }

@test "what cannot be sent does not take those before it along, and they are counted" {
    for each in "$fifo" "$unix" tcp:0; do
        receive "$each" -f
        { seq 300 | sed 's/.*/{"payload":"&"}/'; echo bad; } > "$scratch/lines"
        expect 1 mqsend -J -i "$scratch/lines" "$address"
        says "records sent before: 300"
        expect 1 mqsend "$address" 301 $'3\n02' 303
        says "records sent before: 1"
        wait_until received "$(seq 301)"
        finish
    done
}

@test "messages arrive whole and in their order, empty ones too" {
    for each in "$fifo" "$unix" "unix:@$$-$BATS_TEST_NUMBER" tcp:0 "$unix?type=seqpacket" "$unix?type=dgram"; do
        receive "$each" -f
        expect 0 mqsend -w 20 "$address" first "" "third one"
        prints ""
        wait_until received $'first\n\nthird one' # two senders would come in turn
        printf 'fourth\n\nlast without newline' | mqsend "$address"
        wait_until received $'first\n\nthird one\nfourth\n\nlast without newline'
        finish
    done
}

@test "a sender that comes first waits for its receiver, as long as -w allows" {
    for each in "$fifo" "$unix" tcp:127.0.0.1:$((20000 + $$ % 10000)) "$unix?type=seqpacket" "$unix?type=dgram"; do
        in_background mqsend -w 20 "$each" early
        sender=${background[-1]}
        expect 0 mqrecv -w 20 "$each"
        prints early
        wait "$sender"
        expect 2 mqsend -w 0.05 "$each" nobody
        says "timed out, nobody re"
    done
}

@test "-n tries once, and says that nobody receives" {
    for each in "$fifo" "$unix" "$unix?type=dgram" tcp:1; do
        expect 2 mqsend -n "$each" x
        says "start mqrecv"
        one_line_from mqsend
        expect 2 mqsend -nq "$each" x
        [ -z "$stderr" ]
    done
}

@test "nothing there is status 2, and -e takes what is there" {
    for each in "$fifo" "$unix" tcp:0 "$unix?type=seqpacket" "$unix?type=dgram"; do
        expect 2 mqrecv -n "$each"
        expect 2 mqrecv -w 0.02 "$each"
        says "timed out"
        expect 0 mqrecv -e "$each"
        prints ""
    done
}

@test "frames: null for messages with newlines, length for any bytes" {
    for each in "$fifo" "$unix" tcp:0; do
        receive "$each?frame=null" -f -0
        printf 'a\nb\0\0c' | mqsend -0 -w 20 "$address"
        printf 'a\nb\0\0c\0' > "$scratch/expected"
        wait_until cmp -s "$scratch/out" "$scratch/expected"
        finish
        receive "$each?frame=length" -f -L
        printf 'a\nb\0\377' | mqsend -s -w 20 "$address"
        mqsend -s -w 20 "$address" < /dev/null
        printf '\0\0\0\5a\nb\0\377\0\0\0\0' > "$scratch/expected"
        wait_until cmp -s "$scratch/out" "$scratch/expected"
        finish
    done
}

@test "a newline in a message that stands as a line is refused, and nothing of it is sent" {
    receive "$unix" -f
    expect 1 mqsend -w 20 "$unix" fine $'not\nfine'
    says "?frame=length"
    wait_until received fine
    finish
    receive "$unix?frame=null" -f
    printf 'a\0b' > "$scratch/null"
    expect 1 mqsend -s -i "$scratch/null" "$unix?frame=null"
    says "NUL byte"
}

@test "an unknown frame, and one where there is nothing to frame, is a usage error" {
    expect 64 mqsend "$unix?frame=word" x
    says "line, null or length"
    expect 64 mqrecv "$mq?frame=line"
    says 'takes no parameter "frame"'
    expect 64 mqrecv "$unix?frames=line"
    says "did you mean frame?"
    expect 64 mqrecv -n "$unix?type=dgram&frame=line"
    says "keeps records apart"
}

@test "priorities and types are refused, streams have none" {
    for each in "$unix" "$fifo"; do
        expect 1 mqsend -p 3 "$each" x
        says "priority"
        expect 1 mqsend -t 3 "$each" x
        expect 1 mqrecv --peek "$each"
    done
}

@test "a record over the limit is reported and passed over, and none of the following is lost" {
    for each in "$unix" "$fifo" "$unix?frame=length" "$unix?type=seqpacket"; do
        receive "$each" -f --max-size 1K
        {
            echo before
            head -c 1025 /dev/zero | tr '\0' x
            echo
            head -c 1024 /dev/zero | tr '\0' y
            echo
            echo after
        } | mqsend -w 20 "$each"
        wait_until grep -q after "$scratch/out"
        [ "$(wc -c < "$scratch/out")" -eq 1038 ]
        grep -q "record of 1025 bytes is over the limit of 1024 .*--max-size" "$scratch/said"
        finish
    done
}

@test "a huge record over the limit takes no memory and harms nobody" {
    receive "$unix" -f --max-size 1K
    head -c 50M /dev/zero | tr '\0' x | mqsend -w 20 -s "$unix"
    mqsend "$unix" after
    wait_until received after
    grep -q "record of 52428800 bytes" "$scratch/said"
    [ "${IPCUTILS_SANITIZE-}" = ON ] || # whose memory counts too
        [ "$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$receiver/status")" -lt 20000 ]
}

@test "--max-size lets large records through" {
    receive "$unix?frame=length" -f -N --max-size 8M
    head -c 5M /dev/urandom > "$scratch/large"
    mqsend -w 20 -s -i "$scratch/large" "$unix?frame=length"
    wait_until cmp -s "$scratch/large" "$scratch/out"
}

@test "-c leaves in a FIFO what it does not take, so that the next receiver has it" {
    # seq writes all of it at once, while a shell writes line by line and may find no reader any more.
    in_background bash -c 'exec 3> "$0"; seq 5 >&3; exec sleep 60 3>&3' "$scratch/fifo"
    expect 0 mqrecv -w 20 "$fifo"
    prints 1
    expect 0 mqrecv -c 2 "$fifo"
    prints $'2\n3'
    expect 0 mqrecv -e "$fifo"
    prints $'4\n5'
}

@test "what senders sent and -c did not take is reported" {
    receive "$unix" -c 1
    printf 'one\ntwo\n' | mqsend -w 20 "$unix"
    wait_until ended "$receiver"
    received one
    grep -q "nobody took are lost: 4, of 1 senders" "$scratch/said"
}

@test "many senders come in turn, and one that stops in the middle of a record delays nobody" {
    receive "$unix" -f
    in_background bash -c '{ printf half; sleep 60; } | "$IPCUTILS_TEST_PROGRAMS/peer" send stream "$0"' "$scratch/socket"
    in_background bash -c '{ yes flood | head -c 20M; sleep 60; } | mqsend "$0"' "$unix"
    wait_until test -s "$scratch/out"
    for i in 1 2 3; do mqsend "$unix" "calm $i"; done
    wait_until grep -q 'calm 3' "$scratch/out"
    [ "$(grep -c calm "$scratch/out")" -eq 3 ]
    ! grep -q half "$scratch/out"
    ! grep -vE '^(flood|calm [123])$' "$scratch/out" | grep .
}

@test "records of many concurrent senders stay whole" {
    for each in "$unix" "$fifo"; do
        receive "$each" -f
        senders=()
        for i in 1 2 3 4; do
            in_background bash -c 'for n in {1..500}; do printf "%s%0$1d\n" "$1" "$n"; done | mqsend "$0"' "$each" $((i * 700))
            senders+=("${background[-1]}")
        done
        wait "${senders[@]}"
        wait_until lines 2000
        for i in 1 2 3 4; do
            [ "$(grep -cE "^$((i * 700))0*[0-9]{1,3}$" "$scratch/out")" -eq 500 ]
        done
        finish
    done
}
lines() { [ "$(wc -l < "$scratch/out")" -eq "$1" ]; }

@test "records larger than an atomic write stay whole among senders of these commands" {
    receive "$fifo" -f
    head -c 300000 /dev/zero | tr '\0' L > "$scratch/large"
    senders=()
    for i in 1 2; do
        in_background bash -c 'for i in 1 2 3 4 5; do mqsend -s -i "$1" "$0"; done' "$fifo" "$scratch/large"
        senders+=("${background[-1]}")
        in_background bash -c 'for n in {1..3000}; do echo small; done | mqsend "$0"' "$fifo"
        senders+=("${background[-1]}")
    done
    wait "${senders[@]}"
    wait_until lines 6010
    [ "$(grep -c '^small$' "$scratch/out")" -eq 6000 ]
    [ "$(grep -cE '^L+$' "$scratch/out")" -eq 10 ]
}

@test "a record that its sender cut off is reported, and never delivered" {
    for each in "$unix" "$fifo"; do
        receive "$each" -f
        if [ "$each" = "$fifo" ]; then
            printf 'whole\ncut off' > "$scratch/fifo"
        else
            printf 'whole\ncut off' | "$IPCUTILS_TEST_PROGRAMS/peer" send stream "$scratch/socket"
        fi
        wait_until grep -q 'a record of 7 bytes, "cut off", which ends without its newline' "$scratch/said"
        echo next | mqsend "$each"
        wait_until received $'whole\nnext'
        finish
    done
}

@test "a length-framed record that is cut off is reported, and others go on" {
    receive "$unix?frame=length" -f
    printf '\0\0\0\4good\0\0\0\144only a part' | "$IPCUTILS_TEST_PROGRAMS/peer" send stream "$scratch/socket"
    wait_until grep -q "a record of 100 bytes, of which 11 came" "$scratch/said"
    printf '\0\0' | "$IPCUTILS_TEST_PROGRAMS/peer" send stream "$scratch/socket"
    wait_until grep -q "inside its length, of which 2 bytes came" "$scratch/said"
    mqsend "$unix?frame=length" more
    wait_until received $'good\nmore'
}

@test "a length that lies ends that sender alone" {
    receive "$unix?frame=length" -f
    in_background bash -c '{ printf "GET / HTTP/1.0\r\n"; sleep 60; } | "$IPCUTILS_TEST_PROGRAMS/peer" send stream "$0"' "$scratch/socket"
    wait_until grep -q "announces a record of 1195725856 bytes" "$scratch/said"
    mqsend "$unix?frame=length" honest
    wait_until received honest
}

@test "records that never end do not keep a receiver beyond its time" {
    local processor slow
    processor=$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')
    slow="nice -n 19 taskset -c $processor" # so that there is always more to read
    for i in {1..12}; do
        in_background "$IPCUTILS_TEST_PROGRAMS/peer" flood "$scratch/socket"
    done
    for how in "-w 0.5" -n; do
        run timeout 20 $slow mqrecv $how --max-size 1K "$unix"
        [ "$status" -eq 2 ]
    done
}

@test "more senders than the receiver may have files open wait until others have gone" {
    in_background bash -c 'ulimit -n 64; exec mqrecv -f "$1" > "$0/out" 2> "$0/said"' "$scratch" "$unix"
    receiver=${background[-1]}
    wait_until listens "$unix"
    mkfifo "$scratch/ready"
    in_background bash -c 'exec "$IPCUTILS_TEST_PROGRAMS/peer" crowd "$1" 300 > "$0/ready"' "$scratch" "$scratch/socket"
    crowd=${background[-1]}
    read -r line < "$scratch/ready"
    in_background mqsend "$unix" late
    mqsend "$unix" "later"
    ! grep -q late "$scratch/out"
    kill "$crowd"
    wait_until grep -q later "$scratch/out"
    wait_until grep -q '^late$' "$scratch/out"
    [ "$(wc -l < "$scratch/out")" -eq 2 ]
    [ "$(grep -c '"half"' "$scratch/said")" -eq 300 ]
}

@test "thousands of senders that are stopped inside a record delay nobody" {
    local files
    files=$(ulimit -Hn)
    [ "$files" = unlimited ] || [ "$files" -ge 4000 ] || skip "needs 4000 open files"
    in_background bash -c 'ulimit -n "$(ulimit -Hn)"; exec mqrecv -f "$1" > "$0/out" 2> "$0/said"' "$scratch" "$unix"
    receiver=${background[-1]}
    wait_until listens "$unix"
    mkfifo "$scratch/ready"
    in_background bash -c 'exec "$IPCUTILS_TEST_PROGRAMS/peer" crowd "$1" 3000 > "$0/ready"' "$scratch" "$scratch/socket"
    read -r line < "$scratch/ready"
    mqsend -w 20 "$unix" quick
    wait_until received quick
}

@test "a stream of bytes is cut into records and comes out as it went in" {
    head -c 1M /dev/urandom > "$scratch/bytes"
    for each in "$fifo?frame=length" "$unix?frame=length" tcp:0?frame=length "$unix?type=seqpacket" "$unix?type=dgram"; do
        receive "$each" --stream
        mqsend -w 20 --stream -i "$scratch/bytes" "$address"
        wait "$receiver"
        cmp "$scratch/out" "$scratch/bytes"
    done
    receive "$unix" --stream
    expect 1 mqsend -w 20 --stream -i "$scratch/bytes" "$unix"
    says "?frame=length"
}

@test "a stream takes dead letters, each at once" {
    for each in "$unix" "$fifo"; do
        receive "$each" -f
        mqmk --reuse "$mq" > /dev/null
        mqsend "$mq" first second
        in_background mqrecv -f --dead-letter "$each" "$mq" -- false
        letters() { [ "$(grep -c '"payload":"\(first\|second\)"' "$scratch/out")" -eq 2 ]; }
        wait_until letters
        kill "${background[-1]}"
        finish
    done
}

@test "only the existence of a stream can be waited for without taking" {
    expect 0 mqrecv --wait-for exists "$fifo"
    expect 2 mqrecv -n --wait-for exists "$unix"
    for what in message space empty; do
        for each in "$fifo" "$unix" tcp:1; do
            expect 1 mqrecv -n --wait-for $what "$each"
            says "without taking"
        done
    done
    expect 64 mqrecv --max-size 0 "$fifo"
    says "--max-size"
}

@test "control characters of a sender reach no terminal through an error" {
    receive "$unix" -f
    printf 'evil\033[2J' | "$IPCUTILS_TEST_PROGRAMS/peer" send stream "$scratch/socket"
    wait_until grep -q evil "$scratch/said"
    ! grep -q $'\033' "$scratch/said"
}

@test "a receiver that is killed is an error of the sender, which says how far it came" {
    for each in "$unix" "$fifo" tcp:0; do
        receive "$each" -f
        in_background bash -c '{ yes 2>/dev/null | mqsend "$1"; echo "status $?"; } > "$0/sent" 2>&1' "$scratch" "$address"
        wait_until test -s "$scratch/out"
        kill -KILL "$receiver"
        wait_until grep -q "status 1" "$scratch/sent"
        grep -q "the receiver is gone.*records sent before: [0-9]" "$scratch/sent"
        [ "$(sed -n 's/.*records sent before: \([0-9]*\).*/\1/p' "$scratch/sent")" -ge "$(wc -l < "$scratch/out")" ]
        rm -f "$scratch/socket"
    done
}

@test "a receiver that is stopped makes its senders wait, or give up with -w" {
    for each in "$unix" "$fifo"; do
        receive "$each" -f
        kill -STOP "$receiver"
        run bash -c "yes | mqsend -w 0.1 '$each' 2>&1"
        [ "$status" -eq 2 ]
        [[ $output == *"timed out, the receiver stayed behind"* ]]
        kill -CONT "$receiver"
        finish
    done
}

@test "what was read of a sender is written before an interrupted receiver ends" {
    receive "$unix" -f
    for n in {1..2000}; do echo "$n"; done | mqsend -w 20 "$unix"
    wait_until lines 2000
    kill -INT "$receiver" 2>/dev/null || true
    kill -TERM "$receiver"
    wait "$receiver" || [ $? -ge 128 ]
    lines 2000
}
