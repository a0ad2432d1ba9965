# SPDX-License-Identifier: MIT
# shmcat -x -f: a dump, and then the lines of it that change.
load ../helper

lines_in() { [ "$(wc -l < "$1")" -ge "$2" ]; }

reverse=$'\033[7m' plain=$'\033[27m'

@test "-x -f prints the dump, then the lines that changed, each time behind the time" {
    shmmk "$shm" 64K
    in_background shmcat -x -f "$shm" > "$scratch/seen"
    wait_until lines_in "$scratch/seen" 3
    printf 'H' | shmcat -i - --offset 4098 "$shm"
    wait_until grep -q H "$scratch/seen"
    printf 'X' | shmcat -i - --offset 65535 "$shm"
    wait_until grep -q X "$scratch/seen"
    [ "$(sed 's/^# ....-..-..T..:..:..\..*/# time/' "$scratch/seen")" = \
        "$(shmmk "$file" 64K > /dev/null; shmcat -x "$file")
# time
00001000  00 00 48 00 00 00 00 00  00 00 00 00 00 00 00 00  |..H.............|
# time
0000fff0  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 58  |...............X|" ]
    sed -n 4p "$scratch/seen" | grep -qE '^# [0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}[+-][0-9]{2}:[0-9]{2}$'
}

@test "changed bytes are lit with --color=always, and nothing else is" {
    printf '0123456789abcdef' | shmmk "$shm" -i -
    in_background shmcat -x -f --color=always "$shm" > "$scratch/seen"
    wait_until lines_in "$scratch/seen" 2
    printf 'X' | shmcat -i - --offset 3 "$shm"
    wait_until lines_in "$scratch/seen" 4
    [ "$(head -1 "$scratch/seen")" = "00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|" ]
    [ "$(sed -n 4p "$scratch/seen")" = \
        "00000000  30 31 32 ${reverse}58$plain 34 35 36 37  38 39 61 62 63 64 65 66  |012${reverse}X${plain}456789abcdef|" ]
}

@test "many lines that became equal are an asterisk and where it ends" {
    head -c 64K /dev/urandom | shmmk "$shm" -i -
    in_background shmcat -x -f --offset 16 --length 60K "$shm" > "$scratch/seen"
    wait_until lines_in "$scratch/seen" 3841
    head -c 64K /dev/zero | shmcat -i - "$shm"
    changes() { tail -n +3842 "$scratch/seen"; }
    ends_at_the_end() { [[ $(changes | tail -1) == @(0000f010|0000f000 *) ]]; } # seen in two steps, maybe
    wait_until ends_at_the_end
    changes | grep -qx '\*'
}

@test "-f without -x prints all bytes again" {
    printf 'a\nb\n' | shmmk "$shm" -i -
    in_background shmcat -f "$shm" > "$scratch/seen"
    wait_until lines_in "$scratch/seen" 2
    printf 'c' | shmcat -i - --offset 2 "$shm"
    wait_until grep -q c "$scratch/seen"
    [ "$(cat "$scratch/seen")" = $'a\nb\na\nc' ]
}

@test "a segment that shrinks while it is followed is an error with the offset" {
    for option in -f -xf; do
        shmmk "$shm" 16K
        rm -f "$scratch/status" "$scratch/seen"
        { status=0; shmcat $option "$shm" > "$scratch/seen" || status=$?; echo "$status" > "$scratch/status"; } \
            2> "$scratch/said" 3>&- &
        background+=($!)
        wait_until test -s "$scratch/seen"
        truncate -s 4096 "/dev/shm/${shm#*:/}"
        wait_until test -s "$scratch/status"
        [ "$(cat "$scratch/status")" = 1 ]
        grep -q "offset 4096" "$scratch/said"
        shmrm "$shm"
    done
}

@test "a reader that goes away ends -x -f quietly" {
    shmmk "$shm" 4096
    mkfifo "$scratch/pipe"
    in_background bash -c 'shmcat -x -f "$1" > "$0/pipe" 2> "$0/said"' "$scratch" "$shm"
    follower=$!
    head -1 "$scratch/pipe" > /dev/null
    printf x | shmcat -i - "$shm"
    wait "$follower" || [ $? -eq 141 ]
    [ ! -s "$scratch/said" ]
}

@test "a word that is no time for colours is refused" {
    shmmk "$shm" 16
    expect 64 shmcat -x --color=sometimes "$shm"
    one_line_from shmcat
    says "auto, always, never"
}
