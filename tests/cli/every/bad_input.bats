# SPDX-License-Identifier: MIT
# What every command refuses alike: with one line that says what happened and what to do, and the right status.
load ../helper

# What takes an address of a segment, of a queue, of a semaphore.
segment_commands=("shmmk ADDRESS 4096" "shmcat ADDRESS" "shmword ADDRESS u8@0" "shmrm ADDRESS")
queue_commands=("mqmk ADDRESS" "mqsend ADDRESS x" "mqrecv -n ADDRESS" "mqrm ADDRESS")
semaphore_commands=("semmk ADDRESS" "semwait -n ADDRESS" "sempost ADDRESS" "semlock ADDRESS -- true" "semrm ADDRESS")

# each_refuses STATUS ADDRESS TEXT COMMAND...: run each command with the address put in.
each_refuses() {
    local wanted=$1 address=$2 text=$3 line words
    shift 3
    for line in "$@"; do
        read -ra words <<< "$line"
        expect "$wanted" "${words[@]/#ADDRESS/$address}"
        one_line_from "${words[0]}"
        says "$text"
        prints ""
    done
}

@test "an unknown mechanism, with a suggestion" {
    each_refuses 64 "posix-smh:/x" "posix-shm" "${segment_commands[@]}"
    each_refuses 64 "posx-mq:/x" "posix-mq" "${queue_commands[@]}"
    each_refuses 64 "posix-sme:/x" "posix-sem" "${semaphore_commands[@]}"
    each_refuses 64 "nonesuch:/x" "nonesuch" "${segment_commands[@]}" "${queue_commands[@]}" "${semaphore_commands[@]}"
}

@test "a malformed address, with what a right one looks like" {
    each_refuses 64 "0x51e" "sysv:0x51e" "shmmk ADDRESS 4096" "shmcat ADDRESS" "mqmk ADDRESS" "mqsend ADDRESS x"
    each_refuses 64 "frame" "posix:/frame" "shmmk ADDRESS 4096" "shmcat ADDRESS" "mqmk ADDRESS"
    each_refuses 64 "/a/b" "MECHANISM" "shmmk ADDRESS 4096" "shmcat ADDRESS"
    each_refuses 64 "posix-shm:" "posix-shm" "shmmk ADDRESS 4096" "shmcat ADDRESS"
    each_refuses 64 "posix-shm:/a/b" "slash" "shmmk ADDRESS 4096" "shmcat ADDRESS"
    each_refuses 64 "sysv-shm:keys" "key" "shmmk ADDRESS 4096" "shmcat ADDRESS"
    each_refuses 64 "sysv-shm:0x1ffffffff" "key" "shmmk ADDRESS 4096" "shmcat ADDRESS"
    each_refuses 64 "sysv-mq:id=-1" "identifier" "mqsend ADDRESS x" "mqrecv ADDRESS"
    each_refuses 64 "posix-mq:/x?type=1" "type" "mqsend ADDRESS x" "mqrecv ADDRESS"
    each_refuses 64 "0x51e" "sysv:0x51e" "${semaphore_commands[@]:0:4}"
    each_refuses 64 "mutex:/a/b" "slash" "${semaphore_commands[@]:0:4}"
    each_refuses 64 "posix-sem:/x?index=1" "index" "${semaphore_commands[@]:0:4}"
    each_refuses 64 "sysv-sem:keys" "key" "${semaphore_commands[@]:0:4}"
    each_refuses 64 "flock:/tmp/" "path" "${semaphore_commands[@]:0:4}"
    expect 64 shmcat ""
    one_line_from shmcat
}

@test "a mechanism without what the command needs" {
    each_refuses 64 "$mq" "segment" "shmcat ADDRESS"
    each_refuses 64 "$shm" "queue" "mqsend ADDRESS x" "mqrecv ADDRESS"
    each_refuses 64 "$shm" "semaphore" "${semaphore_commands[@]:0:4}"
    each_refuses 64 "$mutex" "segment" "shmcat ADDRESS"
}

@test "an object that is not there is status 1, never 0" {
    each_refuses 1 "$shm" "$shm" "shmcat ADDRESS" "shmword ADDRESS u8@0 add 1" "shmrm ADDRESS"
    each_refuses 1 "$sysv_shm" "$sysv_shm" "shmcat ADDRESS" "shmword ADDRESS u8@0 add 1" "shmrm ADDRESS"
    each_refuses 1 "$file" "$file" "shmcat ADDRESS" "shmword ADDRESS u8@0 add 1" "shmrm ADDRESS"
    each_refuses 1 "$mq" "$mq" "mqsend ADDRESS x" "mqrecv ADDRESS" "mqrm ADDRESS"
    each_refuses 1 "$sysv_mq" "$sysv_mq" "mqsend ADDRESS x" "mqrecv ADDRESS" "mqrm ADDRESS"
    for gate in "$sem" "$sysv_sem" "$mutex" "$flock"; do
        each_refuses 1 "$gate" "$gate" "semwait -n ADDRESS" "sempost ADDRESS" "semrm ADDRESS"
    done
    expect 1 ipcls "$shm"
}

@test "no permission is an error that says whose it is" {
    needs_nobody
    shmmk "$shm" 4096
    shmmk "$sysv_shm" 4096
    mqmk "$mq"
    mqmk "$sysv_mq"
    for line in "shmcat $shm" "shmcat $sysv_shm" "mqsend $mq x" "mqrecv -n $mq" "mqsend $sysv_mq x" "mqrecv -n $sysv_mq"; do
        # shellcheck disable=SC2086
        expect 1 as_nobody $line
        one_line_from "${line%% *}"
        [[ $stderr == *"may not"* || $stderr == *"ermi"* ]] || { echo "$stderr"; return 1; }
    done
    for line in "shmrm $shm" "shmrm $sysv_shm" "mqrm $mq" "mqrm $sysv_mq"; do
        # shellcheck disable=SC2086
        expect 1 as_nobody $line
        one_line_from "${line%% *}"
    done
    shmcat "$shm" > /dev/null
    shmcat "$sysv_shm" > /dev/null
    mqrecv -e "$mq"
    mqrecv -e "$sysv_mq"
}

@test "size 0, a size without digits, a negative one and one beyond 64 bits" {
    expect 1 shmmk "$shm" 0
    one_line_from shmmk
    for size in K -- 12Q 1.5.2 0x 1K1 99999999999999999999 16E 17E ""; do
        expect 64 shmmk "$shm" "$size" || expect 1 shmmk "$shm" "$size"
        one_line_from shmmk
    done
    expect 64 shmmk "$shm" -5
    for size in 8E 15E; do
        expect 1 shmmk "$shm" "$size"
        one_line_from shmmk
    done
    [ ! -e "/dev/shm/${shm#*:/}" ]
}

@test "an unknown option, with a suggestion, and no abbreviations" {
    expect 64 shmmk --resue "$shm" 4096
    says "--reuse"
    for command in "$IPCUTILS_BUILD_DIR"/bin/*; do
        expect 64 "$command" --nonesuch
        one_line_from "${command##*/}"
        expect 64 "$command" --hel
        one_line_from "${command##*/}"
    done
}

@test "a missing value, a missing argument and one too many" {
    expect 64 shmmk "$shm" 4096 --mode
    one_line_from shmmk
    expect 64 shmmk
    one_line_from shmmk
    expect 64 shmmk "$shm"
    one_line_from shmmk
    expect 64 shmmk "$shm" 4096 8192
    says 8192
    expect 64 mqrecv "$mq" "$mq"
    one_line_from mqrecv
    [ ! -e "/dev/shm/${shm#*:/}" ]
}

@test "a value out of range" {
    mqmk "$mq"
    mqmk "$sysv_mq"
    for words in "shmmk -m 0999 $shm 1" "shmmk -m 01777 $shm 1" "shmmk -m rw $shm 1" "mqrecv -w -1 $mq" \
        "mqrecv -w soon $mq" "mqrecv -c 0 $mq" "mqrecv -c many $mq" "mqrecv -E 256 $mq" "mqsend -p -1 $mq x" \
        "mqsend -t many $sysv_mq x" "mqmk --max-messages none posix:/y" "shmmk --owner nonesuch-user $shm 1"; do
        read -ra line <<< "$words"
        run --separate-stderr "${line[@]}"
        [ "$status" -eq 64 ] || [ "$status" -eq 1 ] || { echo "$words: $status"; return 1; }
        one_line_from "${line[0]}"
    done
    expect 1 mqsend -p 40000 "$mq" x
    says 32767
    expect 1 mqsend -t 0 "$sysv_mq" x || expect 64 mqsend -t 0 "$sysv_mq" x
    expect 2 mqrecv -n "$mq"
}

@test "options that contradict each other" {
    mqmk "$mq"
    expect 64 mqsend -0 -J "$mq"
    says "--null"
    expect 64 mqrecv -0 -L "$mq"
    one_line_from mqrecv
}

@test "a directory, a FIFO, a link or a socket planted where a segment should be" {
    needs_namespace
    mkdir /dev/shm/directory
    mkfifo /dev/shm/fifo
    ln -s /etc/passwd /dev/shm/link
    for name in directory fifo link; do
        expect 1 timeout 10 shmcat "posix-shm:/$name"
        one_line_from shmcat
        expect 1 timeout 10 shmmk "posix-shm:/$name" 4096
        one_line_from shmmk
        expect 1 timeout 10 shmmk --reuse "posix-shm:/$name" 4096
        expect 1 timeout 10 shmcat -i /etc/hostname "posix-shm:/$name"
        expect 1 timeout 10 shmrm "posix-shm:/$name"
    done
    [ -d /dev/shm/directory ] && [ -p /dev/shm/fifo ] && [ -L /dev/shm/link ]
    expect 0 timeout 10 ipcls --raw --noheadings -o ADDRESS
    [[ $output != *-shm:* ]]
}

@test "a FIFO or a directory where a file should be" {
    mkfifo "$scratch/fifo"
    for path in "$scratch" "$scratch/fifo" /dev/zero; do
        expect 1 timeout 10 shmcat "file:$path"
        one_line_from shmcat
    done
}

@test "a writer that waits at a FIFO is not disturbed by looking" {
    needs_namespace
    mkfifo /dev/shm/fifo
    in_background bash -c "echo content > /dev/shm/fifo"
    writer=$!
    wait_until sleeps "$writer"
    ipcls > /dev/null
    run timeout 10 shmcat posix-shm:/fifo
    kill -0 "$writer"
    [ "$(timeout 10 cat /dev/shm/fifo)" = content ]
}

@test "control characters and newlines in names reach no terminal" {
    needs_namespace
    name=$(printf 'a\033[2J\nb\tc\r\302\233d')
    head -c 100 /dev/zero > "/dev/shm/$name"
    expect 0 ipcls
    ! printf '%s' "$output" | tr -d '\n' | grep -q '[[:cntrl:]]'
    expect 0 ipcls --raw --noheadings -o ADDRESS '*-shm:*'
    [ "${#lines[@]}" -eq 1 ]
    address=$output
    expect 0 shmcat "$address"
    expect 0 shmcat "posix-shm:/$name"
    expect 1 shmcat "posix-shm:/$name-nonesuch"
    one_line_from shmcat
    ! printf '%s' "$stderr" | grep -q '[[:cntrl:]]'
    expect 0 shmrm "$address"
    [ -z "$(ls -A /dev/shm)" ]
    expect 64 shmcat "$(printf '\033]0;title\007:/x')"
    ! printf '%s' "$stderr" | grep -q '[[:cntrl:]]'
}

@test "a name as long as the system allows, and one byte longer" {
    longest=$(printf 'n%.0s' {1..255})
    longest=${longest:${#unique}}$unique
    expect 0 shmmk "posix-shm:/$longest" 10
    rm "/dev/shm/$longest"
    expect 64 shmmk "posix-shm:/n$longest" 10
    one_line_from shmmk
    expect 64 mqmk "posix-mq:/n$longest"
    one_line_from mqmk
    expect 0 semlock "posix-sem:/${longest:8}" -- true
    expect 64 semlock "posix-sem:/${longest:7}" -- true
    expect 0 semlock "mutex:/${longest:6}" -- true
    expect 64 semlock "mutex:/${longest:5}" -- true
}

@test "closed standard output and /dev/full are errors of every command that prints" {
    printf x | shmmk "$shm" -i -
    mqmk "$mq"
    for line in "ipcls" "ipcls --limits" "ipcls --plugins" "ipcls -J" "shmcat $shm" "shmcat -x $shm" "shmword $shm u8@0" "shmmk --help"; do
        for target in '>&-' '> /dev/full'; do
            run bash -c "$line 2>&1 $target"
            [ "$status" -eq 1 ] || { echo "$line $target: $status $output"; return 1; }
            [[ $output == "${line%% *}: "* ]] || { echo "$line $target: $output"; return 1; }
        done
    done
}

@test "a message is not lost to /dev/full" {
    for address in "$mq" "$sysv_mq"; do
        mqmk "$address"
        mqsend "$address" precious
        run bash -c "mqrecv $address 2>&1 > /dev/full"
        [ "$status" -eq 1 ]
        [ "$(mqrecv -n "$address")" = precious ] || [[ $output == *precious* ]]
    done
}

@test "SIGPIPE ends every lister quietly" {
    for command in ipcls "ipcls --help" "ipcls -J" "ipcls --plugins"; do
        run bash -c "{ $command; } 2>&1 >/dev/full | true; { $command 2>'$scratch/said'; } | true"
        [ ! -s "$scratch/said" ] || { cat "$scratch/said"; return 1; }
    done
}

@test "a % without two hexadecimal digits is no address" {
    for command in "shmmk posix:/a%zz 1" "shmcat posix:/a%" "ipcls posix-shm:/a%1" "ipcls a%1" "shmrm posix:/a%g0" "mqmk posix:/%" "ipcwatch -b -n 1 posix-shm:/a%1"; do
        expect 64 $command
        one_line_from "${command%% *}"
        says "write %25"
    done
    expect 64 ipcwatch -b -n 1 nonesuch:/x
    says "there is no mechanism"
}
