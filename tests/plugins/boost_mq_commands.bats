# SPDX-License-Identifier: MIT
# Message queues of Boost.Interprocess, as a user of the commands meets them.
load ../cli/helper

prepare() {
    queue=$boost_mq
    leaf=${queue#*:}
}

# boost VERB ...: on the queue, by a program that uses Boost.
boost() {
    local verb=$1
    shift
    timeout 30 "$IPCUTILS_TEST_PROGRAMS/boost_queue" "$verb" "$leaf" "$@"
}

# waits_in_boost WHO: as the queue counts them, "1 receiver waits".
waits_in_boost() { [[ $(ipcls --noheadings -o DETAIL "$queue" 2>/dev/null) == *"$1"* ]]; }

@test "a program receives what mqsend sent, and mqrecv what a program sent, by priority" {
    expect 0 mqmk "$queue" --max-messages 10 --max-size 100
    prints "$queue"
    mqsend "$queue" one two
    mqsend -p 4294967295 "$queue" urgent
    mqsend -p 7 "$queue" ''
    expect 0 boost receive 4
    prints $'4294967295 urgent\n7 \n0 one\n0 two'
    boost send 3 drei '' trois
    boost send 4294967295 first
    expect 0 mqrecv -e --format '%P [%p]' "boost-mq:/$leaf"
    prints $'4294967295 [first]\n3 [drei]\n3 []\n3 [trois]'
}

@test "a queue that a program made is used like one that mqmk made" {
    boost make 2 8
    expect 0 mqsend -v "$queue" 12345678 x
    expect 2 mqsend -n "$queue" y
    says "the queue is full"
    expect 2 mqsend -w 0.05 "$queue" y
    says "stayed full"
    expect 1 mqsend -n "$queue" 123456789
    says "has 9 bytes and the queue takes 8"
    expect 0 mqrecv -e "$queue"
    prints $'12345678\nx'
    expect 2 mqrecv -n "$queue"
    says "the queue is empty"
    expect 2 mqrecv -w 0.05 "$queue"
    says "stayed empty"
}

@test "who waits for a message gets it from a program, and a program that waits from mqsend" {
    mqmk "$queue" > /dev/null
    in_background mqrecv "$queue" > "$scratch/got"
    wait_until sleeps $!
    boost send 0 hello
    wait_until test -s "$scratch/got"
    [ "$(< "$scratch/got")" = hello ]
    in_background boost receive 1 > "$scratch/theirs"
    wait_until waits_in_boost "1 receiver waits"
    mqsend "$queue" back
    wait_until test -s "$scratch/theirs"
    [ "$(< "$scratch/theirs")" = "0 back" ]
}

@test "waiting ends with the signal that asks for it" {
    mqmk "$queue" > /dev/null
    in_background mqrecv "$queue"
    wait_until sleeps $!
    kill -TERM $!
    status=0
    wait $! || status=$?
    [ "$status" -eq 143 ]
}

@test "mqrecv that is killed while it waits leaves the queue to the others as it was" {
    mqmk "$queue" > /dev/null
    for round in 1 2 3 4; do
        in_background mqrecv "$queue"
        wait_until sleeps $!
        kill -KILL $!
        wait $! 2>/dev/null || true
        in_background boost receive 1 > "$scratch/theirs"
        wait_until waits_in_boost "1 receiver waits"
        expect 0 boost send 0 "round $round"
        wait_until test -s "$scratch/theirs"
        [ "$(< "$scratch/theirs")" = "0 round $round" ]
    done
}

# Waits for a message, or has got one.
settled() { sleeps "$1" || ! [ -e "/proc/$1/maps" ] || [ -z "$(head -c 1 "/proc/$1/maps")" ]; }

@test "mqsend comes back where a program was killed while it waited, and no message is lost" {
    mqmk "$queue" > /dev/null
    in_background "$IPCUTILS_TEST_PROGRAMS/boost_queue" receive "$leaf" 1
    wait_until waits_in_boost "1 receiver waits"
    kill -KILL $!
    wait $! 2>/dev/null || true
    for round in 1 2 3 4; do
        in_background "$IPCUTILS_TEST_PROGRAMS/boost_queue" receive "$leaf" 1 > "$scratch/theirs-$round"
        wait_until settled $!
        expect 0 timeout 20 mqsend -w 5 "$queue" "round $round"
    done
    wait_until bash -c "[ \$(cat $scratch/theirs-* | wc -l) -eq 4 ] || { mqrecv -e $queue >> $scratch/theirs-0; false; }"
    [ "$(cat "$scratch"/theirs-* | sed 's/^0 //' | sort)" = "$(printf 'round %s\n' 1 2 3 4)" ]
}

@test "peeking shows what would be received, in its order, and changes nothing" {
    mqmk "$queue" > /dev/null
    mqsend "$queue" low
    mqsend -p 9 "$queue" high 'high too'
    cp "/dev/shm/$leaf" "$scratch/before"
    expect 0 mqrecv --peek --format '%P %p' "$queue"
    prints $'9 high\n9 high too\n0 low'
    expect 0 mqrecv --peek -c 1 "$queue"
    prints high
    cmp "/dev/shm/$leaf" "$scratch/before"
}

@test "creating is exclusive, with exactly the mode asked for" {
    expect 0 mqmk -m 0640 "$queue"
    [ "$(stat -c %a "/dev/shm/$leaf")" = 640 ]
    mqsend "$queue" kept
    expect 1 mqmk "$queue"
    says "there is one already"
    expect 0 mqmk --reuse "$queue"
    expect 0 mqrecv "$queue"
    prints kept
}

@test "a file system that is full is an error at creation and leaves nothing behind" {
    needs_namespace
    mount -t tmpfs -o size=1M tmpfs /dev/shm || skip "no tmpfs can be mounted"
    expect 1 mqmk "$queue" --max-messages 1000 --max-size 8K
    says "full"
    [ "$(ls -A /dev/shm)" = "" ]
    umount /dev/shm
}

@test "ipcls shows a queue with what waits in it and who holds it, beside its file" {
    mqmk "$queue" --max-messages 10 --max-size 100 > /dev/null
    mqsend "$queue" a b c
    hold posix-shm "/$leaf"
    expect 0 ipcls --noheadings -b -o ADDRESS,STATE,SIZE,MESSAGES,PIDS "$queue"
    [ "$(tr -s ' ' <<< "$output")" = "$queue in use 1000 3 $holder" ]
    [ "$(ipcls --noheadings -o PIDS "posix-shm:/$leaf")" = "$holder" ]
    expect 1 mqrm "$queue"
    says "held by $holder"
    expect 0 mqrm --force "$queue"
    [ ! -e "/dev/shm/$leaf" ]
}

@test "ipcls lists no other memory as a queue, and opens no FIFO" {
    needs_namespace
    mqmk "$queue" > /dev/null
    shmmk posix-shm:/plain 64K > /dev/null
    shmmk boost-shm:managed 64K > /dev/null
    mkfifo /dev/shm/pipe
    ln -s "$leaf" /dev/shm/link
    in_background sh -c 'echo x > /dev/shm/pipe'
    wait_until sleeps $!
    expect 0 timeout 10 ipcls --noheadings -o ADDRESS 'boost-mq:*'
    prints "$queue"
    expect 0 ipcls --noheadings -o ADDRESS 'boost-shm:*'
    prints boost-shm:managed
    sleeps $!
    expect 1 timeout 10 mqrecv boost-mq:pipe
    expect 1 mqrecv boost-mq:link
    expect 1 mqrecv boost-mq:plain
    says "no queue of Boost"
    expect 1 mqsend boost-mq:managed x
    one_line_from mqsend
}

@test "a queue whose user died with its lock says so at once, and what to do" {
    mqmk "$queue" > /dev/null
    mqsend -p 3 "$queue" three
    mqsend "$queue" zero
    run boost die
    [[ $(ipcls --noheadings -o DETAIL "$queue") == *"left by a process that died"* ]]
    for command in "mqsend $queue x" "mqrecv $queue" "mqrecv -n $queue"; do
        # shellcheck disable=SC2086
        expect 1 timeout 10 $command
        says "the queue was left locked by a process that died (mqrm --rescue OUTFILE saves its messages)"
    done
    run boost send 0 x # which makes the lock unusable for ever
    [ "$status" -ne 0 ]
    expect 1 timeout 10 mqsend "$queue" x
    says "left locked"
    expect 0 mqrecv --peek --format '%P %p' "$queue"
    prints $'3 three\n0 zero'
    expect 0 mqrm --rescue "$scratch/saved" "$queue"
    [ ! -e "/dev/shm/$leaf" ]
    mqmk "$queue" > /dev/null
    expect 0 mqsend -J -i "$scratch/saved" "$queue"
    expect 0 mqrecv -e --format '%P %p' "$queue"
    prints $'3 three\n0 zero'
}

@test "after users that were killed at any moment nobody hangs, and the messages are saved" {
    for round in $(seq 25); do
        boost make 50 40
        for i in 1 2; do
            in_background "$IPCUTILS_TEST_PROGRAMS/boost_queue" hammer "$leaf" > "$scratch/ready-$i"
        done
        in_background mqrecv -f "$queue" > /dev/null
        wait_until grep -q ready "$scratch/ready-1"
        wait_until grep -q ready "$scratch/ready-2"
        sleep "0.0$((round % 10))"
        kill -KILL "${background[@]: -3}"
        wait "${background[@]: -3}" 2>/dev/null || true
        for command in "mqsend -n $queue next" "mqrecv -n $queue" "mqsend -w 0.2 $queue next" "mqrecv -w 0.2 $queue"; do
            # shellcheck disable=SC2086
            run --separate-stderr timeout 10 $command
            [ "$status" -le 2 ]
            [ "$status" -ne 1 ] || says "left locked"
        done
        # One that was being sent or received may be torn, which is told.
        run --separate-stderr timeout 10 mqrm --rescue - "$queue"
        [ "$status" -eq 0 ] || says "messages lost, since they are not whole: 1"
        [ ! -e "/dev/shm/$leaf" ]
        [ -z "$output" ] || ! grep -vE '^\{"(payload":"(message [0-9]+|next)|base64":"[^"]*)","length":[0-9]+,"priority":[0-9]+\}$' <<< "$output"
    done
}

@test "malformed names are wrong usage" {
    for address in boost-mq: boost-mq:/ boost-mq:a/b boost-mq:.. "boost-mq:a?x=1" "boost-mq:$(printf '%0300d' 0)"; do
        expect 64 mqmk "$address"
        one_line_from mqmk
    done
    expect 1 mqsend -t 5 "$queue" x
}
