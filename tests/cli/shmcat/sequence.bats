# SPDX-License-Identifier: MIT
# --stable of a segment whose writers keep a sequence word: no torn copy ever gets out. See tests/cli/seqlock.c.
load ../helper

seqlock() { "$IPCUTILS_TEST_PROGRAMS/seqlock" "$@"; }

# number VALUE: as a u32 in the byte order of the machine.
number() { perl -e 'print pack "L", shift' "$1" 2>/dev/null || printf "\\$(printf '%03o' "$1")\0\0\0"; }

# set_word ADDRESS VALUE: in its first four bytes.
set_word() { number "$2" | shmcat -i - --length 4 "$1"; }

larger_than() { [ "$(stat -c %s "$1" 2>/dev/null || echo 0)" -gt "$2" ]; }

# stall ADDRESS TYPE: a writer stands in the middle of a write until `finish` is called; $writer is its process.
stall() {
    mkfifo "$scratch/go" "$scratch/said"
    in_background bash -c 'exec "$IPCUTILS_TEST_PROGRAMS/seqlock" stall "${1%%:*}" "${1#*:}" "$2" < "$0/go" > "$0/said"' \
        "$scratch" "$1" "$2"
    writer=$!
    exec 6> "$scratch/go"
    read -r line < "$scratch/said"
    [ "$line" = ready ]
}
finish() { exec 6>&-; }

@test "readers of a busy writer get whole snapshots alone, of each mechanism and type" {
    for address in "$shm" "$sysv_shm" "$file"; do
        for type in u32 u64; do
            shmmk "$address" 64K
            in_background "$IPCUTILS_TEST_PROGRAMS/seqlock" hammer "${address%%:*}" "${address#*:}" "$type"
            writer=$!
            in_background shmcat -f --stable "$address?seq=$type@0" > "$scratch/snapshots"
            reader=$!
            wait_until larger_than "$scratch/snapshots" $((100 * 65536))
            kill "$reader"
            for _ in {1..10}; do shmcat --stable "$address?seq=$type@0"; done > "$scratch/single"
            kill "$writer"
            expect 0 seqlock check 65536 "$type" < "$scratch/snapshots"
            [ "$output" -ge 100 ]
            expect 0 seqlock check 65536 "$type" < "$scratch/single"
            prints 10
            shmrm --force "$address"
        done
    done
}

@test "in the middle of a write two readings agree on torn bytes, and the sequence word makes the reader wait" {
    shmmk "$shm" 4096
    stall "$shm" u64
    shmcat --stable "$shm" > "$scratch/agreed"
    expect 1 seqlock check 4096 u64 < "$scratch/agreed"
    prints "snapshot 0 is torn"
    in_background shmcat --stable "$shm?seq=u64@0" > "$scratch/whole" 6>&-
    reader=$!
    wait_until sleeps "$reader"
    [ ! -s "$scratch/whole" ]
    finish
    wait "$reader"
    expect 0 seqlock check 4096 u64 < "$scratch/whole"
    prints 1
}

@test "-f prints once for each even number, whether the bytes changed or not" {
    printf '\0\0\0\0 one\n' | shmmk "$shm" -i -
    in_background shmcat -f --stable --offset 4 "$shm?seq=u32@0" > "$scratch/seen"
    wait_until larger_than "$scratch/seen" 0
    set_word "$shm" 1
    printf ' two' | shmcat -i - --offset 4 "$shm"
    set_word "$shm" 2
    wait_until grep -q two "$scratch/seen"
    set_word "$shm" 4
    wait_until larger_than "$scratch/seen" 10
    # What is written without a change of the word is not seen before the next one.
    printf ' six' | shmcat -i - --offset 4 "$shm"
    set_word "$shm" 6
    wait_until grep -q six "$scratch/seen"
    [ "$(cat "$scratch/seen")" = "$(printf ' one\n two\n two\n six\n')" ]
}

@test "a writer that died while it wrote ends the wait with status 2 and what to do" {
    shmmk "$shm" 4096
    set_word "$shm" 7
    expect 2 shmcat --stable "$shm?seq=u32@0"
    prints ""
    one_line_from shmcat
    says 7
    says "u32@0 add 1"
}

@test "a writer that dies while it is followed ends that with status 2" {
    shmmk "$shm" 16
    { status=0; shmcat -f --stable "$shm?seq=u32@0" > "$scratch/seen" || status=$?; echo "$status" > "$scratch/status"; } \
        2> "$scratch/said" 3>&- &
    background+=($!)
    wait_until larger_than "$scratch/seen" 0
    set_word "$shm" 1
    wait_until test -s "$scratch/status"
    [ "$(cat "$scratch/status")" = 2 ]
    grep -q odd "$scratch/said"
    [ "$(stat -c %s "$scratch/seen")" -eq 16 ]
}

@test "an unknown type, a missing, crooked or misaligned offset" {
    shmmk "$shm" 4096
    for word in "" u16@0 i32@0 u32 u32@ u32@x u32@-4 u32@2 u64@4 u64@16E; do
        expect 64 shmcat --stable "$shm?seq=$word"
        one_line_from shmcat
        says "seq="
        prints ""
    done
}

@test "a sequence word beyond the end, or across it" {
    printf '%06d' 1 | shmmk "$shm" -i -
    for offset in 4 8 8E; do
        expect 1 shmcat --stable "$shm?seq=u32@$offset"
        one_line_from shmcat
        says "6 bytes"
        prints ""
    done
}

@test "a segment that shrinks away from under its sequence word while it is followed" {
    shmmk "$shm" 8192
    { status=0; shmcat -f --stable --length 16 "$shm?seq=u32@4096" > "$scratch/seen" || status=$?
        echo "$status" > "$scratch/status"; } 2> "$scratch/said" 3>&- &
    background+=($!)
    wait_until larger_than "$scratch/seen" 0
    truncate -s 4096 "/dev/shm/${shm#*:/}"
    wait_until test -s "$scratch/status"
    [ "$(cat "$scratch/status")" = 1 ]
    grep -q 4096 "$scratch/said"
}

@test "seq= is of segments, whatever the mechanism, and not of queues" {
    IPC_PLUGIN_PATH=$IPCUTILS_BUILD_DIR/tests/abi/plugins expect 0 shmcat --offset 0 "toy-cpp:box?seq=u32@0"
    prints "headerone two hidden"
    shmmk "$shm?seq=u32@0" 16
    expect 64 shmcat "$shm?sec=u32@0"
    says "did you mean seq?"
    mqmk "$mq"
    expect 64 mqsend "$mq?seq=u32@0" x
    says '"seq"'
}
