# SPDX-License-Identifier: MIT
# --reuse: what exists is of that kind and has what is asked for, or the error says what differs; nothing is changed.
load ../helper

# differs TEXT COMMAND...: refused, with TEXT.
differs() {
    expect 1 "${@:2}"
    one_line_from "$2"
    says "$1"
    [ -z "$output" ]
}

@test "a queue that is smaller is not the one that is asked for" {
    needs_namespace
    for address in "$mq" "$boost_mq" ring:/feed; do
        mqmk "$address" --max-messages 2 --max-size 100
        expect 0 mqmk --reuse --max-messages 2 --max-size 100 "$address"
        differs "for 2 messages, fewer than the 3" mqmk --reuse --max-messages 3 "$address"
        differs "of 100 bytes, fewer than the 101" mqmk --reuse --max-size 101 "$address"
    done
}

@test "a System V queue is held against the bytes that are asked for" {
    mqmk "$sysv_mq" --max-messages 2 --max-size 100
    expect 0 mqmk --reuse --max-messages 2 --max-size 100 "$sysv_mq"
    differs "for 200 bytes in all, fewer than the 900 messages of 100 bytes" \
        mqmk --reuse --max-messages 900 --max-size 100 "$sysv_mq"
    differs "for messages of 200 bytes, fewer than the 201" mqmk --reuse --max-size 201 "$sysv_mq"
    differs "900 messages of 200 bytes" mqmk --reuse --max-messages 900 "$sysv_mq"
}

@test "a ring is held against ?size" {
    needs_namespace
    mqmk 'ring:/feed?size=64K'
    expect 0 mqmk --reuse 'ring:/feed?size=64K'
    expect 0 mqmk --reuse 'ring:/feed?size=4K'
    differs "65536 bytes, fewer than the 131072" mqmk --reuse 'ring:/feed?size=128K'
}

@test "a set of semaphores is held against ?size and ?index" {
    semmk "$sysv_sem?size=4"
    expect 0 semmk --reuse "$sysv_sem?size=4"
    expect 0 semmk --reuse "$sysv_sem?size=2&index=1"
    differs "4 semaphores, fewer than the 8" semmk --reuse "$sysv_sem?size=8"
    differs "no index 4" semmk --reuse "$sysv_sem?index=4"
}

@test "the value of a semaphore stays, and must be one that it can have" {
    for gate in "$sem" "$sysv_sem"; do
        semmk "$gate" 3
        expect 0 semmk --reuse -v "$gate" 7
        says "with value 3"
    done
    differs "32768 is no value" semmk --reuse "$sysv_sem" 32768
    semmk "$mutex"
    differs "its value is 1" semmk --reuse "$mutex" 2
}

@test "a barrier and a lock of several are no semaphores" {
    needs_namespace
    for gate in "$sysv_sem" "$mutex"; do
        expect 2 semlock -w 0.05 --barrier 3 "$gate"
        differs "a barrier for 3" semmk --reuse "$gate"
        semrm "$gate"
    done
    for gate in "$sem" "$sysv_sem"; do
        semlock --slots 4 "$gate" -- true
        differs "a lock for 4" semmk --reuse "$gate"
        semrm "$gate"
        semlock "$gate" -- true
        expect 0 semmk --reuse "$gate"
        differs "a lock for 1, not as a semaphore of 2" semmk --reuse "$gate" 2
    done
}

@test "a segment without the structure of its mechanism is not reused" {
    needs_namespace
    head -c 65536 /dev/zero > "/dev/shm/${boost_shm#*:}"
    differs "managed segment" shmmk --reuse "$boost_shm" 4K
    echo data > "$scratch/data"
    differs "managed segment" shmmk --reuse "$boost_shm" 4K -i "$scratch/data"
    cmp -n 65536 /dev/zero "/dev/shm/${boost_shm#*:}"
    rm "/dev/shm/${boost_shm#*:}"
    shmmk "$boost_shm" 64K
    expect 0 shmmk --reuse "$boost_shm" 64K
    differs "fewer than the" shmmk --reuse "$boost_shm" 1M
}

@test "a semaphore, a mutex and a ring are no segments" {
    needs_namespace
    semmk "$sem"
    semmk "$mutex"
    mqmk ring:/feed
    echo data > "$scratch/data"
    for file in "sem.${sem#*:/}" "mutex.${mutex#*:/}" ipcring.feed; do
        before=$(cksum < "/dev/shm/$file")
        differs "a semaphore, a mutex or a ring" shmmk --reuse "posix-shm:/$file" -i "$scratch/data"
        [ "$(cksum < "/dev/shm/$file")" = "$before" ]
    done
}

@test "a file that is no such object is not reused" {
    needs_namespace
    for bytes in 0 32 4096; do
        head -c "$bytes" /dev/urandom > /dev/shm/ipcring.feed
        cp /dev/shm/ipcring.feed "/dev/shm/${boost_mq#*:}"
        cp /dev/shm/ipcring.feed "/dev/shm/mutex.${mutex#*:/}"
        expect 1 mqmk --reuse ring:/feed
        expect 1 mqmk --reuse "$boost_mq"
        expect 1 semmk --reuse "$mutex"
        cmp /dev/shm/ipcring.feed "/dev/shm/${boost_mq#*:}"
        cmp /dev/shm/ipcring.feed "/dev/shm/mutex.${mutex#*:/}"
    done
    head -c 64 /dev/urandom > "/dev/shm/sem.${sem#*:/}"
    expect 1 semmk --reuse "$sem"
}

@test "?lock and ?huge of a System V segment are asked for" {
    shmmk "$sysv_shm" 4K
    differs "not locked into memory" shmmk --reuse "$sysv_shm?lock=1" 4K
    differs "its pages have 4096 bytes, not the 2097152" shmmk --reuse "$sysv_shm?huge=2M" 4K
    expect 0 shmmk --reuse "$sysv_shm" 4K
}

@test "mode, owner and group are asked for only where they are given" {
    declare -A maker=(["$shm"]="shmmk --reuse|4K" ["$sysv_shm"]="shmmk --reuse|4K" ["$mq"]="mqmk --reuse|"
        ["$sysv_mq"]="mqmk --reuse|" ["$sem"]="semmk --reuse|" ["$sysv_sem"]="semmk --reuse|" ["$mutex"]="semmk --reuse|"
        ["fifo:$scratch/pipe"]="mqmk --reuse|")
    for address in "${!maker[@]}"; do
        make=${maker[$address]%|*} size=${maker[$address]#*|}
        # shellcheck disable=SC2086 # words
        {
            expect 0 $make -m 0640 "$address" $size
            expect 0 $make "$address" $size
            expect 0 $make -m 0640 --owner "$(id -u)" --group "$(id -g)" "$address" $size
            expect 1 $make -m 0660 "$address" $size
            says "with mode 0640, not the 0660 wanted"
            expect 1 $make --owner 4242 "$address" $size
            says "not to 4242 as wanted"
            expect 1 $make --group 4242 "$address" $size
            says "not to 4242 as wanted"
        }
        [ "$(cells MODE "$address")" = 0640 ]
    done
}
