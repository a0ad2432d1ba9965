#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
load ../cli/helper

@test "without a terminal -b is asked for" {
    expect 64 ipcwatch
    says 'use -b'
    one_line_from ipcwatch
}

@test "a frame lists objects, limits and depth, and ends" {
    needs_namespace
    mqmk "$mq" > /dev/null
    mqsend "$mq" one two
    expect 0 ipcwatch -b -n 1
    [[ $output == *'1 object: 1 unknown'* ]]
    [[ $output == *"$mq"* ]]
    [[ $output == *DEPTH* ]]
}

@test "each frame is there before the next is taken" {
    mqmk "$mq" > /dev/null
    in_background ipcwatch -b -d 0.1 "$mq" > "$scratch/frames"
    wait_until grep -q "$mq" "$scratch/frames"
    mqsend "$mq" one
    wait_until grep -q '+1' "$scratch/frames"
}

@test "JSON is a line for each sample, and numbers are numbers" {
    mqmk "$mq" > /dev/null
    mqsend "$mq" one two
    expect 0 ipcwatch -J -n 3 -d 0.01 "$mq"
    [ "$(wc -l <<< "$output")" -eq 3 ]
    tail -n 1 <<< "$output" | python3 -c '
import json, sys
object, = json.load(sys.stdin)["objects"]
assert object["depth"] == 2 and object["change"] == 0 and object["history"] == [2, 2, 2], object'
}

@test "sort, filter and columns hold for text, too" {
    shmmk "posix-shm:/small$unique" 4K > /dev/null
    shmmk "posix-shm:/tall$unique" 64K > /dev/null
    expect 0 ipcwatch -b -n 1 -s size -o address,size "posix-shm:/small$unique" "posix-shm:/tall$unique"
    [[ $output == *tall*small* ]]
    expect 0 ipcwatch -b -n 1 -F '!tall' "posix-shm:/small$unique" "posix-shm:/tall$unique"
    [[ $output == *'only: filter !tall'* && $output == *"/small$unique "* && $output != *"/tall$unique "* ]]
    shmrm "posix-shm:/small$unique" "posix-shm:/tall$unique"
}

@test "only what a process holds" {
    shmmk "$shm" 4K > /dev/null
    mqmk "$mq" > /dev/null
    hold posix-shm "${shm#*:}"
    expect 0 ipcwatch -b -n 1 -p "$holder" -o address
    [[ $output == *"$shm"* && $output != *"$mq"* ]]
}

@test "the columns are listed" {
    expect 0 ipcwatch -s help
    [[ $output == *ADDRESS*DEPTH*CHANGE*HISTORY* ]]
}

@test "bad options are explained" {
    expect 64 ipcwatch -b -s dept
    says 'DEPTH'
    expect 64 ipcwatch -b -d 0
    says '0.01'
    expect 64 ipcwatch -b -d soon
    expect 64 ipcwatch -b -n 0
    expect 64 ipcwatch -b -u nobody-of-that-name
    expect 64 ipcwatch -b -p many
    expect 64 ipcwatch --color=sometimes
}

@test "a reader that goes ends it" {
    run bash -c 'set -o pipefail; ipcwatch -b -d 0.01 | head -n 1 > /dev/null; echo ${PIPESTATUS[0]}'
    [ "$output" = 141 ]
}

@test "a full disk is an error" {
    expect 1 bash -c 'ipcwatch -b -n 1 > /dev/full'
    one_line_from ipcwatch
}

@test "a locked file has the same name in every frame" {
    touch "$scratch/lock"
    in_background semlock "flock:$scratch/lock" -- sleep 1000
    wait_until bash -c "ipcls -o LOCKED-BY 'flock:$scratch/lock' | grep -q sleep"
    ipcwatch -b -n 4 -d 0.1 'flock:*' > "$scratch/frames"
    [ "$(grep -c "^flock:$scratch/lock .*sleep" "$scratch/frames")" -eq 4 ]
}

@test "-o may be given more than once" {
    expect 0 ipcwatch -b -n 1 -o +KEY -o +ID
    [[ $output == *" HOLDERS "*KEY*ID* ]]
}

@test "who may not look into others is told what is hidden, each time" {
    needs_nobody
    needs_namespace
    mqmk "$mq"
    expect 0 as_nobody ipcwatch -J -n 2 -d 0.1
    [ "$(grep -c 'POSIX queues are hidden.*could not be looked into' <<< "$output")" -eq 2 ]
}
