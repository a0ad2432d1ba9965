# SPDX-License-Identifier: MIT
# Memory that runs out while a message is in hand: it goes back.
load ../helper

prepare() {
    needs_namespace
    [ "$IPCUTILS_SANITIZE" != ON ] || skip "the sanitizers need more address space than there is"
}

# mqrecv with less and less memory, down to where it does not start: a message is received whole with status 0, or it
# is in its queue. Both must have happened, and memory must have run out behind the receiving.
sweep() { # ADDRESS WORD...
    local address=$1 done=0 back=0 limit
    shift
    for limit in {100000..20000..10000}; do
        mqsend "$address" "${send[@]}" -s -i "$scratch/input"
        run --separate-stderr bash -c 'ulimit -v "$0"; exec "$@" > "$OUT"' "$limit" mqrecv "$@"
        if [ "$status" -eq 0 ]; then
            done=$((done + 1))
            [ -s "$scratch/out" ]
            expect 2 mqrecv -n "$address"
        else
            [[ $stderr != *"put back: 1"* ]] || back=$((back + 1))
            mqrecv -n -N "$address" | cmp - "$scratch/input"
        fi
    done
    echo "${*}: received $done times, put back $back times"
    [ "$done" -gt 0 ] && [ "$back" -gt 0 ]
}

@test "in whatever form a message is written, it is received or back in its queue" {
    export OUT=$scratch/out
    send=()
    head -c 4000000 /dev/urandom > "$scratch/input"
    mqmk 'ring:/large?size=8M' > /dev/null
    for form in -J '--format %x%l'; do
        # shellcheck disable=SC2086 # words
        sweep ring:/large $form ring:/large
    done
}

@test "with a command, with a journal and without, it is worked on or back in its queue" {
    export OUT=$scratch/out
    send=()
    head -c 4000000 /dev/urandom > "$scratch/input"
    mqmk 'ring:/large?size=8M' > /dev/null
    sweep ring:/large ring:/large -- wc -c
    sweep ring:/large --journal "$scratch/journal" ring:/large -- wc -c
}

@test "a message by reference is received, or its reference is back in the queue" {
    export OUT=$scratch/out
    send=(--map-over 4K)
    head -c 20000000 /dev/urandom > "$scratch/input"
    mqmk "$mq" > /dev/null
    sweep "$mq" -J "$mq"
    sweep "$mq" "$mq" -- wc -c
    [ -z "$(find /dev/shm -name 'ipc-large.*')" ]
}

@test "a message by reference needs no memory of its size to be written as it is" {
    head -c 100000000 /dev/zero > "$scratch/input"
    mqmk "$mq" > /dev/null
    mqsend "$mq" --map-over 4K -s -i "$scratch/input"
    bash -c 'ulimit -v 50000; mqrecv -N "$0"' "$mq" | cmp - "$scratch/input"
}

@test "a list for which there is no memory ends with one sentence and status 1" {
    for number in {1..50}; do semmk "posix:/gate$number" > /dev/null; done
    without=0
    for limit in {5000..9000..250}; do
        run --separate-stderr bash -c 'ulimit -v "$0"; exec ipcls' "$limit"
        [ "$status" -ne 134 ]
        [[ $stderr != *"out of memory"* ]] || { without=$((without + 1)); [ "$status" -eq 1 ]; [[ $stderr != *terminate* ]]; }
    done
    [ "$without" -gt 0 ]
}
