# SPDX-License-Identifier: MIT
load ../helper

prepare() {
    path=$scratch/jobs
    fifo=fifo:$path
}

@test "mqmk makes a FIFO, exclusively, with exactly the mode that was asked for" {
    umask 077
    expect 0 mqmk -m 0666 "$fifo"
    prints "$fifo"
    [ -p "$path" ]
    [ "$(stat -c %a "$path")" = 666 ]
    expect 1 mqmk "$fifo"
    says "already"
    expect 0 mqmk --reuse "$fifo"
    prints "$fifo"
    rm "$path"
    mqmk "$fifo"
    [ "$(stat -c %a "$path")" = 600 ]
}

@test "mqmk sets no limits and takes the place of nothing" {
    expect 1 mqmk --max-messages 3 "$fifo"
    says "mqrecv takes"
    [ ! -e "$path" ]
    touch "$path"
    expect 1 mqmk --reuse "$fifo"
    says "a regular file"
}

@test "what is no FIFO is named, and not touched" {
    echo kept > "$scratch/file"
    mkdir "$scratch/directory"
    mkfifo "$path"
    ln -s "$path" "$scratch/link"
    for each in "file:a regular file" "directory:a directory" "link:a symbolic link"; do
        for command in mqrecv "mqsend -n" "mqrm"; do
            expect 1 $command "fifo:$scratch/${each%%:*}" ${command/mq[!s]*/}
            says "${each#*:}"
        done
    done
    [ "$(cat "$scratch/file")" = kept ]
    expect 1 mqsend "fifo:$scratch/none" x
    says "create it with mqmk"
    expect 1 mqrecv "fifo:$scratch/none"
}

@test "the receiver waits across writers" {
    mqmk "$fifo" > /dev/null
    in_background bash -c 'exec mqrecv -f "$0" > "$1"' "$fifo" "$scratch/out"
    for line in one two three; do
        echo "$line" > "$path"
        wait_until grep -q "$line" "$scratch/out"
    done
    [ "$(cat "$scratch/out")" = $'one\ntwo\nthree' ]
}

@test "the receiver makes the pipe larger" {
    needs_root # others may have used up their limit
    mqmk "$fifo" > /dev/null
    in_background mqrecv -f "$fifo"
    size_is() { [ "$(cells SIZE -b "$fifo")" = "$1" ]; }
    wait_until size_is 262144
}

@test "?once=1 ends when the writers have gone" {
    mqmk "$fifo" > /dev/null
    in_background mqsend "$fifo" a b
    expect 0 mqrecv -f "$fifo?once=1"
    prints $'a\nb'
    in_background mqsend "$fifo" c
    expect 2 mqrecv -c 5 "$fifo?once=1"
    prints c
    says "once=1"
    expect 64 mqrecv "$fifo?once=maybe"
}

@test "a sender that fails inside a block says how many records of it went" {
    mqmk "$fifo" > /dev/null
    seq -f %064.0f 5000 > "$scratch/lines"
    in_background head -c 6500 "$path" # of the pipe's 64 KiB, the first 100 records
    expect 1 mqsend -w 20 -i "$scratch/lines" "$fifo"
    says "records sent before: "
    sent=${stderr##*: }
    [ "$sent" -ge 100 ]
    [ "$sent" -le 1200 ]
}

# This is the machine's first process namespace, whose inode the kernel has fixed.
sees_every_process() { [ "$(readlink /proc/self/ns/pid)" = "pid:[$((0xEFFFFFFC))]" ]; }

@test "mqrm removes a FIFO that nobody has open, by force where that cannot be seen" {
    mqmk "$fifo" > /dev/null
    in_background bash -c 'exec sleep 60 <> "$0"' "$path"
    sleeper=${background[-1]}
    held() { cells HOLDERS "$fifo" | grep -q "$sleeper"; }
    wait_until held
    expect 1 mqrm "$fifo"
    says "held by"
    kill "$sleeper"
    wait "$sleeper" || true
    if ! sees_every_process; then
        expect 1 mqrm "$fifo"
        says "is not known"
        force=--force
    fi
    expect 0 mqrm ${force-} "$fifo"
    [ ! -e "$path" ]
}

@test "ipcls shows both ends and the bytes that wait" {
    mkfifo "$path"
    in_background bash -c 'exec 3<> "$0"; printf 12345 >&3; exec sleep 60' "$path"
    writer=${background[-1]}
    in_background bash -c 'exec sleep 60 < "$0"' "$path"
    reader=${background[-1]}
    has_bytes() { [ "$(cells ADDRESS,SIZE,USED,MODE -b "$1")" = "$fifo 65536 5 0644" ]; }
    wait_until has_bytes "$fifo"
    has_bytes "fifo:$scratch/*"
    expect 0 ipcls -o HOLDERS --noheadings "$fifo"
    [[ $output == *"$writer sleep rw"* && $output == *"$reader sleep r"* ]]
}

@test "looking releases nobody who waits for the other end" {
    mkfifo "$path"
    in_background bash -c 'echo released > "$0"; echo gone > "$1"' "$path" "$scratch/gone"
    writer=${background[-1]}
    wait_until sleeps "$writer"
    in_background bash -c 'exec sleep 60 < "$0"' "$scratch/second"
    ipcls > /dev/null 2>&1 || true
    ipcls "$fifo" > /dev/null 2>&1 || true
    ipcls 'fifo:*' > /dev/null 2>&1 || true
    mqmk --reuse "$fifo" > /dev/null
    sleeps "$writer"
    [ ! -e "$scratch/gone" ]
    expect 0 mqrecv -w 20 "$fifo"
    prints released
}

@test "a name with control characters is made printable" {
    mkfifo "$scratch/a"$'\n\033'b
    in_background bash -c 'exec sleep 60 <> "$0"' "$scratch/a"$'\n\033'b
    held() { cells ADDRESS "fifo:$scratch/*" | grep -q .; }
    wait_until held
    expect 0 ipcls --raw --noheadings -o ADDRESS "fifo:$scratch/*"
    prints "fifo:$scratch/a%0A%1Bb"
}
