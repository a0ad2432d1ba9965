# SPDX-License-Identifier: MIT
load ../helper

prepare() { head -c 300001 /dev/urandom > "$scratch/bytes"; }

@test "what was put in comes out, to a pipe, a file and through cat" {
    for address in "$shm" "$sysv_shm" "$file"; do
        shmmk "$address" -i "$scratch/bytes"
        shmcat "$address" > "$scratch/out"
        cmp "$scratch/out" "$scratch/bytes"
        shmcat "$address" | cmp - "$scratch/bytes"
        shmcat "$address" | cat | cat > "$scratch/out"
        cmp "$scratch/out" "$scratch/bytes"
    done
}

@test "64 MiB pass unchanged through each kind of segment" {
    head -c 64M /dev/urandom > "$scratch/large"
    for address in "$shm" "$sysv_shm" "$file"; do
        shmmk "$address" -i - < "$scratch/large"
        shmcat "$address" | cmp - "$scratch/large"
        shmcat "$address" > "$scratch/out"
        cmp "$scratch/out" "$scratch/large"
    done
}

@test "appending to a file and writing at its offset" {
    shmmk "$shm" -i "$scratch/bytes"
    echo before > "$scratch/out"
    shmcat "$shm" >> "$scratch/out"
    { echo before; cat "$scratch/bytes"; } | cmp - "$scratch/out"
}

@test "several segments come one behind the other, and one that is missing is status 1" {
    printf one | shmmk "$shm" -i -
    printf two | shmmk "$file" -i -
    expect 0 shmcat "$shm" "$file"
    prints onetwo
    expect 1 shmcat "$shm" posix-shm:/nonesuch "$file"
    prints onetwo
    says "posix-shm:/nonesuch"
}

@test "--offset and --length choose a part" {
    shmmk "$shm" -i "$scratch/bytes"
    shmcat "$shm" --offset 4097 --length 1000 | cmp - <(tail -c +4098 "$scratch/bytes" | head -c 1000)
    shmcat "$shm" --offset 300001 | cmp - /dev/null
    shmcat "$shm" --length 0 | cmp - /dev/null
    shmcat "$shm" --offset 300000 | cmp - <(tail -c 1 "$scratch/bytes")
}

@test "an offset or a length beyond the end is refused with both numbers" {
    shmmk "$shm" 4096
    expect 1 shmcat "$shm" --offset 4097
    says 4097
    says 4096
    prints ""
    expect 1 shmcat "$shm" --offset 4000 --length 97
    says 4096
    prints ""
    expect 1 shmcat "$shm" --offset 15E --length 15E
    prints ""
    expect 64 shmcat "$shm" --offset 16E
}

@test "-x prints as hexdump -C does, byte for byte" {
    command -v hexdump >/dev/null || skip "needs hexdump"
    { cat "$scratch/bytes"; head -c 100000 /dev/zero; echo end; } > "$scratch/input"
    shmmk "$shm" -i "$scratch/input"
    shmcat -x "$shm" | cmp - <(hexdump -C "$scratch/input")
    shmmk "$file" 4096
    shmcat -x "$file" | cmp - <(head -c 4096 /dev/zero | hexdump -C)
    shmcat -x "$shm" --offset 300000 --length 5000 | cmp - <(hexdump -C -s 300000 -n 5000 "$scratch/input")
    shmcat -x "$shm" --length 0 | cmp - <(hexdump -C -n 0 "$scratch/input")
    printf x | shmmk "$sysv_shm" -i -
    shmcat -x "$sysv_shm" | cmp - <(printf x | hexdump -C)
}

@test "--stable copies what stands there" {
    shmmk "$shm" -i "$scratch/bytes"
    shmcat --stable "$shm" | cmp - "$scratch/bytes"
}

@test "a segment larger than the memory is an error where all of it is kept" {
    needs_namespace
    [ "$IPCUTILS_SANITIZE" != ON ] || skip "a sanitizer ends the process itself"
    truncate -s 8E "/dev/shm/${shm#*:/}" 2>/dev/null || truncate -s 7E "/dev/shm/${shm#*:/}"
    for option in --stable -f; do
        expect 1 shmcat $option "$shm"
        one_line_from shmcat
        says "no memory"
    done
    expect 0 shmcat -x --length 16 "$shm"
}

@test "-f prints again when the bytes change" {
    printf 'first\n' | shmmk "$shm" -i -
    in_background shmcat -f "$shm" > "$scratch/seen"
    wait_until grep -q first "$scratch/seen"
    printf 'third\n' | shmcat -i - "$shm"
    wait_until grep -q third "$scratch/seen"
    [ "$(wc -l < "$scratch/seen")" -eq 2 ]
}

@test "SIGINT ends -f with status 130 and without a word" {
    printf 'first\n' | shmmk "$shm" -i -
    { status=0; timeout -s INT --preserve-status 2 shmcat -f "$shm" || status=$?; echo "$status" > "$scratch/status"; } \
        > "$scratch/seen" 2> "$scratch/said"
    [ "$(cat "$scratch/status")" = 130 ]
    [ ! -s "$scratch/said" ]
}

@test "a reader that goes away ends it quietly" {
    shmmk "$shm" 16M
    shmcat "$shm" 2> "$scratch/said" | head -c 10 > /dev/null
    [ ! -s "$scratch/said" ]
}

@test "/dev/full is an error" {
    shmmk "$shm" 4096
    run bash -c "shmcat $shm 2>&1 > /dev/full"
    [ "$status" -eq 1 ]
    [[ $output == "shmcat: "*"No space left on device"* ]]
}

@test "a closed standard output is an error" {
    shmmk "$shm" 4096
    run bash -c "shmcat $shm 2>&1 >&-"
    [ "$status" -eq 1 ]
}

@test "a peer that makes it smaller meanwhile is an error with the offset, never SIGBUS" {
    shmmk "$shm" 64M
    mkfifo "$scratch/pipe"
    { status=0; shmcat "$shm" > "$scratch/pipe" 2> "$scratch/said" || status=$?; echo "$status" > "$scratch/status"; } &
    background+=($!)
    exec 5< "$scratch/pipe"
    head -c 100000 <&5 > /dev/null
    truncate -s 1M "/dev/shm/${shm#*:/}"
    cat <&5 > /dev/null
    exec 5<&-
    wait_until test -s "$scratch/status"
    [ "$(cat "$scratch/status")" = 1 ]
    grep -q "offset" "$scratch/said"
}

@test "a segment marked for destruction is still readable by its identifier" {
    printf kept | shmmk "$sysv_shm" -i -
    hold sysv-shm "${sysv_shm#*:}"
    id=$(sysvipc shm | awk '{print $2}')
    ipcrm -m "$id"
    expect 1 shmcat "$sysv_shm"
    expect 0 shmcat "sysv-shm:id=$id"
    prints kept
}

@test "reading changes neither the size nor the times of modification" {
    shmmk "$shm" 4096
    before=$(stat -c '%s %Y %Z' "/dev/shm/${shm#*:/}")
    shmcat "$shm" > /dev/null
    [ "$(stat -c '%s %Y %Z' "/dev/shm/${shm#*:/}")" = "$before" ]
}

# sparse FILE: 32 MiB with data at 8 MiB and nothing before and behind.
sparse() {
    truncate -s 32M "$1"
    printf 'island' | dd of="$1" bs=1M seek=8 conv=notrunc status=none
    [ "$(stat -c %b "$1")" -lt 1000 ] || skip "the file system keeps no holes"
}

@test "holes are not filled by reading them, and stay holes of a new file" {
    for place in "$scratch" /dev/shm; do
        sparse "$place/islands"
        before=$(stat -c %b "$place/islands")
        shmcat "file:$place/islands" > "$place/copy"
        cmp "$place/islands" "$place/copy"
        [ "$(stat -c %b "$place/copy")" -lt 1000 ]
        shmcat "file:$place/islands" | cmp - "$place/islands"
        shmcat -x "file:$place/islands" | tail -1 | grep -q '^02000000$'
        [ "$(stat -c %b "$place/islands")" -eq "$before" ]
        rm "$place/islands" "$place/copy"
    done
}

@test "a hole is written as zeros where there is something already, and behind what is appended to" {
    sparse "$scratch/islands"
    head -c 33M /dev/urandom > "$scratch/full"
    shmcat "file:$scratch/islands" 1<> "$scratch/full"
    cmp -n $((32 << 20)) "$scratch/islands" "$scratch/full"
    printf 'before' > "$scratch/longer"
    shmcat "file:$scratch/islands" >> "$scratch/longer"
    tail -c +7 "$scratch/longer" | cmp - "$scratch/islands"
    [ "$(stat -c %s "$scratch/longer")" -eq $(((32 << 20) + 6)) ]
}

@test "-x from the end on, and of no bytes, is what hexdump prints" {
    printf 0123456789 | shmmk "$shm" -i - > /dev/null
    for offset in 0 3 10; do
        for length in 0 "$((10 - offset))"; do
            expect 0 shmcat -x --offset "$offset" --length "$length" "$shm"
            prints "$(hexdump -C -s "$offset" -n "$length" "/dev/shm/${shm#*:/}")"
        done
        expect 0 shmcat -x --offset "$offset" "$shm"
        prints "$(hexdump -C -s "$offset" "/dev/shm/${shm#*:/}")"
    done
}
