# SPDX-License-Identifier: MIT
# Rings, which keep what other queues cannot: the place of what is put back, and all that waits when a process is killed.
load ../helper

prepare() {
    needs_namespace
    ring=ring:/feed
    file=/dev/shm/ipcring.feed
    mqmk "$ring" > /dev/null
}

# Does ipcls show WHAT of the holders of ADDRESS?
shows() { [[ $(ipcls -o HOLDERS --noheadings "$2" 2> /dev/null) == *"$1"* ]]; }

@test "a ring is created with its limits, exclusively, and all of its memory is there" {
    expect 1 mqmk "$ring"
    one_line_from mqmk
    [ "$(stat -c %a "$file")" = 600 ]
    [ "$(stat -c %b "$file")" -ge 2048 ]
    expect 0 mqmk -v -m 0660 ring:/three --max-messages 3 --max-size 100
    prints ring:/three
    says "100 bytes, 3 of them"
    [ "$(stat -c %a /dev/shm/ipcring.three)" = 660 ]
    expect 0 mqmk -v 'ring:/sized?size=100K'
    prints ring:/sized
    says "131072 bytes in all"
    expect 0 mqmk --reuse ring:/sized
    expect 64 mqmk 'ring:/x?size=much'
    expect 64 mqmk 'ring:/x?colour=red'
    expect 1 mqmk 'ring:/x?size=4K' --max-size 1M
    expect 1 mqmk ring:/x --max-messages 1000000000000 --max-size 1G
    expect 1 mqmk 'ring:/x?size=1000000G'
    for name in /a/b / '' /..; do expect 64 mqmk "ring:$name"; done
    expect 64 mqmk "ring:/$(printf '%0250d' 0)"
    [ ! -e /dev/shm/ipcring.x ]
}

@test "messages of any bytes and lengths come out as they went in" {
    for i in $(seq 0 255); do printf "\\x$(printf %x "$i")"; done > "$scratch/bytes"
    mqsend -s "$ring" < "$scratch/bytes"
    mqrecv -N "$ring" | cmp - "$scratch/bytes"
    mqsend "$ring" one '' three
    expect 0 mqrecv -e --format '[%p]' "$ring"
    prints $'[one]\n[]\n[three]'
    head -c 1048568 /dev/urandom > "$scratch/largest"
    mqsend -s "$ring" < "$scratch/largest"
    mqrecv -N "$ring" | cmp - "$scratch/largest"
    printf x >> "$scratch/largest"
    expect 1 mqsend -s "$ring" < "$scratch/largest"
    says 1048568
}

@test "an empty ring and a full one are status 2, at once or in time" {
    expect 2 mqrecv -n "$ring"
    expect 2 mqrecv -w 0.1 "$ring"
    mqmk ring:/one --max-messages 1 > /dev/null
    mqsend ring:/one x
    expect 2 mqsend -n ring:/one y
    says full
    expect 2 mqsend -w 0.1 ring:/one y
    [ "$(mqrecv ring:/one)" = x ]
}

@test "there are no priorities and no types" {
    expect 1 mqsend -p 3 "$ring" x || expect 64 mqsend -p 3 "$ring" x
    expect 1 mqsend -t 3 "$ring" x || expect 64 mqsend -t 3 "$ring" x
    expect 2 mqrecv -n "$ring"
    expect 0 mqsend -p 0 -t 1 "$ring" x
}

@test "--peek shows all and changes no byte, even for those who may only read" {
    mqsend "$ring" first '' third
    cp "$file" "$scratch/before"
    expect 0 mqrecv --peek --format '[%p]' "$ring"
    prints $'[first]\n[]\n[third]'
    expect 0 mqrecv --peek -c 2 "$ring"
    prints first
    cmp "$file" "$scratch/before"
    chmod 0644 "$file"
    chmod 0755 "$scratch"
    needs_nobody
    expect 0 as_nobody mqrecv --peek -c 1 "$ring"
    prints first
    expect 1 as_nobody mqrecv -n "$ring"
    one_line_from mqrecv
    says "may not open it"
    cmp "$file" "$scratch/before"
}

@test "a reader that is gone: everything is in the ring again, in its order and before what was sent meanwhile" {
    mqsend "$ring" 1 2 3 4 5
    mkfifo "$scratch/gone"
    exec 5<> "$scratch/gone"
    exec 6> "$scratch/gone" 5<&-
    run bash -c "mqrecv -e '$ring' >&6 2>'$scratch/said'"
    exec 6>&-
    mqsend "$ring" 6
    expect 0 mqrecv -e "$ring"
    prints $'1\n2\n3\n4\n5\n6'
}

@test "a receiver that waits is woken by a sender, and interrupted by a signal" {
    in_background mqrecv -f "$ring" > "$scratch/seen"
    receiver=$!
    wait_until shows "$receiver mqrecv rw waits to receive" "$ring"
    mqsend "$ring" woken
    wait_until grep -q woken "$scratch/seen"
    wait_until shows "waits to receive" "$ring"
    kill -TERM "$receiver"
    status=0
    wait "$receiver" || status=$?
    [ "$status" -eq 143 ]
}

@test "a sender that waits for room is shown, and goes on" {
    mqmk ring:/one --max-messages 1 > /dev/null
    mqsend ring:/one first
    in_background mqsend ring:/one second
    wait_until shows "waits to send" ring:/one
    [ "$(mqrecv ring:/one)" = first ]
    [ "$(mqrecv -w 20 ring:/one)" = second ]
}

@test "a stream of lines arrives whole and in order, by several receivers without a loss" {
    seq 200000 > "$scratch/lines"
    in_background mqsend -i "$scratch/lines" "$ring"
    mqrecv -c 200000 "$ring" | cmp - "$scratch/lines"
    for i in 1 2 3; do
        in_background mqrecv -f "$ring" > "$scratch/part$i"
    done
    mqsend "$ring" -i "$scratch/lines"
    complete() { [ "$(cat "$scratch"/part? | wc -l)" -eq 200000 ]; }
    wait_until complete
    sort -n "$scratch"/part? | cmp - "$scratch/lines"
}

@test "kill -9 among senders and receivers leaves a ring that works at once" {
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        yes | mqsend "$ring" 3>&- & sender=$!
        mqrecv -f "$ring" > /dev/null 3>&- & receiver=$!
        sleep 0.05
        kill -KILL "$sender" "$receiver"
        wait "$sender" "$receiver" || true
        expect 0 mqrecv -e "$ring"
        expect 0 mqsend -w 1 "$ring" alive
        expect 0 mqrecv -w 1 "$ring"
        prints alive
    done
}

@test "ipcls shows what waits; a ring that may not be read is listed too, and none of them as memory" {
    mqsend "$ring" hello world
    expect 0 ipcls --json -o ADDRESS,SIZE,USED,MESSAGES "$ring"
    [[ $output == *1048576* && $output == *10* && $output == *2* ]]
    cp "$file" "$scratch/before"
    ipcls > /dev/null
    cmp "$file" "$scratch/before"
    expect 0 ipcls -o ADDRESS --noheadings
    [[ $output == *"$ring"* && $output != *posix-shm:* ]]
}

@test "removal refuses a ring with holders; one that is removed lives on for them, and is reached through them" {
    in_background mqrecv -f "$ring" > "$scratch/seen"
    holder=$!
    wait_until shows "$holder" "$ring"
    expect 1 mqrm "$ring"
    says mqrecv
    kill -STOP "$holder" # who waits would learn of the removal, and end
    expect 0 mqrm --force "$ring"
    [ ! -e "$file" ]
    expect 1 mqsend "$ring" x
    mqmk "$ring" > /dev/null
    expect 0 ipcls -o ADDRESS,STATE,DETAIL --noheadings 'ring:*'
    [[ $output =~ (ring:$holder/[0-9]+)\ +removed\ +/feed ]]
    removed=${BASH_REMATCH[1]}
    expect 0 ipcls "$removed"
    mqsend "$removed" 'through its descriptor'
    expect 1 mqrm --force "$removed"
    expect 1 mqmk "$removed"
    expect 1 mqsend ring:1/999 x
    expect 1 mqsend "ring:$holder/1" x
    says "it is no ring"
    kill -CONT "$holder"
    wait_until grep -q descriptor "$scratch/seen"
    expect 0 mqrm "$ring"
}

@test "who was killed while it waited holds nothing any more" {
    mqrecv -f "$ring" > /dev/null 3>&- & receiver=$!
    wait_until shows "waits to receive" "$ring"
    kill -KILL "$receiver"
    wait "$receiver" || true
    expect 0 ipcls -o STATE --noheadings "$ring"
    prints '?' # not in use: nobody can say more, since there are processes outside of the test's namespace
    expect 0 mqrm "$ring"
}

@test "what is no ring, or damaged, is one sentence" {
    for content in 'no ring at all' ''; do
        printf '%s' "$content" > /dev/shm/ipcring.other
        for command in "mqsend ring:/other x" "mqrecv -n ring:/other" "mqrecv --peek ring:/other"; do
            # shellcheck disable=SC2086
            expect 1 $command
            says "it is no ring"
        done
    done
    expect 0 ipcls -o ADDRESS,DETAIL --noheadings ring:/other
    [[ $output == *"no ring"* ]]
    mqsend "$ring" x
    printf '\377\377\377\377\377\377\377\377' | dd of="$file" bs=1 seek=256 conv=notrunc status=none
    for command in "mqrecv -n $ring" "mqrecv --peek $ring" "mqsend -n $ring x"; do
        # shellcheck disable=SC2086
        expect 1 $command
        says damaged
        one_line_from "${command%% *}"
    done
    expect 0 mqrm "$ring"
}

@test "a file that somebody makes shorter is an error to both ends, and no signal" {
    both_ended() { [ -s "$scratch/sent" ] && [ -s "$scratch/received" ]; }
    in_background bash -c 'yes | mqsend "$0" 2> "$1/said"; echo "${PIPESTATUS[1]}" > "$1/sent"' "$ring" "$scratch"
    in_background bash -c 'mqrecv -f "$0" 2>> "$1/said" > "$1/seen"; echo "$?" > "$1/received"' "$ring" "$scratch"
    wait_until test -s "$scratch/seen"
    truncate -s 0 "$file"
    wait_until both_ended
    [ "$(cat "$scratch/sent" "$scratch/received")" = $'1\n1' ]
    grep -q 'file shorter' "$scratch/said"
}

@test "a FIFO or a link in the place of a ring is refused and not opened" {
    mkfifo /dev/shm/ipcring.fifo
    ln -s "$file" /dev/shm/ipcring.link
    for name in fifo link; do
        expect 1 timeout 10 mqsend "ring:/$name" x
        expect 1 timeout 10 mqrecv -n "ring:/$name"
        expect 1 timeout 10 mqmk "ring:/$name"
    done
    expect 0 ipcls
    [[ $output != */fifo* && $output != */link* ]]
}
