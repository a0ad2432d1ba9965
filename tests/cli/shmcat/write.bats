# SPDX-License-Identifier: MIT
load ../helper

@test "-i writes standard input or a file from the offset on, and nothing else" {
    for address in "$shm" "$sysv_shm" "$file"; do
        shmmk "$address" 10
        printf abc | shmcat -i - "$address"
        printf xyz > "$scratch/input"
        shmcat -i "$scratch/input" --offset 7 "$address"
        [ "$(shmcat "$address" | tr '\0' .)" = "abc....xyz" ]
    done
}

@test "input that is known not to fit is refused before anything changes" {
    printf 'old content' | shmmk "$shm" -i -
    printf 'this is longer than that' > "$scratch/input"
    expect 1 shmcat -i "$scratch/input" "$shm"
    says 24
    says 11
    [ "$(shmcat "$shm")" = "old content" ]
    expect 1 shmcat -i "$scratch/input" --offset 5 "$shm"
    [ "$(shmcat "$shm")" = "old content" ]
}

@test "other input stops at the end, with an error that counts what was written" {
    shmmk "$shm" 10
    run bash -c "printf 0123456789abc | { sleep 0.1; cat; } | shmcat -i - $shm 2>&1"
    [ "$status" -eq 1 ]
    [[ $output == *"10 bytes"* ]]
    [ "$(shmcat "$shm")" = 0123456789 ]
}

@test "input that exactly fits is no error" {
    shmmk "$shm" 10
    printf 0123456789 | cat | shmcat -i - "$shm"
    [ "$(shmcat "$shm")" = 0123456789 ]
}

@test "--resize makes the segment end where the input does, where the mechanism can" {
    shmmk "$shm" 10
    printf 'rather more than ten' | shmcat -i - --resize "$shm"
    [ "$(shmcat "$shm")" = "rather more than ten" ]
    printf less > "$scratch/input"
    shmcat -i "$scratch/input" --resize "$shm"
    [ "$(shmcat "$shm")" = less ]
    shmmk "$sysv_shm" 10
    printf 'rather more than ten' > "$scratch/input"
    expect 1 shmcat -i "$scratch/input" --resize "$sysv_shm"
    one_line_from shmcat
}

@test "--length limits how much of the input is written" {
    shmmk "$shm" 10
    printf 0123456789abc | shmcat -i - --length 4 "$shm"
    [ "$(shmcat "$shm" | tr '\0' .)" = 0123...... ]
}

@test "an offset beyond the end is refused" {
    shmmk "$shm" 10
    printf x > "$scratch/input"
    expect 1 shmcat -i "$scratch/input" --offset 11 "$shm"
    says 11
}

@test "writing to a segment that is not there does not create it" {
    expect 1 shmcat -i /dev/null "$shm"
    [ ! -e "/dev/shm/${shm#*:/}" ]
}

@test "16 MiB through a slow pipe arrive unchanged" {
    head -c 16M /dev/urandom > "$scratch/input"
    shmmk "$shm" 16M
    dd if="$scratch/input" bs=997k status=none | shmcat -i - "$shm"
    shmcat "$shm" | cmp - "$scratch/input"
}

@test "reading and writing options do not mix" {
    shmmk "$shm" 10
    expect 64 shmcat -i - -x "$shm"
    expect 64 shmcat --resize "$shm"
    expect 64 shmcat -f "$shm" "$shm"
}

@test "a file system that is full half-way is an error with the offset and what is free" {
    needs_namespace
    mount -t tmpfs -o size=1M tmpfs /dev/shm || skip "cannot mount"
    truncate -s 8M "/dev/shm/${shm#*:/}" # without memory behind it, as other programs make them
    head -c 4M /dev/urandom > "$scratch/input"
    expect 1 shmcat -i "$scratch/input" "$shm"
    one_line_from shmcat
    says "offset 1048576"
    says "0 bytes free"
    head -c 1M "$scratch/input" | cmp - <(shmcat --length 1M "$shm")
    umount /dev/shm
}

# not_blocking FD COMMAND...: as if a program that shares the descriptor had made it not to block.
not_blocking() {
    perl -MFcntl -e 'open(my $fd, "+<&=", shift) or die; fcntl($fd, F_SETFL, O_NONBLOCK | fcntl($fd, F_GETFL, 0)) or die;
        fcntl($fd, F_SETFD, 0); exec @ARGV' "$@"
}

@test "a descriptor that somebody made not to block is waited for" {
    command -v perl > /dev/null || skip "needs perl to make it so"
    head -c 3M /dev/urandom > "$scratch/bytes"
    shmmk "$shm" -i "$scratch/bytes"
    mkfifo "$scratch/pipe"
    for option in "" -x; do
        not_blocking 1 shmcat $option "$shm" > "$scratch/pipe" 3>&- &
        background+=($!)
        exec 9< "$scratch/pipe"
        wait_until sleeps "${background[-1]}"
        cmp - <(if [ "$option" ]; then hexdump -C "$scratch/bytes"; else cat "$scratch/bytes"; fi) <&9
        exec 9<&-
        wait "${background[-1]}"
    done
    for command in "shmcat -i - $shm" "shmmk -i - $sysv_shm"; do
        not_blocking 0 $command < "$scratch/pipe" > /dev/null 3>&- &
        background+=($!)
        exec 9> "$scratch/pipe"
        wait_until sleeps "${background[-1]}"
        tac "$scratch/bytes" >&9
        exec 9>&-
        wait "${background[-1]}"
    done
    cmp "/dev/shm/${shm#*:/}" <(tac "$scratch/bytes")
    cmp <(shmcat "$sysv_shm") <(tac "$scratch/bytes")
}

@test "a segment is not its own input" {
    printf abcdefghij | shmmk "$shm" -i -
    expect 1 shmcat -i "/dev/shm/${shm#*:/}" --length 5 --offset 2 "$shm"
    says "the segment itself"
    [ "$(shmcat "$shm")" = abcdefghij ]
}

@test "--resize is not proposed where the mechanism cannot" {
    shmmk "$sysv_shm" 10
    head -c 20 /dev/zero > "$scratch/more"
    expect 1 shmcat -i "$scratch/more" "$sysv_shm"
    [[ $stderr != *--resize* ]]
    shmmk "$shm" 10
    expect 1 shmcat -i "$scratch/more" "$shm"
    says "--resize makes room"
}
