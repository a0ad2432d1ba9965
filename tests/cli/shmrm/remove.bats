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

# What a program leaves behind that made a segment, used it until the clock shows another second and was killed.
leave_orphan() {
    hold sysv-shm-new "$1"
    local made=$EPOCHSECONDS
    wait_until eval '[ "$EPOCHSECONDS" -gt '"$made"' ]'
    kill -KILL "$holder"
    wait_until eval '! kill -0 "$holder"'
}

@test "--orphan takes what nobody holds and whose creator is dead" {
    needs_namespace
    leave_orphan "${sysv_shm#*:}"
    [ "$(cells STATE "$sysv_shm")" = orphan ]
    shmmk sysv-shm:0x77 4096
    hold sysv-shm 0x77
    expect 0 shmrm --orphan
    [ "$(ipcls --raw --noheadings -o KEY,ATTACHED 'sysv-shm:*' | wc -l)" -eq 1 ]
    expect 1 shmcat "$sysv_shm"
    expect 0 shmcat --length 1 sysv-shm:0x77
}

@test "what shmmk made to last is no orphan, whoever used it since" {
    needs_namespace
    shmmk "$sysv_shm" 4096
    echo kept | shmmk sysv-shm:0x77 -i -
    expect 0 shmrm --orphan
    [ "$(cells STATE "$sysv_shm" sysv-shm:0x77 | sort -u)" = idle ]
    echo kept | shmcat "$sysv_shm" -i -
    hold sysv-shm 0x77
    local held=$EPOCHSECONDS
    wait_until eval '[ "$EPOCHSECONDS" -gt '"$held"' ]'
    kill -KILL "$holder"
    wait_until eval '! kill -0 "$holder"'
    expect 0 shmrm --orphan
    [ "$(shmcat --length 4 "$sysv_shm")$(shmcat --length 4 sysv-shm:0x77)" = keptkept ]
}

@test "writing it for longer than a second makes no orphan of what shmmk makes" {
    needs_namespace
    mkfifo "$scratch/slow"
    in_background shmmk "$sysv_shm" 4096 -i "$scratch/slow"
    maker=$!
    exec 7> "$scratch/slow"
    wait_until eval '[ -n "$(cells ADDRESS "$sysv_shm")" ]'
    local made=$EPOCHSECONDS
    wait_until eval '[ "$EPOCHSECONDS" -gt '"$made"' ]'
    echo kept >&7
    exec 7>&-
    wait "$maker"
    expect 0 shmrm --orphan
    [ "$(shmcat --length 4 "$sysv_shm")" = kept ]
}

@test "what a living process made or attached last is refused, with its name, and is no orphan" {
    shmmk "$sysv_shm" 4096
    hold sysv-shm-left "${sysv_shm#*:}"
    expect 1 shmrm "$sysv_shm"
    one_line_from shmrm
    says "$holder hold, which used it last, lives"
    says "--force"
    expect 1 shmrm --dry-run "$sysv_shm"
    kill -KILL "$holder"
    wait_until eval '! kill -0 "$holder"'
    expect 0 shmrm "$sysv_shm"
}

@test "what a process of another process namespace holds is refused, by whichever address" {
    needs_elsewhere
    mkdir /dev/shm/folder
    shmmk "$shm" 4096
    shmmk "$file" 4096
    shmmk file:/dev/shm/folder/x 4096
    hold_elsewhere posix-shm "/${shm#*:/}"
    hold_elsewhere file "${file#*:}"
    hold_elsewhere file /dev/shm/folder/x
    for address in "$shm" "file:/dev/shm/${shm#*:/}" "$file" file:/dev/shm/folder/x; do
        expect 1 elsewhere shmrm "$address"
        one_line_from shmrm
        says "somebody has it open or mapped"
        expect 1 elsewhere shmrm --dry-run "$address"
        [ "$(elsewhere ipcls --noheadings -o STATE "$address" 2>/dev/null)" = "?" ]
        expect 1 shmrm "$address"
        says " hold (end"
    done
    expect 0 elsewhere shmrm --force "$shm"
}

@test "who is blind removes what nobody holds all the same, if it is a file of his own" {
    needs_elsewhere
    for address in "$shm" "$file"; do
        shmmk "$address" 4096
        expect 0 elsewhere shmrm --dry-run "$address"
        prints "$address"
        expect 0 elsewhere shmrm "$address"
        [ -z "$stderr" ]
        expect 1 shmcat "$address"
    done
    shmmk "$sysv_shm" 4096
    expect 1 elsewhere shmrm "$sysv_shm" # who made it may be one of those that are not seen
    says "not visible from here"
    expect 0 elsewhere sh -c 'shmrm "$(shmmk sysv:private 1)"'
    [ -z "$stderr" ]
}

@test "the parts of a lock are left to what removes locks" {
    semmk "$sem"
    semlock "$sem" -- semlock "$mutex" -- sh -c '
        for part in /sem. /holders. /mutex.; do
            for mechanism in posix-shm: file:/dev/shm; do shmrm "$mechanism$part$0" 2>> "$1" && exit 99; done
        done; exit 7' "${sem#*:/}" "$scratch/said" || status=$?
    [ "$status" -eq 7 ]
    [ "$(grep -c "is part of\|held by\|in use" "$scratch/said")" -eq 6 ]
    expect 1 shmrm "posix-shm:/mutex.${mutex#*:/}"
    says "it is part of a semaphore, a mutex or a ring (remove that, or use --force)"
    expect 0 shmrm --force "posix-shm:/mutex.${mutex#*:/}"
}

@test "what hidepid hides is refused, and the state is not known" {
    needs_nobody
    needs_namespace
    as_nobody shmmk "$shm" 4096
    hold posix-shm "/${shm#*:/}" # by root
    hiding() { unshare --mount -- sh -c 'mount -t proc -o hidepid='"$1"' proc /proc && shift && exec "$@"' sh "$@"; }
    hiding 2 true 2>/dev/null || skip "this machine mounts no /proc with hidepid"
    for level in 1 2; do
        expect 1 hiding "$level" "${nobody[@]}" shmrm "$shm"
        says "somebody has it open or mapped"
        expect 0 hiding "$level" "${nobody[@]}" ipcls --noheadings -o STATE "$shm"
        prints "?"
        says "hidepid"
    done
}

@test "a file system that cannot tell who has a file mapped proves nothing" {
    needs_elsewhere
    mkdir /dev/shm/{lower,upper,work} "$scratch/merged"
    mount -t overlay overlay -o lowerdir=/dev/shm/lower,upperdir=/dev/shm/upper,workdir=/dev/shm/work "$scratch/merged" \
        2>/dev/null || skip "this machine mounts no overlay here"
    shmmk "file:$scratch/merged/x" 4096
    hold_elsewhere file "$scratch/merged/x"
    expect 1 elsewhere shmrm "file:$scratch/merged/x"
    says "whether somebody has it is not known, since processes outside of this process namespace"
    [ -e "$scratch/merged/x" ]
    umount -l "$scratch/merged"
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

@test "who may not look into others removes his own, and is refused what one of them has" {
    needs_nobody
    as_nobody shmmk "$shm" 4096
    hold posix-shm "/${shm#*:/}" # by root
    expect 1 as_nobody shmrm "$shm"
    says "somebody has it open or mapped"
    says "could not be looked into"
    one_line_from shmrm
    expect 1 as_nobody shmrm -q "$shm"
    [ -z "$stderr" ]
    kill -KILL "$holder"
    wait_until eval '! kill -0 "$holder"'
    expect 0 as_nobody shmrm "$shm"
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
