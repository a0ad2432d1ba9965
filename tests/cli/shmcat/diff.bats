# SPDX-License-Identifier: MIT
# shmcat --diff: two segments of any mechanisms, with the exit status of diff(1).
load ../helper

reverse=$'\033[7m' plain=$'\033[27m'

@test "equal segments print nothing and are status 0" {
    head -c 300001 /dev/urandom > "$scratch/bytes"
    shmmk "$shm" -i "$scratch/bytes"
    shmmk "$sysv_shm" -i "$scratch/bytes"
    expect 0 shmcat --diff "$shm" "$sysv_shm"
    prints ""
    expect 0 shmcat --diff --stable "$shm" "$sysv_shm"
    prints ""
    expect 0 shmcat --diff "$shm" "$shm"
    prints ""
    expect 0 shmcat -q --diff "$shm" "$sysv_shm"
    [ -z "$stderr" ]
}

@test "segments that differ are status 1 and show the lines, behind their names" {
    head -c 1M /dev/urandom > "$scratch/bytes"
    shmmk "$shm" -i "$scratch/bytes"
    shmmk "$file" -i "$scratch/bytes"
    printf '0123456789abcdef' | shmcat -i - --offset 700000 "$shm"
    printf '01234x6789abcdef' | shmcat -i - --offset 700000 "$file"
    for how in "" --stable -x; do
        # shellcheck disable=SC2086
        expect 1 shmcat --diff $how "$shm" "$file"
        prints "--- $shm
+++ $file
-000aae60  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|
+000aae60  30 31 32 33 34 78 36 37  38 39 61 62 63 64 65 66  |01234x6789abcdef|"
        [ -z "$stderr" ]
    done
    expect 1 shmcat --diff -q "$shm" "$file"
    prints ""
    [ -z "$stderr" ]
}

@test "--offset and --length choose the part of both" {
    printf 'aXbbbbbbbbbbbbbbbbbbbbbYc' | shmmk "$shm" -i -
    printf 'aZbbbbbbbbbbbbbbbbbbbbbWc' | shmmk "$file" -i -
    expect 0 shmcat --diff --offset 2 --length 21 "$shm" "$file"
    expect 1 shmcat --diff --offset 2 "$shm" "$file"
    prints "--- $shm
+++ $file
-00000012  62 62 62 62 62 59 63                              |bbbbbYc|
+00000012  62 62 62 62 62 57 63                              |bbbbbWc|"
    expect 0 shmcat --diff --offset 25 "$shm" "$file"
}

@test "segments of different sizes differ, and what they have in common is compared" {
    printf 'same' | shmmk "$shm" -i -
    printf 'same and more' | shmmk "$file" -i -
    expect 1 shmcat --diff "$shm" "$file"
    prints ""
    one_line_from shmcat
    says "$shm ends at byte 4, $file at 13"
    expect 1 shmcat --diff -q "$shm" "$file"
    [ -z "$output$stderr" ]
    expect 0 shmcat --diff --length 4 "$shm" "$file"
    [ -z "$output$stderr" ]
    printf 'sane' | shmcat -i - "$file"
    expect 1 shmcat --diff "$shm" "$file"
    [[ $output == *"+00000000  73 61 6e 65"* ]]
    says "ends at byte 4"
}

@test "what cannot be compared is status 2, which is no difference" {
    printf 'bytes' | shmmk "$shm" -i -
    expect 2 shmcat --diff "$shm" "$file"
    one_line_from shmcat
    says "$file"
    expect 2 shmcat --diff "$sysv_shm" "$shm"
    one_line_from shmcat
    says "$sysv_shm"
    expect 2 shmcat --diff -q "$shm" "$file"
    printf 'bytes and more' | shmmk "$file" -i -
    expect 2 shmcat --diff --length 6 "$shm" "$file"
    says "beyond its end"
    expect 2 shmcat --diff --offset 6 "$shm" "$file"
    says "beyond its end"
}

@test "segments larger than the memory are status 2 with --stable" {
    needs_namespace
    [ "$IPCUTILS_SANITIZE" != ON ] || skip "a sanitizer ends the process itself"
    truncate -s 7E "/dev/shm/${shm#*:/}"
    expect 2 shmcat --diff --stable "$shm" "$shm"
    one_line_from shmcat
    says "no memory"
}

@test "a segment that shrinks while it is compared is status 2" {
    # The output is a pipe that nobody empties, so that the comparison stands still far from the end.
    shmmk "$shm" 16M
    head -c 16M /dev/urandom | shmmk "$file" -i -
    mkfifo "$scratch/pipe"
    { status=0; shmcat --diff "$shm" "$file" > "$scratch/pipe" 2> "$scratch/said" || status=$?
        echo "$status" > "$scratch/status"; } 3>&- &
    background+=($!)
    exec 5< "$scratch/pipe"
    head -c 1000 <&5 > /dev/null
    truncate -s 1M "$scratch/table"
    cat <&5 > /dev/null
    exec 5<&-
    wait_until test -s "$scratch/status"
    [ "$(cat "$scratch/status")" = 2 ]
    grep -q "$file: somebody made it smaller" "$scratch/said"
}

@test "large segments are not kept in memory" {
    [ "$IPCUTILS_SANITIZE" != ON ] || skip "a sanitizer takes more memory than that"
    shmmk "$shm" 64M
    shmmk "$sysv_shm" 64M
    expect 0 bash -c "ulimit -d 16384; shmcat --diff $shm $sysv_shm"
}

@test "bytes that differ are lit on a terminal or when asked, unless NO_COLOR says no" {
    printf 'abcd' | shmmk "$shm" -i -
    printf 'abXd' | shmmk "$file" -i -
    expect 1 shmcat --diff --color=always "$shm" "$file"
    [[ $output == *"61 62 ${reverse}58$plain 64 "*"|ab${reverse}X${plain}d|"* ]]
    expect 1 env -u NO_COLOR shmcat --diff "$shm" "$file"
    [[ $output != *$'\033'* ]]
    command -v script >/dev/null || skip "needs script"
    # on_terminal VARIABLES... OPTION: what comes on a terminal.
    on_terminal() {
        TERM=xterm script -qec "env -u NO_COLOR $* --diff $shm $file; true" /dev/null < /dev/null
    }
    [[ $(on_terminal shmcat) == *"$reverse"* ]]
    [[ $(on_terminal NO_COLOR=1 shmcat) != *$'\033'* ]]
    [[ $(on_terminal TERM=dumb shmcat) != *$'\033'* ]]
    [[ $(on_terminal shmcat --color=never) != *$'\033'* ]]
    [[ $(on_terminal NO_COLOR=1 shmcat --color=always) == *"$reverse"* ]]
}

@test "--diff takes two addresses and no option that contradicts it" {
    shmmk "$shm" 16
    for words in "--diff $shm" "--diff $shm $shm $shm" "--diff -f $shm $shm" "--diff -i - $shm $shm" \
        "--diff --progress $shm $shm" "--diff -J $shm $shm" "-q $shm"; do
        # shellcheck disable=SC2086
        expect 64 shmcat $words
        one_line_from shmcat
    done
}
