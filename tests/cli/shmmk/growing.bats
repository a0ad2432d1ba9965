# SPDX-License-Identifier: MIT
# -i with an input whose length shows only at its end: the segment grows with it, and has its name when it is complete.
load ../helper

# from_writer BYTES COMMAND...: run it with so many zeros by a pipe; $writer is the writer's status, 141 if the command
# did not read all of them.
from_writer() {
    local bytes=$1
    shift
    { head -c "$bytes" /dev/zero; echo $? > "$scratch/writer"; } 2> /dev/null | "$@"
}
cut_off() { [ "$(cat "$scratch/writer")" -eq 141 ]; }

# Starts COMMAND... with $scratch/input, a FIFO, for its input, of which 100 000 bytes have come: $filling.
start_filling() {
    mkfifo "$scratch/input"
    in_background "$@" -i "$scratch/input" > "$scratch/said" 2>&1
    filling=$!
    exec 9> "$scratch/input"
    head -c 100000 /dev/zero | tr '\0' a >&9
    wait_until read_all
    wait_until sleeps "$filling"
}
# Nothing is left in the pipe (FIONREAD).
read_all() { perl -e 'my $n = pack "i", 0; ioctl(STDIN, 0x541b, $n) or die; exit unpack("i", $n) != 0' <&9; }

@test "it arrives whole, whatever its length" {
    head -c 3000000 /dev/urandom > "$scratch/bytes"
    for address in "$shm" "$file" "$sysv_shm"; do
        for length in 1 4096 65536 65537 262144 262145 3000000; do
            expect 0 shmmk "$address" -i - < <(head -c "$length" "$scratch/bytes")
            prints "$address"
            shmcat "$address" | cmp - <(head -c "$length" "$scratch/bytes")
            shmrm "$address"
        done
    done
    [ "$(cat "$scratch/bytes" | shmmk memfd:bytes -i - -- bash -c 'cat "$IPC_PATH"' | cksum)" = "$(cksum < "$scratch/bytes")" ]
}

@test "it has memory behind it and no more than it needs" {
    head -c 1000000 /dev/zero | shmmk "$shm" -i -
    [ "$(stat -c '%s %b' "/dev/shm/${shm#*:/}")" = "1000000 1960" ]
}

@test "an empty input makes no segment" {
    for address in "$shm" "$sysv_shm" "$file" memfd:x; do
        expect 1 shmmk "$address" -i - --hold < <(true)
        one_line_from shmmk
        says "1 byte"
    done
    [ -z "$(ls "/dev/shm/${shm#*:/}" 2>/dev/null)" ]
    [ ! -e "${file#*:}" ]
}

@test "it stops where there is no room, reads no further, and leaves nothing behind" {
    needs_namespace
    mount -o remount,size=1M /dev/shm
    expect 1 from_writer 300M shmmk "$shm" -i -
    one_line_from shmmk
    says "/dev/shm is full"
    cut_off
    [ -z "$(ls -A /dev/shm)" ]
    mkdir "$scratch/small"
    mount -t tmpfs -o size=1M tmpfs "$scratch/small"
    expect 1 from_writer 300M shmmk "file:$scratch/small/x" -i -
    says "is full"
    cut_off
    [ -z "$(ls -A "$scratch/small")" ]
    umount "$scratch/small"
}

@test "all the room that there is can be used" {
    needs_namespace
    mount -o remount,size=1M /dev/shm
    head -c 1M /dev/urandom > "$scratch/bytes"
    expect 0 shmmk "$shm" -i - < <(cat "$scratch/bytes")
    shmcat "$shm" | cmp - "$scratch/bytes"
}

@test "it needs no memory of its own" {
    [ "$IPCUTILS_SANITIZE" != ON ] || skip "the sanitizers need more address space than there is"
    needs_namespace
    mount -o remount,size=512M /dev/shm
    expect 0 bash -c "ulimit -v 60000; head -c 200M /dev/zero | shmmk '$shm' -i -"
    [ "$(stat -c %s "/dev/shm/${shm#*:/}")" -eq $((200 << 20)) ]
}

@test "where segments cannot grow no more is kept in memory than the limits leave for one" {
    needs_namespace
    old=$(cat /proc/sys/kernel/shmmax)
    echo 1000000 > /proc/sys/kernel/shmmax || skip "the limit cannot be set"
    expect 1 from_writer 300M shmmk "$sysv_shm" -i -
    one_line_from shmmk
    says "1000000 bytes that kernel.shmmax leaves"
    cut_off
    expect 0 shmmk "$sysv_shm" -i - < <(head -c 1000000 /dev/zero)
    shmrm "$sysv_shm"
    echo "$old" > /proc/sys/kernel/shmmax
    old=$(cat /proc/sys/kernel/shmall)
    echo 100 > /proc/sys/kernel/shmall
    expect 1 from_writer 300M shmmk "$sysv_shm" -i -
    echo "$old" > /proc/sys/kernel/shmall
    says "kernel.shmall"
    cut_off
    expect 1 shmcat "$sysv_shm"
}

@test "nobody finds it before it is complete, and killed on the way it has never been" {
    command -v perl > /dev/null || skip "needs perl to look into a pipe"
    for size in "" 100002; do
        for address in "$shm" "$file"; do
            start_filling shmmk "$address" $size
            expect 1 shmcat "$address"
            echo b >&9
            exec 9>&-
            wait "$filling"
            [ "$(shmcat "$address" | tail -c 2)" = b ]
            shmrm "$address"
            rm "$scratch/input"
            start_filling shmmk "$address" $size
            kill -KILL "$filling"
            wait "$filling" || true
            exec 9>&-
            expect 1 shmcat "$address"
            rm "$scratch/input"
        done
    done
    [ -z "$(ls "/dev/shm/" | grep "${shm#*:/}")" ]
}

@test "a segment that somebody else makes meanwhile stays as it is, or is filled with --reuse" {
    command -v perl > /dev/null || skip "needs perl to look into a pipe"
    for address in "$shm" "$file"; do
        start_filling shmmk "$address"
        echo other | shmmk "$address" -i -
        exec 9>&-
        wait "$filling" && false
        grep -q "there is one already" "$scratch/said"
        [ "$(shmcat "$address")" = other ]
        shmrm "$address"
        rm "$scratch/input"
        start_filling shmmk "$address" --reuse
        shmmk "$address" 100001
        exec 9>&-
        wait "$filling"
        [ "$(shmcat "$address" | tr -d '\0' | wc -c)" -eq 100000 ]
        shmrm "$address"
        rm "$scratch/input"
    done
}

@test "--reuse with an input that is too long changes nothing" {
    for address in "$shm" "$sysv_shm"; do
        printf 'old content' | shmmk "$address" -i -
        expect 1 from_writer 300M shmmk "$address" --reuse -i -
        says "exists with 11 bytes"
        [ "$(shmcat "$address")" = "old content" ]
        expect 0 shmmk "$address" --reuse -i - < <(printf new)
        [ "$(shmcat "$address")" = "new content" ]
        [ "$address" != "$shm" ] || cut_off
    done
}

@test "interrupted it leaves nothing behind" {
    command -v perl > /dev/null || skip "needs perl to look into a pipe"
    start_filling shmmk "$shm"
    kill -TERM "$filling"
    wait "$filling" && false
    [ ! -e "/dev/shm/${shm#*:/}" ]
    exec 9>&-
}

@test "whichever call fails, there is a segment with status 0 and none otherwise" {
    [ "$IPCUTILS_SANITIZE" != ON ] || skip "the leak sanitizer cannot be traced"
    command -v strace >/dev/null && strace -o /dev/null true || skip "needs strace"
    for call in statx fstat,newfstatat linkat fallocate fstatfs ftruncate; do
        for when in 1 2 3 4 5 6; do
            status=0
            strace -o /dev/null -e "trace=$call" -e "inject=$call:error=EIO:when=$when" shmmk "$shm" 4096 || status=$?
            if [ "$status" -eq 0 ]; then
                shmrm "$shm"
            elif [ -e "/dev/shm/${shm#*:/}" ]; then
                echo "call $when of $call"
                false
            fi
        done
    done
}

@test "an address that cannot be printed, which shows only when the output is closed, undoes the creation" {
    [ "$IPCUTILS_SANITIZE" != ON ] || skip "the leak sanitizer cannot be traced"
    command -v strace >/dev/null && strace -o /dev/null true || skip "needs strace"
    for command in "shmmk $shm 4096" "shmmk $sysv_shm 4096" "mqmk $sysv_mq" "mqmk $boost_mq" "semmk $sysv_sem"; do
        expect 1 bash -c 'exec strace -o /dev/null -P "$0" -e trace=close -e inject=close:error=EIO "$@" > "$0"' \
            "$scratch/out" $command
        says "standard output"
        [ -z "$(ls -A "/dev/shm/")" ] || [ -n "${IPCUTILS_SHARED-}" ]
        [ -z "$(ipcs -mqs | grep 0x0*"${sysv_mq#*:0x}")" ]
    done
}
