# SPDX-License-Identifier: MIT
# Memory of huge pages, of every mechanism that has it. Raises the machine's vm.nr_hugepages by a few pages of 2 MiB while
# it runs, and puts it back.
load ../helper

reserved=/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages

prepare() {
    needs_namespace
    needs_root
    before=$(cat "$reserved" 2>/dev/null) || skip "the machine has no huge pages of 2 MiB"
    { echo $((before + 12)) > "$reserved"; } 2>/dev/null || skip "huge pages may not be reserved"
    [ "$(cat "$reserved")" -eq $((before + 12)) ] || { put_back; skip "the machine has no room for huge pages"; }
    mkdir "$scratch/huge"
    mount -t hugetlbfs none "$scratch/huge" || { put_back; skip "hugetlbfs cannot be mounted"; }
    head -c 3M /dev/urandom > "$scratch/input"
}

put_back() { echo "$before" > "$reserved"; }

eval "teardown_objects() $(declare -f teardown | sed 1d)"
teardown() {
    local process
    for process in "${background[@]}"; do kill -KILL "$process" 2>/dev/null || true; done
    wait 2>/dev/null || true
    ipcrm -a 2>/dev/null || true
    umount "$scratch/huge" 2>/dev/null && put_back
    teardown_objects
}

# column NAME ADDRESS
column() { ipcls --raw --noheadings -o "$1" "$2" 2>/dev/null; }

@test "a System V segment of huge pages is filled, read, and shows its pages and what of it is resident" {
    shmmk "$sysv_shm?huge=2M" 8M
    shmcat -i "$scratch/input" "$sysv_shm"
    shmcat --length 3M "$sysv_shm" | cmp - "$scratch/input"
    # Two of four pages were written to; the kernel says 512 times as much.
    [ "$(column USED "$sysv_shm")" = $((4 << 20)) ]
    [ "$(column PAGE-SIZE "$sysv_shm")" = $((2 << 20)) ]
    [[ $(column FLAGS "$sysv_shm") == *huge* ]]
}

@test "an untouched one shows its pages as soon as somebody has it attached" {
    shmmk "$sysv_shm?huge=2M" 4M
    [ "$(column PAGE-SIZE "$sysv_shm")" = - ]
    hold sysv-shm "${sysv_shm#*:}"
    [ "$(column PAGE-SIZE "$sysv_shm")" = $((2 << 20)) ]
}

@test "memfd of huge pages is filled and handed on" {
    expect 0 shmmk 'memfd:frame?huge=2M' -i "$scratch/input" -- bash -c 'shmcat --length 3M "$IPC_ADDRESS" | cmp - "$0" &&
        ipcls --raw --noheadings -o SIZE,USED,PAGE-SIZE,FLAGS "$IPC_ADDRESS" 2>/dev/null' "$scratch/input"
    prints "$((4 << 20)) $((4 << 20)) $((2 << 20)) huge"
}

@test "a file of a hugetlbfs is a segment like others" {
    huge=file:$scratch/huge/table
    shmmk "$huge" -i "$scratch/input"
    [ "$(stat -c %s "$scratch/huge/table")" -eq $((4 << 20)) ] # whole pages
    shmcat --length 3M "$huge" | cmp - "$scratch/input"
    shmcat --length 3M "$huge" > "$scratch/copy"
    cmp "$scratch/copy" "$scratch/input"
    expect 0 shmword "$huge" u32@4 set 7
    expect 0 shmword "$huge" u32@4
    prints 7
    hold file "$scratch/huge/table"
    [ "$(column PAGE-SIZE "$huge")" = $((2 << 20)) ]
    expect 1 shmrm "$huge"
    says "$holder"
}

@test "more than is reserved is refused with the setting, what is needed and what is free, and leaves nothing" {
    needed=$((before + 13))
    for address in "$sysv_shm?huge=2M" 'memfd:frame?huge=2M' "file:$scratch/huge/table"; do
        expect 1 shmmk "$address" "$((needed * 2))M" -- true
        one_line_from shmmk
        says vm.nr_hugepages
        says "$needed are needed"
    done
    [ -z "$(ls "$scratch/huge")" ]
    expect 1 ipcls "$sysv_shm"
}
