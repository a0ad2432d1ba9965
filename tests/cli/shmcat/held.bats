# SPDX-License-Identifier: MIT
# Memory that is reached by a process that holds it, since it has no name.
load ../helper

# hold_memfd SEALS: a process that keeps one; $address reaches it.
hold_memfd() {
    printf 'first words\n' > "$scratch/input"
    in_background shmmk "memfd:frame$1" -i "$scratch/input" --hold > "$scratch/address"
    holder=$!
    wait_until test -s "$scratch/address"
    address=$(cat "$scratch/address")
}

# open_in_background PATH MODE: a process that has it open as descriptor 9.
open_in_background() {
    in_background bash -c "exec 9$2'$1'; touch '$scratch/open'; exec sleep 60"
    opener=$!
    wait_until test -e "$scratch/open"
    rm "$scratch/open"
}

@test "another process's memfd is read, as text, in part and as a dump" {
    hold_memfd ""
    expect 0 shmcat "$address"
    prints "first words"
    expect 0 shmcat --offset 6 --length 5 "$address"
    prints words
    [ "$(shmcat -x "$address" | head -1)" = "$(hexdump -C "$scratch/input" | head -1)" ]
    shmcat "$address" | cmp - "$scratch/input"
    shmcat "$address" > "$scratch/out"
    cmp "$scratch/out" "$scratch/input"
}

@test "it is written, and given another size" {
    hold_memfd ""
    printf FIRST | shmcat -i - "$address"
    [ "$(shmcat "$address")" = "FIRST words" ]
    printf 'something longer than that' | shmcat -i - --resize "$address"
    [ "$(shmcat "$address")" = "something longer than that" ]
}

@test "it is followed" {
    hold_memfd ""
    in_background shmcat -f "$address" > "$scratch/seen"
    wait_until grep -q first "$scratch/seen"
    printf other | shmcat -i - "$address"
    wait_until grep -q other "$scratch/seen"
}

@test "what a seal forbids is refused in its name, and nothing changes" {
    hold_memfd "?seal=write"
    expect 1 shmcat -i "$scratch/input" "$address"
    one_line_from shmcat
    says "seal write"
    hold_memfd "?seal=grow,shrink"
    printf 'something longer than that' > "$scratch/longer"
    expect 1 shmcat -i "$scratch/longer" --resize "$address"
    one_line_from shmcat
    says "seal grow"
    printf short > "$scratch/shorter"
    expect 1 shmcat -i "$scratch/shorter" --resize "$address"
    says "seal shrink"
    expect 0 shmcat "$address"
    prints "first words"
}

@test "a process that has gone, and a descriptor that it has not" {
    hold_memfd ""
    expect 1 shmcat "memfd:$holder/999"
    one_line_from shmcat
    says "no such descriptor"
    expect 1 shmcat "memfd:$holder/1000-2000"
    one_line_from shmcat
    says "no such mapping"
    kill "$holder"
    wait "$holder"
    expect 1 shmcat "$address"
    one_line_from shmcat
    says "no process $holder"
}

@test "a name alone reaches nothing, and the error says what does" {
    for name in frame 812 812/ /5 812/5/6 -1/5 0/5 812/05 812/x-y; do
        expect 1 shmcat "memfd:$name"
        one_line_from shmcat
        says PID/FD
    done
}

@test "what is no memfd is not opened, and said to be what it is" {
    mkfifo "$scratch/fifo"
    touch "$scratch/plain"
    open_in_background "$scratch/fifo" '<>'
    for mechanism in memfd posix-shm file; do
        prefix=$mechanism:
        [ $mechanism != file ] || prefix=file:/proc/
        path=$opener/9
        [ $mechanism != file ] || path=$opener/fd/9
        expect 1 timeout 10 shmcat "$prefix$path"
        one_line_from shmcat
        says "a FIFO"
        expect 1 timeout 10 shmcat -i "$scratch/plain" "$prefix$path"
    done
    open_in_background "$scratch/plain" '<'
    expect 1 shmcat "memfd:$opener/9"
    says "a regular file and no memfd"
    open_in_background /dev/null '<'
    expect 1 shmcat "memfd:$opener/9"
    says "a character device"
    open_in_background "$scratch" '<'
    expect 1 shmcat "memfd:$opener/9"
    says "a directory"
}

@test "a writer that waits at a FIFO is not disturbed by who looks for memory there" {
    mkfifo "$scratch/fifo"
    in_background bash -c "exec 9<> '$scratch/fifo'; touch '$scratch/open'; printf content >&9; exec sleep 60"
    opener=$!
    wait_until test -e "$scratch/open"
    run timeout 10 shmcat "memfd:$opener/9"
    run ipcls 'memfd:*'
    [ "$(timeout 10 head -c 7 "$scratch/fifo")" = content ]
}

@test "a mapping of something else is no memfd" {
    shmmk "$sysv_shm" 4096
    hold sysv-shm "${sysv_shm#*:}"
    range=$(sed -n 's|^\([0-9a-f-]*\) .*/SYSV.*|\1|p' "/proc/$holder/maps")
    [ -n "$range" ]
    expect 1 shmcat "memfd:$holder/$range"
    one_line_from shmcat
    says "no memfd"
}

@test "another user's is refused, with whose it is and what would permit it" {
    needs_nobody
    hold_memfd ""
    expect 1 as_nobody shmcat "$address"
    one_line_from shmcat
    says "user 0"
    says CAP_SYS_PTRACE
    hold memfd-mapped frame
    mapped=$(cells ADDRESS 'memfd:*' | grep "^memfd:$holder/")
    expect 1 as_nobody shmcat "$mapped"
    one_line_from shmcat
    says CAP_SYS_PTRACE
}

@test "what is only mapped is reached by its range, with its true size where that may be known" {
    hold memfd-mapped frame
    mapped=$(cells ADDRESS 'memfd:*' | grep "^memfd:$holder/.*-")
    [ -n "$mapped" ]
    expect 0 shmcat -x "$mapped"
    [[ $output == *"|alive"* ]]
    { [ -r "/proc/$holder/map_files/${mapped#*/}" ] && cat "/proc/$holder/map_files/${mapped#*/}" >/dev/null 2>&1; } ||
        skip "needs CAP_CHECKPOINT_RESTORE"
    expect 0 shmcat "$mapped"
    prints alive
    printf dead | shmcat -i - "$mapped"
    expect 0 shmcat "$mapped"
    prints deade
}

@test "where the file may not be opened the kernel copies from the mapping, of whole pages" {
    needs_root
    without_checkpoint true || skip "no capability can be given up here"
    hold memfd-mapped frame
    mapped=$(cells ADDRESS 'memfd:*' | grep "^memfd:$holder/.*-")
    expect 0 without_checkpoint shmcat -x --length 16 "$mapped"
    [[ ${lines[0]} == *"|alive..........."* ]]
    expect 1 without_checkpoint shmcat -x --offset 4097 "$mapped"
    says 4096
    expect 1 without_checkpoint shmcat -i /dev/null --resize "$mapped"
    one_line_from shmcat
    says CAP_CHECKPOINT_RESTORE
    kill "$holder"
    wait "$holder" || true
    expect 1 without_checkpoint shmcat -x "$mapped"
    one_line_from shmcat
    says "no process"
}

@test "what RLIMIT_AS does not let be mapped is an error that names it" {
    [ "$IPCUTILS_SANITIZE" != ON ] || skip "the sanitizers map more than any limit"
    in_background shmmk memfd:frame 256M --hold > "$scratch/address"
    wait_until test -s "$scratch/address"
    printf x > "$scratch/input"
    expect 1 bash -c 'ulimit -v 200000; exec shmcat -i "$1" --length 1 "$0"' "$(cat "$scratch/address")" "$scratch/input"
    one_line_from shmcat
    says RLIMIT_AS
}

@test "sealing goes with writing" {
    hold_memfd ""
    expect 1 shmcat "$address?seal=write"
    one_line_from shmcat
}
