# SPDX-License-Identifier: MIT
# What a command costs before it does anything, and what a message costs. Counted, not timed, so that it is the same
# everywhere.
load ../helper

# instructions COMMAND...: executed in user space, from the first of the loader on. It looks at every variable, so that
# there are always the same.
instructions() {
    env -i PATH="$PATH" LC_ALL=C.UTF-8 valgrind --tool=callgrind --callgrind-out-file="$scratch/callgrind" "$@" > /dev/null 2> "$scratch/said"
    sed -n 's/^summary: //p;s/^totals: //p' "$scratch/callgrind" | tail -1
}

needs_release() {
    [ "$IPCUTILS_BUILD_TYPE" = Release ] && [ "$IPCUTILS_SANITIZE" != ON ] || skip "counts are those of a release build"
}

@test "start, parsing and one plugin are at most 310000 instructions" {
    needs_release
    command -v valgrind >/dev/null || skip "needs valgrind"
    mqmk "$mq" > /dev/null
    mqmk "$boost_mq" > /dev/null
    shmmk "$file" 4096 > /dev/null
    in_background shmmk memfd:frame 4096 --hold > "$scratch/address"
    wait_until test -s "$scratch/address"
    semmk "$sem" 100 > /dev/null
    semmk "$sysv_sem" 100 > /dev/null
    semlock "$mutex" -- true
    semlock "$flock" -- true
    for line in "shmmk $shm 4096" "shmmk $sysv_shm 4096" "shmmk $boost_shm 4096" "mqsend $mq x" "mqrecv $mq" \
        "mqmk $boost_mq-2" "mqsend $boost_mq x" "mqrecv $boost_mq" \
        "semmk $other_sem" "semwait $sem" "sempost $sysv_sem" "semlock $mutex -- /nonexistent" \
        "semlock $flock -- /nonexistent" "semlock $sysv_sem -- /nonexistent" "semlock $sem -- /nonexistent" \
        "semlock --barrier 1 $other_mutex" "semlock --barrier 1 $other_sysv_sem" \
        "shmcat $file" "shmcat $(cat "$scratch/address")" "shmcat -x --length 16 $file" \
        "shmword $shm u32@0 add 1" "shmword $sysv_shm u32be@0 cas 0 1" "shmword $file f64@0 add 1.5"; do
        # shellcheck disable=SC2086
        count=$(instructions $line)
        echo "$line: $count"
        [ "$count" -gt 10000 ]
        [ "$count" -le 310000 ]
    done
    mqrm "$boost_mq-2"
}

# calls FILE: how many system calls strace counted.
calls() { awk '$NF != "total" && $1 ~ /^[0-9.]+$/ {sum += $4} END {print sum + 0}' "$1"; }

# Half a second of waiting for room may add one, and what a look at the queue takes.
@test "a message sent is one system call, 1.02 at most" {
    needs_release
    command -v strace >/dev/null || skip "needs strace"
    for address in "$mq" "$sysv_mq"; do
        mqmk "$address" > /dev/null
        in_background mqrecv -f "$address" > /dev/null
        strace -o /dev/null true || skip "strace is not permitted"
        strace -c -o "$scratch/none" mqsend "$address" < /dev/null
        seq -f '%063.0f' 20000 | strace -c -e 'trace=!read' -o "$scratch/many" mqsend "$address"
        sends=$(awk '/mq_timedsend|msgsnd/ {print $4}' "$scratch/many")
        echo "$sends sends, $(calls "$scratch/many") calls, $(calls "$scratch/none") without a message"
        [ "$sends" -ge 20000 ]
        [ "$sends" -le 20400 ]
        [ $(($(calls "$scratch/many") - $(calls "$scratch/none"))) -le 20400 ]
    done
}

@test "a message received and written is at most 1.02 system calls" {
    needs_release
    command -v strace >/dev/null || skip "needs strace"
    needs_namespace
    strace -o /dev/null true || skip "strace is not permitted"
    echo 20000 > /proc/sys/fs/mqueue/msg_max || skip "the limit cannot be set"
    ulimit -q unlimited 2>/dev/null || ulimit -q "$(ulimit -Hq)"
    mqmk "$mq" --max-messages 1000 --max-size 64 > /dev/null || skip "no queue of 1000 messages"
    mqmk "$sysv_mq" > /dev/null
    for address in "$mq" "$sysv_mq"; do
        waiting=0
        while [ $waiting -lt 200 ] && mqsend -n -q "$address" "$(printf '%063d' $waiting)"; do
            waiting=$((waiting + 1))
        done
        [ $waiting -ge 100 ]
        strace -c -o "$scratch/none" mqrecv -n -q "$address" > /dev/null
        strace -c -o "$scratch/many" mqrecv -e "$address" > "$scratch/out"
        [ "$(wc -l < "$scratch/out")" -eq $((waiting - 1)) ]
        receives=$(awk '/mq_timedreceive|msgrcv/ {print $4}' "$scratch/many")
        writes=$(awk '$NF == "write" {print $4}' "$scratch/many")
        # One more receive finds the queue empty.
        echo "$receives receives, $writes writes of $waiting messages"
        [ "$receives" -le $((waiting + 1)) ]
        [ "$writes" -le 2 ]
    done
}

@test "with a ring a command starts in at most 310000 instructions, and a message is no system call" {
    needs_release
    needs_namespace
    command -v valgrind >/dev/null || skip "needs valgrind"
    command -v strace >/dev/null || skip "needs strace"
    for line in "mqmk ring:/feed" "mqsend ring:/feed x" "mqrecv ring:/feed"; do
        # shellcheck disable=SC2086
        count=$(instructions $line)
        echo "$line: $count"
        [ "$count" -gt 10000 ]
        [ "$count" -le 310000 ]
    done
    strace -o /dev/null true || skip "strace is not permitted"
    seq -f '%063.0f' 10000 > "$scratch/lines"
    strace -c -o "$scratch/none" mqsend ring:/feed < /dev/null
    strace -c -e 'trace=!read' -o "$scratch/many" mqsend ring:/feed < "$scratch/lines"
    [ "$(calls "$scratch/many")" -le $(($(calls "$scratch/none") + 20)) ] # a look at the ring for each read
    strace -c -e 'trace=!write' -o "$scratch/many" mqrecv -e ring:/feed > "$scratch/out"
    cmp "$scratch/lines" "$scratch/out"
    [ "$(calls "$scratch/many")" -le $(($(calls "$scratch/none") + 10)) ]
}
