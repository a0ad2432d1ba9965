# SPDX-License-Identifier: MIT
# Memory without a name is found at the processes that hold it.
load ../helper

# Of what this test's processes hold: the machine has other memfds.
ours() { cells "$@" | grep -E "\b($(IFS='|'; echo "${background[*]}"))\b"; }

@test "a memfd that two processes hold is listed once, under one of them" {
    in_background shmmk memfd:frame 4096 --hold > "$scratch/address"
    first=$!
    wait_until test -s "$scratch/address"
    in_background bash -c "exec 9< /proc/${first}/fd/$(sed 's|.*/||' "$scratch/address"); exec sleep 60"
    second=$!
    wait_until bash -c "ipcls --raw --noheadings -o PIDS 'memfd:*' 2>/dev/null | grep -qx '$first,$second\|$second,$first'"
    [ "$(ours ADDRESS,PIDS 'memfd:*' | wc -l)" -eq 1 ]
    for address in $(ours ADDRESS,PIDS 'memfd:*' | cut -d' ' -f1) "memfd:$second/9"; do
        [ "$(cells ADDRESS "$address")" = "$address" ]
        [ "$(cells PIDS "$address" | tr ',' '\n' | sort -n | paste -sd,)" = "$(printf '%s\n' "$first" "$second" | sort -n | paste -sd,)" ]
        [ "$(cells STATE "$address")" = in\\x20use ] || [ "$(cells STATE "$address")" = 'in use' ]
    done
}

@test "its name and its seals are the detail" {
    in_background shmmk 'memfd:frame?seal=write,grow' 4096 --hold > "$scratch/address"
    wait_until test -s "$scratch/address"
    expect 0 ipcls -o DETAIL --noheadings "$(cat "$scratch/address")"
    [[ $output == "frame, sealed write grow"* ]]
}

@test "what is only mapped is listed by its range, what is open too by its descriptor" {
    hold memfd-mapped lonely
    [[ $(ours ADDRESS 'memfd:*') =~ ^memfd:$holder/[0-9a-f]+-[0-9a-f]+$ ]]
    hold memfd plain
    [[ $(cells ADDRESS 'memfd:*' | grep "^memfd:$holder/") =~ ^memfd:$holder/[0-9]+$ ]]
}

@test "names that lie, repeat or hold control characters are told apart and reach no terminal" {
    hostile=$(printf 'a\033[2J\nb/c')
    hold memfd "$hostile"
    hold memfd "SYSV00001234 (deleted)"
    hold memfd "SYSV00001234 (deleted)"
    hold memfd "/dev/shm/frame"
    expect 0 ipcls -o ADDRESS,DETAIL,HOLDERS
    ! printf '%s' "$output" | tr -d '\n' | grep -q '[[:cntrl:]]'
    [ "$(ours ADDRESS | grep -c '^memfd:')" -eq 4 ]
    [ "$(ours ADDRESS | sort -u | wc -l)" -eq 4 ]
    for address in $(ours ADDRESS); do
        [ "$(shmcat "$address")" = alive ]
    done
    [ "$(ours ADDRESS | grep -vc '^memfd:')" -eq 0 ]
}

@test "a memfd and a System V segment of the same device and number are two objects" {
    needs_namespace
    needs_root
    hold memfd frame
    memfd=$holder
    inode=$(stat -Lc %i "/proc/$memfd/fd/3")
    echo "$inode" > /proc/sys/kernel/shm_next_id || skip "no identifier can be chosen here"
    shmmk "$sysv_shm" 4096
    [ "$(cells ID "$sysv_shm")" = "$inode" ] || skip "the identifier is another one"
    hold sysv-shm "${sysv_shm#*:}"
    [ "$(cells PIDS "$sysv_shm")" = "$holder" ]
    [ "$(cells PIDS "memfd:$memfd/3")" = "$memfd" ]
}

@test "removed POSIX memory is listed by who holds it, with its former name, and read by that address" {
    for how in posix-shm posix-shm-open; do
        printf alive | shmmk "$shm" -i -
        hold $how "/${shm#*:/}"
        rm "/dev/shm/${shm#*:/}"
        address=$(ours ADDRESS 'posix-shm:*' | grep ":$holder/")
        [ -n "$address" ]
        [[ $how == posix-shm || $address != *-*-* ]]
        [ "$(cells STATE,DETAIL "$address")" = "removed /${shm#*:/}" ]
        [[ $(shmcat -x --length 5 "$address") == *"|alive|"* ]]
        # Of what is only mapped this takes CAP_CHECKPOINT_RESTORE.
        [[ $(cells WASTED,SIZE "$address") == "4096 5" || ($how == posix-shm && $(cells FLAGS "$address") == *denied*) ]]
        expect 1 shmrm --force "$address"
        one_line_from shmrm
        says "end $holder hold"
    done
    expect 64 shmmk posix-shm:/1/2 4096
    expect 1 shmmk posix-shm:1/2 4096
    one_line_from shmmk
}

@test "a deleted file that is mapped for writing is listed by who holds it, and read by that address" {
    for how in file file-open; do
        printf alive | shmmk "$file" -i -
        hold $how "${file#*:}"
        rm "${file#*:}"
        address=$(ours ADDRESS 'file:*' | grep "/$holder/")
        [ -n "$address" ]
        [ $how = file ] || [ "$address" = "file:/proc/$holder/fd/3" ]
        [ "$(cells STATE,DETAIL "$address")" = "removed ${file#*:}" ]
        [[ $(shmcat -x --length 5 "$address") == *"|alive|"* ]]
        expect 1 shmrm --force "$address"
        says "$holder"
    done
}

@test "a deleted file that is merely open is not listed" {
    in_background bash -c "exec 9<> '$scratch/plain'; rm '$scratch/plain'; touch '$scratch/open'; exec sleep 60"
    wait_until test -e "$scratch/open"
    [ -z "$(ours ADDRESS)" ]
}

@test "a named semaphore, which looks deleted where it is mapped, is no removed segment" {
    needs_namespace
    hold semaphore /gate
    grep -q '/dev/shm/.*(deleted)' "/proc/$holder/maps"
    [ "$(ours ADDRESS,PIDS)" = "posix-sem:/gate $holder" ]
    rm /dev/shm/sem.gate
    [ -z "$(ours ADDRESS,PIDS)" ]
}

@test "an ordinary user sees and reads what is left of what he removed" {
    needs_nobody
    chmod 755 "$scratch"
    mkdir -m 777 "$scratch/his"
    hold_as_nobody() {
        rm -f "$scratch/said"
        mkfifo -m 666 "$scratch/said"
        in_background "${nobody[@]}" bash -c 'exec "$IPCUTILS_TEST_PROGRAMS/hold" "$1" "$2" > "$0"' "$scratch/said" "$1" "$2"
        read -r line < "$scratch/said"
    }
    as_nobody shmmk "$shm" 4096
    hold_as_nobody posix-shm "/${shm#*:/}"
    rm "/dev/shm/${shm#*:/}"
    as_nobody shmmk "file:$scratch/his/table" 4096
    hold_as_nobody file "$scratch/his/table"
    rm "$scratch/his/table"
    hold_as_nobody memfd-mapped frame
    hold_as_nobody memfd frame
    hold_as_nobody semaphore /gate
    expect 0 as_nobody ipcls --raw --noheadings -o ADDRESS,PIDS
    listed=$(grep -E "\b($(IFS='|'; echo "${background[*]}"))\b" <<< "$output" | grep -v ^posix-sem: | cut -d' ' -f1)
    [ "$(wc -l <<< "$listed")" -eq 4 ]
    for address in $listed; do
        expect 0 as_nobody shmcat -x --length 5 "$address"
        expect 0 as_nobody ipcls "$address"
        expect 1 as_nobody shmrm --force "$address"
    done
}
