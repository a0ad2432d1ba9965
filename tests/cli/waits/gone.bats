# SPDX-License-Identifier: MIT
# Whoever waits for an object learns that it was removed, replaced or cut off, and does not wait for ever.
load ../helper

prepare() {
    ring=ring:/feed
    for address in "$mq" "$sysv_mq" "$boost_mq" "$ring"; do mqmk "$address" --max-messages 4 --max-size 100 > /dev/null; done
}

queues() { echo "$mq $sysv_mq $boost_mq $ring"; }

# begin COMMAND...: in the background until it sleeps, so that it waits. ended STATUS: how it ended.
begin() {
    rm -f "$scratch"/{status,pid,out,said}
    { status=0
      "$@" < "${input:-/dev/null}" 9>&- > "$scratch/out" 2> "$scratch/said" & echo $! > "$scratch/pid"
      wait $! || status=$?; echo "$status" > "$scratch/status"; } 3>&- 9>&- &
    background+=($!)
    wait_until test -s "$scratch/pid"
    process=$(cat "$scratch/pid")
    background+=("$process")
    wait_until waits "$process"
}
# Not the shell that becomes it.
waits() { sleeps "$1" && [ "$(cat "/proc/$1/comm")" != bash ] && [ "$(cat "/proc/$1/comm")" != bats-exec-test ]; }
ended() {
    wait_until test -s "$scratch/status" || { echo "it still waits"; return 1; }
    [ "$(cat "$scratch/status")" = "$1" ] || { cat "$scratch/said" "$scratch/status"; return 1; }
}
says_removed() { grep -qE "${1:-removed}" "$scratch/said" || { cat "$scratch/said"; return 1; }; }

fill() { while mqsend -n -q "$1" text; do :; done; }

@test "a receiver whose queue is removed says so" {
    for address in $(queues); do
        for options in "" -f "-w 300"; do
            # shellcheck disable=SC2086
            begin mqrecv $options "$address"
            mqrm --force "$address"
            ended 1
            says_removed
            mqmk "$address" --max-messages 4 --max-size 100 > /dev/null
        done
    done
}

@test "a receiver whose queue is made again does not take what is sent to the new one, and says so" {
    for address in $(queues); do
        begin mqrecv "$address"
        mqrm --force "$address"
        mqmk "$address" > /dev/null
        mqsend "$address" new
        ended 1
        says_removed
        [ ! -s "$scratch/out" ]
        [ "$(mqrecv -n "$address")" = new ]
    done
}

@test "a receiver that runs a command for each message, and one that only looks, learn of it too" {
    for address in $(queues); do
        begin mqrecv -f -P 2 "$address" -- true
        mqrm --force "$address"
        ended 1
        says_removed
        for what in message space empty; do
            mqmk "$address" --max-messages 4 --max-size 100 > /dev/null
            [ "$what" != space ] || fill "$address"
            [ "$what" != empty ] || mqsend "$address" text
            begin mqrecv --wait-for "$what" "$address"
            mqrm --force "$address"
            ended 1
            says_removed
        done
    done
}

@test "a sender that waits for room in a queue that is removed says so" {
    for address in $(queues); do
        fill "$address"
        begin mqsend "$address" more
        mqrm --force "$address"
        ended 1
        says_removed
    done
}

@test "what a removed queue still holds is received, and then it is said" {
    for address in "$mq" "$boost_mq" "$ring"; do
        begin mqrecv -f "$address"
        kill -STOP "$process"
        mqsend "$address" one two
        mqrm --force "$address"
        kill -CONT "$process"
        ended 1
        [ "$(cat "$scratch/out")" = $'one\ntwo' ]
        says_removed
    done
}

@test "what is sent to a queue that was removed meanwhile is no success" {
    mkfifo "$scratch/input"
    for address in $(queues); do
        input=$scratch/input
        exec 9<> "$input"
        begin mqsend "$address"
        mqrm --force "$address"
        echo text >&9
        exec 9>&-
        ended 1
        says_removed
        mqmk "$address" --max-messages 4 --max-size 100 > /dev/null
        exec 9<> "$input"
        begin mqsend "$address"
        echo text >&9
        received() { [ "$(mqrecv -n -q "$address")" = text ]; }
        wait_until received
        mqrm --force "$address"
        exec 9>&-
        ended 0 # somebody has it
    done
}

@test "nothing is put back into a queue that was removed: it is printed" {
    for address in "$mq" "$boost_mq" "$ring"; do
        mqsend "$address" precious
        expect 1 mqrecv "$address" -- bash -c 'mqrm --force "$IPC_ADDRESS"; exit 1'
        says precious
    done
}

@test "a queue that is cut off while somebody waits is an error" {
    for address in "$boost_mq" "$ring"; do
        mqrm "$address"
        mqmk "$address" > /dev/null
        begin mqrecv "$address"
        file=/dev/shm/${boost_mq#*:}
        [ "$address" = "$boost_mq" ] || file=/dev/shm/ipcring.feed
        truncate -s 4096 "$file"
        ended 1
        says_removed 'smaller|shorter'
    done
}

@test "a segment that is removed or replaced while it is followed, or a word in it waited for" {
    for address in "$shm" "$sysv_shm" "$file"; do
        for command in "shmcat -f $address" "shmword $address u32@0 wait eq 7" "shmword $address u32@0 wait eq 7 -w 300"; do
            shmmk "$address" 4096 > /dev/null
            # shellcheck disable=SC2086
            begin $command
            shmrm --force "$address"
            ended 1
            says_removed
        done
    done
    shmmk "$file" 4096 > /dev/null
    shmmk "$file-new" 4096 > /dev/null
    begin shmcat -f "$file"
    mv "${file#*:}-new" "${file#*:}"
    ended 1
    says_removed replaced
}

@test "a FIFO that is removed or replaced while its first sender is waited for" {
    for command in "mqrecv fifo:$scratch/fifo" "mqrecv -f fifo:$scratch/fifo" "mqsend fifo:$scratch/fifo text" \
        "mqsend -w 300 fifo:$scratch/fifo text"; do
        mkfifo "$scratch/fifo"
        # shellcheck disable=SC2086
        begin $command
        rm "$scratch/fifo"
        mkfifo "$scratch/fifo"
        ended 1
        says_removed
        rm "$scratch/fifo"
    done
}

@test "a FIFO that is removed stays for the sender that has it open" {
    mkfifo "$scratch/fifo"
    begin mqrecv -f "fifo:$scratch/fifo"
    exec 9> "$scratch/fifo"
    rm "$scratch/fifo"
    sleep 1.2 # longer than between two looks
    echo text >&9
    wait_until grep -q text "$scratch/out"
    exec 9>&-
    ended 1
    says_removed
}

@test "a socket whose file is removed: who has connected is served to the end, and then it is said" {
    for type in stream seqpacket dgram; do
        begin mqrecv -f "unix:$scratch/socket?type=$type"
        rm "$scratch/socket"
        ended 1
        says_removed
    done
    begin mqrecv -f "unix:$scratch/socket"
    mkfifo "$scratch/lines"
    exec 9<> "$scratch/lines"
    in_background mqsend -i "$scratch/lines" "unix:$scratch/socket" 9>&-
    echo one >&9
    wait_until grep -q one "$scratch/out"
    rm "$scratch/socket"
    sleep 1.2 # longer than between two looks
    echo two >&9
    wait_until grep -q two "$scratch/out"
    exec 9>&-
    ended 1
    says_removed
}
