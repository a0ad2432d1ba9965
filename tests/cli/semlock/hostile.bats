# SPDX-License-Identifier: MIT
# What others put where a lock should be. IPCUTILS_LONG=1 tries ten times as many random bytes.
load ../helper

prepare() {
    times=20
    [ -z "${IPCUTILS_LONG-}" ] || times=200
}

# within COMMAND...: end by itself in time, without a crash.
within() {
    run --separate-stderr timeout -s KILL 20 "$@"
    [ "$status" -lt 128 ] || { echo "$*: $status $stderr"; return 1; }
}

image() { echo "/dev/shm/mutex.${mutex#*:/}"; }

# overwrite OFFSET HEX: bytes of the mutex.
overwrite() { printf "$(sed 's/../\\x&/g' <<< "$2")" | dd of="$(image)" bs=1 seek="$1" conv=notrunc status=none; }

@test "a mutex with a forged word cannot hold anybody past the deadline" {
    needs_namespace
    semlock "$mutex" -- true
    for word in 01000000 ffffffff ffffff3f 00000080 01000080 01000040 feffff7f; do
        overwrite 64 $word
        within semlock -w 0.1 "$mutex" -- true
        within semlock -n "$mutex" -- true
    done
    # The number of the process that is about to lock it: the word is written by the shell that then becomes semlock.
    within bash -c 'perl -e "print pack(\"L<\", $$)" | dd of="$1" bs=1 seek=64 conv=notrunc status=none
        exec semlock -w 0.1 "$2" -- true' bash "$(image)" "$mutex"
    [ "$status" -eq 2 ]
    overwrite 64 00000000
    expect 0 semlock -n "$mutex" -- true
}

@test "a mutex full of random bytes is refused or times out" {
    needs_namespace
    for ((round = 0; round < times; round++)); do
        semlock "$mutex" -- true
        head -c 192 /dev/urandom | dd of="$(image)" bs=1 seek=64 conv=notrunc status=none
        within semlock -w 0.02 "$mutex" -- true
        rm "$(image)"
        head -c 256 /dev/urandom > "$(image)"
        within semlock -w 0.02 "$mutex" -- true
        [ "$status" -eq 1 ]
        says "no mutex"
        rm "$(image)"
    done
}

@test "a barrier full of random bytes is refused or times out" {
    needs_namespace
    for ((round = 0; round < times; round++)); do
        within semlock --barrier 3 -w 0.01 "$mutex"
        head -c 288 /dev/urandom | dd of="$(image)" bs=1 seek=64 conv=notrunc status=none
        within semlock --barrier 3 -w 0.02 "$mutex"
        rm "$(image)"
    done
}

@test "a mutex of another size, version or without its checksum is refused with what is wrong" {
    needs_namespace
    semlock "$mutex" -- true
    overwrite 8 02
    expect 1 semlock "$mutex" -- true
    says "version 2"
    overwrite 8 01
    overwrite 16 07
    expect 1 semlock "$mutex" -- true
    says "header was changed"
    overwrite 16 00
    truncate -s 100 "$(image)"
    expect 1 semlock "$mutex" -- true
    says "too small"
    truncate -s 10M "$(image)"
    expect 1 semlock "$mutex" -- true
    says "no mutex"
}

@test "a mutex or a semaphore that is made smaller under its holder or a waiter is an error and no crash" {
    needs_namespace
    for gate in "$mutex" "$sem"; do
        file=/dev/shm/mutex.${mutex#*:/}
        [ "$gate" = "$mutex" ] || file=/dev/shm/sem.${sem#*:/}
        # The holder, when it unlocks.
        expect 1 semlock "$gate" -- truncate -s 0 "$file"
        says "memory is gone"
        rm "$file"
        # A waiter, when it looks again.
        in_background semlock "$gate" -- sleep 1000
        wait_until eval "! semlock -n -q '$gate' -- true"
        in_background bash -c 'semlock -w 1 "$1" -- true 2> "$2/said"; echo $? > "$2/status"' bash "$gate" "$scratch"
        wait_until eval '[ "$(own_pgrep -c -x semlock)" -eq 2 ]'
        wait_until eval 'sleeps "$(own_pgrep -n -x semlock)"'
        truncate -s 0 "$file"
        wait_until test -s "$scratch/status"
        [ "$(cat "$scratch/status")" -le 2 ]
        rm "$file" "$scratch/status"
    done
}

@test "a semaphore of another size is none" {
    needs_namespace
    echo text > "/dev/shm/sem.${sem#*:/}"
    expect 1 semlock "$sem" -- true
    says "5 bytes"
    expect 1 semwait -n "$sem"
    expect 1 sempost "$sem"
}

@test "a FIFO, a directory, a link or a socket where a lock should be is an error and hangs nobody" {
    needs_namespace
    mkfifo /dev/shm/{sem,mutex,holders}.fifo "$scratch/fifo"
    mkdir /dev/shm/{sem,mutex,holders}.directory "$scratch/directory"
    ln -s /etc/hostname /dev/shm/sem.link
    ln -s /etc/hostname /dev/shm/mutex.link
    for name in posix:/fifo posix:/directory posix:/link mutex:/fifo mutex:/directory mutex:/link "flock:$scratch/fifo" \
        "flock:$scratch/directory" flock:/dev/null; do
        for line in "semlock -w 1 $name -- touch $scratch/ran" "semmk $name"; do
            read -ra words <<< "$line"
            expect 1 timeout 10 "${words[@]}"
            one_line_from "${words[0]}"
        done
    done
    [ ! -e "$scratch/ran" ]
    rm -r /dev/shm/sem.* 
    mkfifo "/dev/shm/holders.other"
    expect 1 timeout 10 semlock -w 1 posix:/other -- true
    says "FIFO"
}

@test "a list of holders that another user planted is refused" {
    needs_nobody
    needs_namespace
    as_nobody sh -c "head -c 72 /dev/zero > /dev/shm/holders.${sem#*:/}; chmod 666 /dev/shm/holders.${sem#*:/}"
    expect 1 semlock -w 1 "$sem" -- true
    says "belongs to user 65534"
}

@test "a list of holders that is damaged gives way to a new one" {
    needs_namespace
    list=/dev/shm/holders.${sem#*:/}
    for damage in "truncate -s 10 $list" "truncate -s 10M $list" \
        "dd if=/dev/urandom of=$list bs=8 seek=1 count=8 conv=notrunc status=none" "rm $list"; do
        semlock "$sem" -- true
        $damage
        expect 0 semlock -w 20 "$sem" -- true
    done
}

@test "who keeps the file of a semaphore locked cannot hold others past their deadline by much" {
    needs_namespace
    semlock "$sem" -- true
    in_background perl -e '
        use Fcntl; open my $f, "+<", $ARGV[0] or die;
        my $range = pack("ssx4qqix4", F_WRLCK, 0, 0, 0, 0); fcntl($f, 37, $range) or die; print "locked\n"; close STDOUT; sleep 1000' \
        "/dev/shm/sem.${sem#*:/}" > "$scratch/said"
    wait_until test -s "$scratch/said"
    expect 2 timeout 15 semlock -w 0.1 "$sem" -- true
    says "keeps its file locked"
}

@test "a full /dev/shm is an error that says so and leaves nothing behind" {
    needs_namespace
    mount -t tmpfs -o size=64k,mode=1777 tmpfs /dev/shm || skip "cannot mount"
    head -c 65536 /dev/zero > /dev/shm/full
    for gate in "$sem" "$mutex"; do
        expect 1 semlock "$gate" -- touch "$scratch/ran"
        says "/dev/shm is full"
        expect 1 semmk "$gate"
    done
    [ "$(ls /dev/shm)" = full ]
    umount /dev/shm
    [ ! -e "$scratch/ran" ]
}

@test "a mutex in its segment works for pthread_mutex_lock(3) of other programs, and with semlock" {
    needs_namespace
    semlock "$mutex" -- true
    hold() { in_background "$IPCUTILS_TEST_PROGRAMS/hold" mutex "mutex.${mutex#*:/}" > "$scratch/held"; }
    hold
    holder=$!
    wait_until test -s "$scratch/held"
    expect 2 semlock -n "$mutex" -- true
    kill -KILL "$holder"
    expect 0 semlock -w 20 "$mutex" -- true
    # And the other way round.
    in_background semlock "$mutex" -- sleep 1000
    locker=$!
    wait_until eval "! semlock -n -q '$mutex' -- true"
    : > "$scratch/held"
    hold
    holder=$!
    wait_until sleeps "$holder"
    [ ! -s "$scratch/held" ]
    kill -KILL "$locker"
    wait_until test -s "$scratch/held"
}
