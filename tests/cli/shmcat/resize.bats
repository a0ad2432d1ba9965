# SPDX-License-Identifier: MIT
# --resize with an input whose length shows only at its end.
load ../helper

# See tests/cli/shmmk/growing.bats.
from_writer() {
    local bytes=$1
    shift
    { head -c "$bytes" /dev/zero; echo $? > "$scratch/writer"; } 2> /dev/null | "$@"
}
cut_off() { [ "$(cat "$scratch/writer")" -eq 141 ]; }
is_longer() { [ "$(stat -c %s "/dev/shm/${shm#*:/}")" -gt "$1" ]; }

@test "the segment ends where the input does, shorter, longer or as long" {
    head -c 700000 /dev/urandom > "$scratch/bytes"
    for address in "$shm" "$file"; do
        shmmk "$address" 300000
        for length in 1 299999 300000 300001 700000 5; do
            expect 0 shmcat -i - --resize "$address" < <(head -c "$length" "$scratch/bytes")
            shmcat "$address" | cmp - <(head -c "$length" "$scratch/bytes")
        done
        printf 'abc' | shmcat -i - --resize --offset 3 "$address"
        shmcat "$address" | cmp - <(head -c 3 "$scratch/bytes"; printf abc)
        printf 'x' | shmcat -i - --resize --offset 8 "$address"
        [ "$(shmcat "$address" | tail -c +4 | tr '\0' .)" = 'abc..x' ]
        printf '0123456789' | shmcat -i - --resize --length 4 "$address"
        [ "$(shmcat "$address")" = 0123 ]
    done
}

@test "an empty input changes nothing" {
    printf old | shmmk "$shm" -i -
    expect 1 shmcat -i - --resize "$shm" < <(true)
    one_line_from shmcat
    says "1 byte"
    [ "$(shmcat "$shm")" = old ]
}

@test "where there is no room it reads no further, and the segment is as it was before" {
    needs_namespace
    mount -o remount,size=1M /dev/shm
    head -c 200000 /dev/urandom > "$scratch/old"
    shmmk "$shm" -i "$scratch/old"
    for offset in 0 100000 300000; do
        expect 1 from_writer 300M shmcat -i - --resize --offset "$offset" "$shm"
        one_line_from shmcat
        says "/dev/shm is full"
        says "as it was before"
        cut_off
        shmcat "$shm" | cmp - "$scratch/old"
    done
    [ "$(stat -c %b "/dev/shm/${shm#*:/}")" -eq 392 ]
}

@test "what was overwritten before there was no room is told" {
    needs_namespace
    mount -o remount,size=100M /dev/shm
    shmmk "$shm" 80M
    expect 1 bash -c "head -c 200M /dev/urandom | shmcat -i - --resize '$shm'"
    says "its size is as before"
    says "bytes overwritten from offset 0 on: 83886080"
    [ "$(stat -c %s "/dev/shm/${shm#*:/}")" -eq $((80 << 20)) ]
}

@test "where the mechanism cannot resize nothing is read" {
    shmmk "$sysv_shm" 10
    expect 1 from_writer 300M shmcat -i - --resize "$sysv_shm"
    one_line_from shmcat
    says "cannot change"
    cut_off
}

@test "a long input that is known only at its end fits by --resize alone, and is not read to its end to find out" {
    shmmk "$shm" 10
    expect 1 from_writer 300M shmcat -i - "$shm"
    says "after 10 bytes"
    cut_off
}

@test "interrupted it leaves the segment as it was" {
    printf 'old content' | shmmk "$shm" -i -
    mkfifo "$scratch/input"
    in_background shmcat "$shm" --resize -i "$scratch/input"
    exec 9> "$scratch/input"
    head -c 100000 /dev/zero >&9
    wait_until is_longer 11
    kill -TERM "${background[-1]}"
    wait "${background[-1]}" && false
    exec 9>&-
    [ "$(shmcat "$shm")" = "old content" ]
}
