# SPDX-License-Identifier: MIT
# mqrm --rescue OUTFILE
load ../helper

@test "the messages are saved before the queue is removed, and can be sent again" {
    mqmk "$sysv_mq"
    mqsend "$sysv_mq" -t 3 one 'two "quoted"' ''
    printf '\377\n' | mqsend "$sysv_mq" -s -t 4
    expect 0 mqrm --rescue "$scratch/saved" "$sysv_mq"
    prints ""
    says "messages saved: 4"
    [ "$(stat -c %a "$scratch/saved")" = 600 ]
    [ "$(cat "$scratch/saved")" = '{"payload":"one","length":3,"type":3}
{"payload":"two \"quoted\"","length":12,"type":3}
{"payload":"","length":0,"type":3}
{"base64":"/wo=","length":2,"type":4}' ]
    expect 1 mqrecv -n "$sysv_mq"
    mqmk "$sysv_mq"
    mqsend -J -i "$scratch/saved" "$sysv_mq"
    expect 0 mqrecv -e --format '%t %x' "$sysv_mq"
    prints $'3 6f6e65\n3 74776f202271756f74656422\n3 \n4 ff0a'
}

@test "an empty queue leaves an empty file" {
    mqmk "$sysv_mq"
    expect 0 mqrm --rescue "$scratch/saved" "$sysv_mq"
    [ -e "$scratch/saved" ]
    [ ! -s "$scratch/saved" ]
}

@test "a hyphen is standard output, and only the messages are on it" {
    mqmk "$sysv_mq"
    mqsend "$sysv_mq" hello
    expect 0 mqrm --rescue - "$sysv_mq"
    prints '{"payload":"hello","length":5,"type":1}'
}

@test "what cannot be saved is not removed, and leaves no file" {
    mqmk "$sysv_mq"
    mqsend "$sysv_mq" kept
    echo old > "$scratch/there"
    expect 1 mqrm --rescue "$scratch/there" "$sysv_mq"
    one_line_from mqrm
    says "there exists"
    [ "$(cat "$scratch/there")" = old ]
    ln -s "$scratch/elsewhere" "$scratch/link"
    expect 1 mqrm --rescue "$scratch/link" "$sysv_mq"
    expect 1 mqrm --rescue "$scratch/no/directory" "$sysv_mq"
    expect 1 bash -c "mqrm --rescue - $sysv_mq > /dev/full"
    [ ! -e "$scratch/elsewhere" ]
    expect 0 mqrecv -n "$sysv_mq"
    prints kept
}

@test "a full disk keeps the queue and leaves no file" {
    needs_namespace
    mkdir "$scratch/small"
    mount -t tmpfs -o size=4k tmpfs "$scratch/small" || skip "no tmpfs can be mounted"
    mqmk "$sysv_mq"
    head -c 8000 /dev/zero | tr '\0' x | mqsend "$sysv_mq" -s
    expect 1 mqrm --rescue "$scratch/small/saved" "$sysv_mq"
    one_line_from mqrm
    [ ! -e "$scratch/small/saved" ]
    umount "$scratch/small"
    expect 0 mqrecv -n "$sysv_mq"
}

@test "a mechanism that shows no message without taking it says how to save them" {
    mqmk "$mq"
    mqsend "$mq" kept
    expect 1 mqrm --rescue "$scratch/saved" "$mq"
    one_line_from mqrm
    says "mqrecv --drain --json"
    [ ! -e "$scratch/saved" ]
    expect 0 mqrecv -n "$mq"
}

@test "a queue that has holders is neither saved nor removed unless forced, and a dry run saves nothing" {
    mqmk "$sysv_mq"
    in_background mqrecv "$sysv_mq?type=9"
    wait_until bash -c "ipcls --raw --noheadings -o PIDS $sysv_mq | grep -qw $!"
    mqsend "$sysv_mq" waiting
    expect 1 mqrm --rescue "$scratch/saved" "$sysv_mq"
    says "held by"
    [ ! -e "$scratch/saved" ]
    expect 0 mqrm --dry-run --force --rescue "$scratch/saved" "$sysv_mq"
    [ ! -e "$scratch/saved" ]
    expect 0 mqrm --force --rescue "$scratch/saved" "$sysv_mq"
    grep -q waiting "$scratch/saved"
}

@test "the messages of one queue are saved at a time" {
    mqmk "$sysv_mq"
    mqmk "$boost_mq"
    mqsend "$boost_mq" here
    mqsend "$sysv_mq" there
    expect 1 mqrm --rescue "$scratch/saved" "$sysv_mq" "$boost_mq"
    says "one queue"
    [ "$(wc -l < "$scratch/saved")" -eq 1 ]
    [ "$(mqrecv -e "$sysv_mq" "$boost_mq" 2>/dev/null; ipcls --noheadings -o ADDRESS "$sysv_mq" "$boost_mq" 2>/dev/null | wc -l)" = 1 ]
}
