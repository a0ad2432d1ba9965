# SPDX-License-Identifier: MIT
load ../helper

@test "a segment is created with its size, zeroed, and its bare address is printed" {
    for address in "$shm" "$sysv_shm" "$file"; do
        expect 0 shmmk "$address" 10000
        prints "$address"
        [ -z "$stderr" ]
        [ "$(shmcat "$address" | wc -c)" -eq 10000 ]
        [ "$(shmcat "$address" | tr -d '\0' | wc -c)" -eq 0 ]
    done
}

@test "sizes take units of 1024 and of 1000" {
    for pair in 4K:4096 4KiB:4096 4KB:4000 1M:1048576 0x1000:4096; do
        expect 0 shmmk "$shm" "${pair%:*}"
        [ "$(shmcat "$shm" | wc -c)" -eq "${pair#*:}" ]
        rm "/dev/shm/${shm#*:/}"
    done
}

@test "creation is exclusive and leaves what exists as it was" {
    for address in "$shm" "$sysv_shm" "$file"; do
        echo mine | shmmk "$address" -i -
        expect 1 shmmk "$address" 4096
        one_line_from shmmk
        says "$address"
        prints ""
        [ "$(shmcat "$address" | head -c 5)" = mine ]
    done
}

@test "--reuse accepts an existing segment and keeps its size" {
    shmmk "$shm" 8192
    expect 0 shmmk --reuse "$shm" 4096
    prints "$shm"
    [ "$(shmcat "$shm" | wc -c)" -eq 8192 ]
    expect 1 shmmk --reuse "$shm" 16384
    says 8192
    [ "$(shmcat "$shm" | wc -c)" -eq 8192 ]
}

@test "-i fills it and gives the size" {
    head -c 300000 /dev/urandom > "$scratch/input"
    for address in "$shm" "$file"; do
        expect 0 shmmk "$address" -i "$scratch/input"
        shmcat "$address" | cmp - "$scratch/input"
    done
    # System V rounds nothing either.
    shmmk "$sysv_shm" -i - < "$scratch/input"
    shmcat "$sysv_shm" | cmp - "$scratch/input"
}

@test "-i from a pipe, whose size shows only at its end" {
    head -c 3000000 /dev/urandom > "$scratch/input"
    cat "$scratch/input" | shmmk "$shm" -i -
    shmcat "$shm" | cmp - "$scratch/input"
}

@test "input that does not fit leaves no segment behind" {
    head -c 5000 /dev/zero > "$scratch/input"
    expect 1 shmmk "$shm" 4096 -i "$scratch/input"
    says 5000
    says 4096
    [ ! -e "/dev/shm/${shm#*:/}" ]
    cat "$scratch/input" | expect 1 shmmk "$shm" 4096 -i -
    [ ! -e "/dev/shm/${shm#*:/}" ]
}

@test "an input file that is not there leaves no segment behind" {
    expect 1 shmmk "$shm" 4096 -i "$scratch/nonesuch"
    [ ! -e "/dev/shm/${shm#*:/}" ]
}

@test "the mode is 0600 by default and otherwise exactly what was asked for" {
    umask 022
    shmmk "$shm" 1
    [ "$(stat -c %a "/dev/shm/${shm#*:/}")" = 600 ]
    rm "/dev/shm/${shm#*:/}"
    umask 077
    shmmk "$shm" 1 -m 0666
    [ "$(stat -c %a "/dev/shm/${shm#*:/}")" = 666 ]
    shmmk "$sysv_shm" 1 -m 640
    [ "$(sysvipc shm | awk '{print $3}')" = 640 ]
}

@test "owner and group are given" {
    needs_root
    expect 0 shmmk "$shm" 1 --owner nobody --group nogroup || skip "this user namespace has no other user"
    [ "$(stat -c %U:%G "/dev/shm/${shm#*:/}")" = nobody:nogroup ]
}

@test "memory is reserved: a full /dev/shm is an error now, names the numbers, leaves nothing" {
    needs_namespace
    resize_shm 1M
    expect 1 shmmk "$shm" 8M
    one_line_from shmmk
    says 8388608
    says 1048576
    [ -z "$(ls -A /dev/shm)" ]
    expect 0 shmmk "$shm" 512K
    [ "$(stat -c '%b' "/dev/shm/${shm#*:/}")" -eq 1024 ]
}

@test "a System V segment survives its creator, by key, identifier and ftok" {
    expect 0 shmmk "$sysv_shm" 4096
    id=$(sysvipc shm | awk '{print $2}')
    echo found | shmcat -i - "sysv-shm:id=$id"
    [ "$(shmcat "$sysv_shm" --length 5)" = found ]

    touch "$scratch/key"
    expect 0 shmmk "sysv-shm:$scratch/key,7" 4096
    [ -n "$output" ]
    echo ftok | shmcat -i - "sysv-shm:$scratch/key,7"
    [ "$(shmcat "$output" --length 4)" = ftok ]
    shmrm "$output"
}

@test "an address made by ftok warns of how few bits count" {
    touch "$scratch/key"
    expect 0 shmmk "sysv-shm:$scratch/key,7" 4096
    says "16 bits"
    shmrm "sysv-shm:$scratch/key,7"
}

@test "a private segment prints an address that reaches it" {
    expect 0 shmmk sysv-shm:private 4096
    [[ $output == sysv-shm:id=* ]]
    [ "$(shmcat "$output" | wc -c)" -eq 4096 ]
    ipcrm -m "${output#*id=}"
}

@test "SHMMNI is named when it refuses" {
    needs_namespace
    old=$(cat /proc/sys/kernel/shmmni)
    echo 1 > /proc/sys/kernel/shmmni || skip "the limit cannot be set"
    shmmk "$sysv_shm" 1
    expect 1 shmmk sysv-shm:0x77 1
    echo "$old" > /proc/sys/kernel/shmmni
    says kernel.shmmni
    one_line_from shmmk
}

@test "SHMMAX is named when it refuses" {
    needs_namespace
    old=$(cat /proc/sys/kernel/shmmax)
    echo 4096 > /proc/sys/kernel/shmmax || skip "the limit cannot be set"
    expect 1 shmmk "$sysv_shm" 8192
    echo "$old" > /proc/sys/kernel/shmmax
    says kernel.shmmax
    says 8192
}

@test "short forms mean the mechanism of the family" {
    expect 0 shmmk "posix:${shm#*:}" 1
    prints "$shm"
    expect 0 shmmk "sysv:${sysv_shm#*:}" 1
    prints "$sysv_shm"
    expect 1 shmmk "${shm#*:}" 1
    says "$shm"
}

@test "?populate and ?lock are taken, another parameter is refused with what there is" {
    expect 0 shmmk "$shm?populate=1" 64K
    expect 0 shmmk "$sysv_shm?lock=1" 64K
    expect 64 shmmk posix-shm:/other?hug=2M 64K
    one_line_from shmmk
    expect 64 shmmk 'posix-shm:/other?populate=maybe' 64K
    says populate
}

@test "huge pages that are not there are refused with the setting that makes them" {
    needs_namespace
    [ "$(cat /sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages 2>/dev/null)" = 0 ] || skip "there are huge pages"
    expect 1 shmmk "$sysv_shm?huge=2M" 4M
    [[ $stderr != *"not permitted"* ]] || skip "this user may have no huge pages"
    says nr_hugepages
}

@test "an input with holes arrives whole, data at the end or not" {
    truncate -s 512K "$scratch/islands"
    printf 'island' | dd of="$scratch/islands" bs=64K seek=2 conv=notrunc status=none
    for address in "$shm" "$sysv_shm" "$file"; do
        shmmk "$address" -i "$scratch/islands"
        shmcat "$address" | cmp - "$scratch/islands"
        shmrm "$address"
        (dd bs=192K count=1 of=/dev/null status=none; shmmk "$address" -i -) < "$scratch/islands" # from its offset on
        tail -c +$(((192 << 10) + 1)) "$scratch/islands" | cmp - <(shmcat "$address")
        shmrm "$address"
    done
}

@test "what an existing segment held is overwritten, holes of the input included" {
    shmmk "$shm" -i <(head -c 256K /dev/urandom)
    truncate -s 256K "$scratch/zeros"
    shmmk --reuse "$shm" -i "$scratch/zeros"
    shmcat "$shm" | cmp - "$scratch/zeros"
}

@test "?sparse reserves nothing, and keeps the holes of what it is filled with" {
    shmmk "$file?sparse=1" 64M
    [ "$(stat -c '%s %b' "${file#file:}")" = "$((64 << 20)) 0" ]
    shmrm "$file"
    truncate -s 32M "$scratch/islands"
    printf 'island' | dd of="$scratch/islands" bs=1M seek=8 conv=notrunc status=none
    shmmk "$file?sparse=1" -i "$scratch/islands"
    cmp "${file#file:}" "$scratch/islands"
    [ "$(stat -c %b "${file#file:}")" -lt 1000 ]
    printf grown | shmcat --resize --offset 48M -i - "$file?sparse=1"
    [ "$(stat -c %s "${file#file:}")" -eq $(((48 << 20) + 5)) ]
    [ "$(stat -c %b "${file#file:}")" -lt 2000 ]
    expect 64 shmmk "$file?sparse=2" 4096
}

@test "?sync has it on the disk before the command ends, its name too when it is new" {
    [ "$IPCUTILS_SANITIZE" != ON ] || skip "the leak sanitizer cannot be traced"
    command -v strace >/dev/null || skip "needs strace"
    strace -o /dev/null true || skip "strace is not permitted"
    strace -e trace=fsync,fdatasync -o "$scratch/new" shmmk "$file?sync=1" -i <(echo data)
    grep -q fdatasync "$scratch/new"
    grep -q fsync "$scratch/new"
    echo more | strace -e trace=fsync,fdatasync -o "$scratch/old" shmcat -i - "$file?sync=1"
    grep -q fdatasync "$scratch/old"
    echo more | strace -e trace=fsync,fdatasync -o "$scratch/none" shmcat -i - "$file"
    ! grep -q sync "$scratch/none"
}
