# SPDX-License-Identifier: MIT
load ../helper

# waits WORD...: shmword WORD... in the background; what it says and how it ends come into files.
waits() {
    rm -f "$scratch/waiter" "$scratch/status"
    in_background bash -c '
        shmword "$@" > "$0/value" 2> "$0/said" &
        echo $! > "$0/waiter"
        wait $!
        echo $? > "$0/status"' "$scratch" "$@"
    wait_until test -s "$scratch/waiter"
    wait_until sleeps "$(cat "$scratch/waiter")"
}
# ended STATUS VALUE: it does, so.
ended() {
    wait_until test -s "$scratch/status"
    [ "$(cat "$scratch/status")" = "$1" ] && [ "$(cat "$scratch/value")" = "$2" ] && return 0
    cat "$scratch/status" "$scratch/value" "$scratch/said"
    return 1
}

@test "a comparison that holds is no wait" {
    shmmk "$shm" 64
    shmword "$shm" i32@0 set -5
    for words in "eq -5" "== -5" "ne 0" "!= 0" "lt 0" "< 0" "le -5" "<= -5" "gt -6" "> -6" "ge -5" ">= -5"; do
        # shellcheck disable=SC2086
        expect 0 shmword "$shm" i32@0 wait $words -n
        prints -5
        [ -z "$stderr" ]
    done
    for words in "eq 5" "ne -5" "lt -5" "le -6" "gt -5" "ge -4"; do
        # shellcheck disable=SC2086
        expect 2 shmword "$shm" i32@0 wait $words -n
        prints ""
        one_line_from shmword
        says "$shm: i32@0 is -5, not $words"
    done
}

@test "every verb that changes a word of any width wakes who waits for it, in each kind of segment" {
    for address in "$shm" "$sysv_shm" "$file"; do
        shmmk "$address" 64
        while read -r place comparison wanted verb; do
            # shellcheck disable=SC2086
            waits "$address" $place wait $comparison $wanted
            # shellcheck disable=SC2086
            shmword "$address" $place $verb > /dev/null
            ended 0 "$(shmword "$address" "$place")"
        done <<'END'
u8@3 eq 7 set 7
i16be@4 lt 0 add -1
u32@8 ge 1 cas 0 9
u64@16 gt 4294967296 set 0x200000000
i64be@24 ne 0 add 1
f32@32 gt 0.5 set 0.75
f64be@40 eq 1 cas 0 1
END
    done
}

@test "what wakes is the change and not the next look" {
    [ "$IPCUTILS_SANITIZE" != ON ] || skip "a sanitizer does not bear being traced"
    strace -o /dev/null true 2>/dev/null || skip "strace is missing or not permitted"
    shmmk "$shm" 64
    # Where the change comes just between two sleeps there is none to be woken from: then once more.
    woken() {
        shmword "$shm" "$1" set 0 > /dev/null
        in_background strace -e trace=futex -o "$scratch/trace" shmword "$shm" "$1" wait ne 0 > /dev/null
        wait_until grep -q 'FUTEX_WAIT, ' "$scratch/trace"
        shmword "$shm" "$1" set "$2" > /dev/null
        wait "${background[-1]}"
        tail -n 2 "$scratch/trace" | grep 'FUTEX_WAIT, .* = 0$'
    }
    wait_until woken u32@0 1
    wait_until woken u8@7 1
    wait_until woken u64@8 1
    wait_until woken u64@8 0x100000000 # only the upper half changes
    wait_until woken i64be@16 1
    wait_until woken f64@24 1
}

@test "a store by a program that wakes nobody is seen too" {
    for address in "$shm" "$sysv_shm" "$file"; do
        shmmk "$address" 64
        waits "$address" u16be@4 wait eq 0x4142
        printf AB | shmcat -i - --offset 4 "$address"
        ended 0 16706
    done
}

@test "the last bytes of a segment that ends within a word are waited for by looking alone" {
    for address in "$shm" "$sysv_shm" "$file"; do
        shmmk "$address" 6
        waits "$address" u16@4 wait ne 0
        shmword "$address" u8@5 set 1 > /dev/null
        ended 0 "$(shmword "$address" u16@4)"
    done
}

@test "it sleeps on while the value changes and the comparison does not hold" {
    shmmk "$shm" 64
    waits "$shm" u32@0 wait ge 50
    for _ in {1..49}; do shmword "$shm" u32@0 add 1 > /dev/null; done
    [ ! -s "$scratch/status" ]
    shmword "$shm" u32@0 add 1 > /dev/null
    ended 0 50
}

@test "two hundred that wait are all woken" {
    shmmk "$shm" 64
    for _ in {1..200}; do
        in_background bash -c 'shmword "$1" u64@8 wait eq 3 >> "$2/seen"' bash "$shm" "$scratch"
    done
    shmword "$shm" u64@8 set 3 > /dev/null
    all_seen() { [ "$(grep -cx 3 "$scratch/seen")" -eq 200 ]; }
    wait_until all_seen
}

@test "a wait that times out is status 2 with a sentence, none with -q, another status with -E" {
    for address in "$shm" "$sysv_shm" "$file"; do
        shmmk "$address" 64
        for words in -n "-w 0" "-w 0.05"; do
            # shellcheck disable=SC2086
            expect 2 shmword "$address" u8@1 wait eq 1 $words
            prints ""
            one_line_from shmword
            says "u8@1 is 0, not eq 1"
            # shellcheck disable=SC2086
            expect 2 shmword "$address" u8@1 wait eq 1 -q $words
            [ -z "$output$stderr" ]
            # shellcheck disable=SC2086
            expect 9 shmword "$address" u8@1 wait eq 1 -qE9 $words
        done
    done
    expect 64 shmword "$shm" u8@1 wait eq 1 -w soon
    one_line_from shmword
}

@test "a wait lasts as long as it is told" {
    shmmk "$shm" 64
    before=$(date +%s%N)
    expect 2 shmword "$shm" u32@0 wait eq 1 -w 0.3
    [ $((($(date +%s%N) - before) / 1000000)) -ge 300 ]
}

@test "SIGINT and SIGTERM end a wait without a word" {
    shmmk "$shm" 64
    # A shell has what it starts in the background ignore SIGINT, so timeout sends it.
    for signal in INT:130 TERM:143; do
        { status=0; timeout -s "${signal%:*}" --preserve-status 0.5 shmword "$shm" u32@0 wait eq 1 || status=$?
          echo "$status" > "$scratch/status"; } > "$scratch/value" 2> "$scratch/said"
        [ "$(cat "$scratch/status")" = "${signal#*:}" ]
        [ ! -s "$scratch/said" ] && [ ! -s "$scratch/value" ]
    done
}

@test "a segment that a peer makes smaller meanwhile is an error and no crash" {
    for address in "$shm" "$file"; do
        for left in 0 1 4096 4100; do
            shmmk "$address" 8K
            path=/dev/shm/${shm#*:/}
            [ "$address" = "$shm" ] || path=${file#*:}
            waits "$address" u64@4104 wait ne 0
            truncate -s "$left" "$path"
            ended 1 ""
            grep "^shmword: $address: u64@4104 is beyond its end, it has $left bytes\$" "$scratch/said"
            rm "$path"
        done
    done
}

@test "a segment that grows or is removed meanwhile is waited for all the same" {
    shmmk "$shm" 4096
    waits "$shm" u32@0 wait eq 1
    truncate -s 1M "/dev/shm/${shm#*:/}"
    shmword "$shm" u32@0 set 1 > /dev/null
    ended 0 1
    waits "$shm" u32@0 wait eq 2
    exec 5<> "/dev/shm/${shm#*:/}"
    shmrm --force "$shm"
    printf '\2\0\0\0' >&5
    exec 5>&-
    ended 0 2
}

@test "a flag is handed to and fro between two shells" {
    shmmk "$shm" 64
    in_background bash -c '
        for ((turn = 1; turn < 40; turn += 2)); do
            shmword "$1" u32@0 wait eq $turn -w 20 && shmword "$1" u32@0 set $((turn + 1)) || exit
        done' bash "$shm" > /dev/null
    for ((turn = 0; turn < 40; turn += 2)); do
        expect 0 shmword "$shm" u32@0 wait eq $turn -w 20
        shmword "$shm" u32@0 set $((turn + 1)) > /dev/null
    done
    expect 0 shmword "$shm" u32@0 wait eq 40 -w 20
}
