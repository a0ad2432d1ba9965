# SPDX-License-Identifier: MIT
load ../helper

@test "a segment nobody holds is removed, of each mechanism" {
    for address in "$shm" "$sysv_shm" "$file"; do
        shmmk "$address" 4096
        expect 0 shmrm "$address"
        expect 1 shmcat "$address"
    done
}

@test "what a process holds is refused, with its name, unless forced" {
    shmmk "$shm" 4096
    hold posix-shm "/${shm#*:/}"
    expect 1 shmrm "$shm"
    one_line_from shmrm
    says "$holder hold"
    says "--force"
    expect 0 shmrm --force "$shm"
    expect 1 shmcat "$shm"
    kill -0 "$holder"
}

@test "an attached System V segment is refused too, and shows as removed when forced" {
    shmmk "$sysv_shm" 4096
    hold sysv-shm "${sysv_shm#*:}"
    id=$(ipcls --raw --noheadings -o ID "$sysv_shm")
    expect 1 shmrm "$sysv_shm"
    says "$holder"
    expect 0 shmrm --force "$sysv_shm"
    [ "$(ipcls --raw --noheadings -o STATE "sysv-shm:id=$id")" = removed ]
    expect 1 shmrm "sysv-shm:id=$id"
}

@test "a mapped file is refused" {
    shmmk "$file" 4096
    hold file "${file#*:}"
    expect 1 shmrm "$file"
    says "$holder"
    [ -e "${file#*:}" ]
}

@test "--dry-run removes nothing and prints what would go" {
    shmmk "$shm" 4096
    expect 0 shmrm --dry-run "$shm"
    prints "$shm"
    expect 0 shmcat --length 1 "$shm"
}

@test "patterns remove what matches and leave the rest" {
    needs_namespace
    for name in test-1 test-2 other; do shmmk "posix-shm:/$name" 1; done
    expect 0 shmrm 'posix-shm:/test-*'
    [ "$(ls /dev/shm)" = other ]
}

@test "a pattern that matches nothing removes nothing" {
    needs_namespace
    shmmk "$shm" 4096
    run --separate-stderr shmrm 'posix-shm:/nonesuch-*'
    [ "$(ls /dev/shm | wc -l)" -eq 1 ]
}

@test "one that fails does not keep the others, and the status is 1" {
    shmmk "$shm" 4096
    shmmk "$file" 4096
    expect 1 shmrm "$shm" posix-shm:/nonesuch "$file"
    says "posix-shm:/nonesuch"
    expect 1 shmcat "$shm"
    [ ! -e "${file#*:}" ]
}

@test "--orphan takes what nobody holds and whose creator is dead" {
    needs_namespace
    shmmk "$sysv_shm" 4096
    shmmk sysv-shm:0x77 4096
    hold sysv-shm 0x77
    expect 0 shmrm --orphan
    [ "$(ipcls --raw --noheadings -o KEY,ATTACHED 'sysv-shm:*' | wc -l)" -eq 1 ]
    expect 1 shmcat "$sysv_shm"
    expect 0 shmcat --length 1 sysv-shm:0x77
}

@test "--older-than leaves what is younger" {
    needs_namespace
    shmmk "$sysv_shm" 4096
    run shmrm --older-than 1h 'sysv-shm:*'
    expect 0 shmcat --length 1 "$sysv_shm"
    expect 0 shmrm --older-than 0s 'sysv-shm:*'
    expect 1 shmcat "$sysv_shm"
    expect 64 shmrm --older-than soon 'sysv-shm:*'
}

@test "--owner takes what belongs to that user" {
    needs_root
    shmmk "$shm" 1
    shmmk "$file" 1 --owner nobody || skip "this user namespace has no other user"
    run shmrm --owner nobody "$shm"
    expect 0 shmcat "$shm"
}

@test "without an address and without an option that chooses, nothing is removed" {
    shmmk "$shm" 4096
    expect 64 shmrm
    expect 0 shmcat --length 1 "$shm"
}

@test "-v prints what went, -q says nothing of what stayed" {
    shmmk "$shm" 4096
    expect 0 shmrm -v "$shm"
    [[ "$output$stderr" == *"$shm"* ]]
    shmmk "$shm" 4096
    hold posix-shm "/${shm#*:/}"
    expect 1 shmrm -q "$shm"
    [ -z "$stderr" ]
}

@test "queues are not removed by the command for segments" {
    mqmk "$mq"
    expect 64 shmrm "$mq" || expect 1 shmrm "$mq"
    expect 2 mqrecv -n "$mq"
}

@test "--older-than takes what has not changed for so long, and its unit is needed" {
    shmmk "$shm" 1
    expect 0 shmrm --older-than 1h "$shm"
    expect 0 shmcat "$shm"
    wait_until eval 'shmrm --older-than 0.01s "$shm" && [ ! -e "/dev/shm/${shm#*:/}" ]'
    for age in 7 7x s "" -1d; do
        expect 64 shmrm --older-than "$age" "$shm"
        one_line_from shmrm
        says "is no age"
    done
}

@test "a holder whose first thread has ended is a holder" {
    shmmk "$shm" 4096
    hold posix-shm "/${shm#*:/}" thread
    wait_until eval '! [ -e "/proc/$holder/exe" ]'
    expect 1 shmrm "$shm"
    says "held by $holder hold"
}

@test "who may not look into others is told that nobody knows whether they hold it" {
    needs_nobody
    as_nobody shmmk "$shm" 4096
    expect 0 as_nobody shmrm "$shm"
    says "could not be looked into"
    one_line_from shmrm
    as_nobody shmmk "$shm" 4096
    expect 0 as_nobody shmrm -q "$shm"
    [ -z "$stderr" ]
    shmmk "$shm" 4096
    expect 0 shmrm "$shm"
    [ -z "$stderr" ]
}

@test "a name cannot forge a holder in an error" {
    export hold=$scratch/'x r, 1 systemd'
    cp "$IPCUTILS_TEST_PROGRAMS/hold" "$hold"
    shmmk "$shm" 4096
    hold posix-shm "/${shm#*:/}"
    expect 1 shmrm "$shm"
    says "held by $holder \"x r, 1 systemd\" (end"
}
