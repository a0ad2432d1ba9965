# SPDX-License-Identifier: MIT
# --wait-for exists: what only has the name of a queue is none.
load ../helper

waits() {
    in_background bash -c '"$@"; echo $? > "$0"' "$scratch/status" mqrecv --wait-for exists "$@" 2> "$scratch/said"
}
ended() { wait_until test -s "$scratch/status" && [ "$(cat "$scratch/status")" -eq "$1" ]; }

@test "a file that is no queue yet does not count, and the queue that takes its place does" {
    needs_namespace
    declare -A file_of=([ring:/feed]=ipcring.feed ["$boost_mq"]=${boost_mq#*:})
    for address in "${!file_of[@]}"; do
        place=/dev/shm/${file_of[$address]}
        for bytes in 0 64 65536; do
            head -c "$bytes" /dev/zero > "$place"
            expect 2 mqrecv --wait-for exists -n "$address"
            one_line_from mqrecv
            says "there is no such queue (what has the name: "
        done
        head -c 65536 /dev/urandom > "$place"
        expect 2 mqrecv --wait-for exists -w 0.05 "$address"
        says "timed out"
        rm -f "$scratch/status"
        waits "$address"
        wait_until sleeps "$!"
        rm "$place"
        mqmk "$address"
        ended 0
    done
}

@test "something of another kind does not count" {
    needs_namespace
    shmmk posix-shm:/work 4K
    expect 2 mqrecv --wait-for exists -n boost-mq:work
    mkfifo /dev/shm/ipcring.pipe
    mkdir /dev/shm/ipcring.folder
    ln -s nowhere /dev/shm/ipcring.link
    for name in pipe folder link; do expect 2 timeout 10 mqrecv --wait-for exists -n "ring:/$name"; done
    : > "$scratch/plain"
    for mechanism in fifo unix; do expect 2 mqrecv --wait-for exists -n "$mechanism:$scratch/plain"; done
}

@test "a file that may not be read may be anything, which is said" {
    needs_namespace
    needs_nobody
    mqmk ring:/feed
    mqmk "$boost_mq"
    for address in ring:/feed "$boost_mq"; do
        expect 1 as_nobody mqrecv --wait-for exists -n "$address"
        one_line_from mqrecv
    done
}

@test "whoever may only send sees the queue too" {
    needs_namespace
    needs_nobody
    mqmk -m 0622 "$mq"
    mqmk -m 0622 "$sysv_mq"
    for address in "$mq" "$sysv_mq" "$sysv_mq?type=3"; do
        expect 0 as_nobody mqrecv --wait-for exists -n "$address"
    done
}

@test "a socket that nobody has open any more does not count" {
    socket=$scratch/socket
    in_background mqrecv -f "unix:$socket"
    receiver=$!
    expect 0 mqrecv --wait-for exists -w 20 "unix:$socket"
    expect 2 mqrecv --wait-for exists -n "unix:$socket?type=dgram"
    says "of type stream"
    kill -KILL "$receiver"
    wait_until test ! -e "/proc/$receiver/fd/0"
    [ -S "$socket" ]
    expect 2 mqrecv --wait-for exists -n "unix:$socket"
    says "nobody receives there"
}
