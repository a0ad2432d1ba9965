# SPDX-License-Identifier: MIT
# semlock --barrier: all go, or none.
load ../helper

prepare() { gates=("$sysv_sem" "$mutex"); }

# come COUNT WORD...: that many go to the barrier; their statuses are in $scratch/statuses.
come() {
    local count=$1 i
    shift
    for ((i = 0; i < count; i++)); do
        in_background bash -c 'semlock "${@:2}" 2>> "$1/said"; echo $? >> "$1/statuses"' bash "$scratch" "$@"
    done
}

have_come() { [ "$(own_pgrep -c -x semlock)" -eq "$1" ] && [ "$(own_pgrep -x semlock | while read -r p; do sleeps "$p" && echo; done | wc -l)" -eq "$1" ]; }
have_gone() { [ "$(wc -l < "$scratch/statuses")" -eq "$1" ]; }

@test "a barrier of 32 lets all go when the last one has come" {
    for gate in "${gates[@]}"; do
        : > "$scratch/statuses"
        come 31 --barrier 32 "$gate"
        wait_until have_come 31
        [ ! -s "$scratch/statuses" ]
        expect 0 semlock --barrier 32 -w 20 "$gate" -- echo went
        prints went
        wait_until have_gone 31
        [ "$(sort -u "$scratch/statuses")" = 0 ]
    done
}

@test "if one is missing none goes when the time is over" {
    for gate in "${gates[@]}"; do
        : > "$scratch/statuses"
        come 31 --barrier 32 -w 0.3 "$gate" -- touch "$scratch/went"
        wait_until have_gone 31
        [ "$(sort -u "$scratch/statuses")" = 2 ]
        [ ! -e "$scratch/went" ]
        grep -q "none went" "$scratch/said"
    done
}

@test "however close the last one is to the end of the time, all go or none" {
    attempts=6
    [ -z "${IPCUTILS_LONG-}" ] || attempts=100
    for gate in "${gates[@]}"; do
        for ((i = 0; i < attempts; i++)); do
            : > "$scratch/statuses"
            come 3 --barrier 4 -w 0.15 "$gate"
            sleep "0.1$((RANDOM % 9))"
            come 1 --barrier 4 -w 0.05 "$gate"
            wait_until have_gone 4
            [ "$(sort -u "$scratch/statuses" | wc -l)" -eq 1 ] || { echo "$gate:" && cat "$scratch/statuses"; return 1; }
        done
    done
}

@test "who was killed while it waited is not counted" {
    for gate in "${gates[@]}"; do
        : > "$scratch/statuses"
        in_background semlock --barrier 3 "$gate"
        victim=$!
        come 1 --barrier 3 "$gate"
        wait_until have_come 2
        kill -KILL "$victim"
        wait "$victim" || true
        expect 2 semlock --barrier 3 -w 0.2 "$gate"
        [ ! -s "$scratch/statuses" ]
        come 1 --barrier 3 "$gate"
        wait_until have_come 2
        expect 0 semlock --barrier 3 -w 20 "$gate"
        wait_until have_gone 2
        [ "$(sort -u "$scratch/statuses")" = 0 ]
    done
}

@test "a barrier serves one round after another" {
    for gate in "${gates[@]}"; do
        : > "$scratch/statuses"
        come 24 --barrier 4 -w 30 "$gate"
        wait_until have_gone 24
        [ "$(sort -u "$scratch/statuses")" = 0 ]
        expect 2 semlock --barrier 4 -n "$gate"
        says "none went"
    done
}

@test "a barrier for another number, a barrier that is a lock and a lock that is a barrier are refused" {
    for gate in "${gates[@]}"; do
        semlock --barrier 1 "$gate"
        expect 1 semlock --barrier 2 "$gate"
        says "for 1"
        expect 1 semlock "$gate" -- true
        says "is a barrier"
        semrm "$gate"
        semlock "$gate" -- true
        expect 1 semlock --barrier 2 "$gate"
        one_line_from semlock
    done
}

@test "a mechanism without barriers says so" {
    expect 1 semlock --barrier 2 "$sem"
    says "no barriers"
    expect 1 semlock --barrier 2 "$flock"
    says "no barriers"
    [ ! -e "${flock#*:}" ]
}

@test "a barrier that is removed while it is waited for is an error" {
    for gate in "${gates[@]}"; do
        : > "$scratch/statuses"
        come 1 --barrier 2 "$gate"
        wait_until have_come 1
        semrm --force "$gate"
        wait_until have_gone 1
        [ "$(cat "$scratch/statuses")" = 1 ]
        grep -q "removed" "$scratch/said"
        rm "$scratch/said"
    done
}
