# SPDX-License-Identifier: MIT
# Many at once: nothing is lost.
load ../helper

# two_hundred_shells ADDS ADDRESS PLACE: each adds 1 as often as that; the word is then what they added.
two_hundred_shells() {
    local adds=$1 shells=() shell
    for _ in {1..200}; do
        in_background bash -c 'for ((i = 0; i < $1; i++)); do shmword "$2" "$3" add 1 || exit; done > /dev/null' \
            bash "$@"
        shells+=($!)
    done
    for shell in "${shells[@]}"; do
        wait "$shell"
    done
    expect 0 shmword "${@:2}"
    prints $((200 * adds))
}

# With IPCUTILS_LONG=1 as often as it is promised: 200 000 processes, which takes minutes.
@test "two hundred shells adding at the same time lose none" {
    adds=20
    [ "$IPCUTILS_SANITIZE" != ON ] || adds=2
    [ -z "${IPCUTILS_LONG-}" ] || adds=1000
    shmmk "$shm" 64
    two_hundred_shells $adds "$shm" u64@8
}

@test "nor do they with another order of bytes, with floating point, and beside neighbours" {
    shmmk "$sysv_shm" 64
    shmmk "$file" 64
    two_hundred_shells 2 "$sysv_shm" u32be@4
    two_hundred_shells 2 "$file" f64be@8
    background=()
    shmmk "$shm" 64
    in_background two_hundred_shells 1 "$shm" u8@1
    two_hundred_shells 1 "$shm" u8@2
    wait "${background[0]}"
}

@test "get and set lose an increment that cas notices" {
    shmmk "$shm" 64
    one=$(shmword "$shm" u32@0)
    other=$(shmword "$shm" u32@0)
    shmword "$shm" u32@0 set $((one + 1))
    shmword "$shm" u32@0 set $((other + 1))
    [ "$(shmword "$shm" u32@0)" = 1 ]
    expect 0 shmword "$shm" u32@0 cas 1 2
    prints 1
    expect 2 shmword "$shm" u32@0 cas 1 2
    prints 2
    [ "$(shmword "$shm" u32@0)" = 2 ]
}

@test "of two hundred shells that cas one wins, and the others are told who" {
    shmmk "$shm" 64
    for number in {1..200}; do
        in_background bash -c 'shmword "$1" i32be@4 cas 0 "$2" > "$3/$2"; echo $? >> "$3/status"' \
            bash "$shm" "$number" "$scratch"
    done
    all_told() { [ "$(wc -l < "$scratch/status" 2> /dev/null)" -eq 200 ]; }
    wait_until all_told
    winner=$(shmword "$shm" i32be@4)
    [ "$(grep -cx 0 "$scratch/status")" -eq 1 ]
    [ "$(grep -cx 2 "$scratch/status")" -eq 199 ]
    [ "$(cat "$scratch/$winner")" = 0 ]
    [ "$(cat "$scratch"/[0-9]* | sort | uniq -c | xargs)" = "1 0 199 $winner" ]
}

@test "a lost cas says so by its status alone, which -E chooses" {
    shmmk "$shm" 64
    for words in "" -q; do
        # shellcheck disable=SC2086
        expect 2 shmword "$shm" u64@0 cas 1 2 $words
        prints 0
        [ -z "$stderr" ]
    done
    expect 7 shmword "$shm" u64@0 cas 1 2 -E 7
    prints 0
    expect 0 shmword "$shm" u64@0 cas 1 2 -E 0
    prints 0
    expect 0 shmword "$shm" u64@0 cas 0 2 -E 7
}
