# SPDX-License-Identifier: MIT
load ../helper

prepare() {
    path=$scratch/socket
    unix=unix:$path
    peer=$IPCUTILS_TEST_PROGRAMS/peer
}

# It is bound a moment earlier, and refuses connections then.
listening() { cells DETAIL "$unix" | grep -qE 'accepted|^dgram'; }
receive() {
    in_background bash -c 'exec mqrecv "$@" > "$0/out" 2> "$0/said"' "$scratch" "$@"
    receiver=${background[-1]}
}
received() { [ "$(cat "$scratch/out")" = "$1" ]; }

@test "other programs can be the sender and the receiver" {
    receive -f "$unix"
    wait_until listening
    printf 'one\ntwo\n' | "$peer" send stream "$path"
    wait_until received $'one\ntwo'
    in_background bash -c 'exec "$0" receive "$1" > "$2"' "$peer" "$path.other" "$scratch/printed"
    printf 'a\nb\n' | mqsend -w 20 "unix:$path.other"
    printed() { [ "$(cat "$scratch/printed" 2>/dev/null)" = $'a\nb' ]; }
    wait_until printed
}

@test "the socket's file has exactly the mode that was asked for, and goes with its receiver" {
    umask 0
    receive -f "$unix"
    wait_until listening
    [ "$(stat -c %a "$path")" = 600 ]
    kill -TERM "$receiver"
    wait "$receiver" || [ $? -eq 143 ]
    [ ! -e "$path" ]
    umask 077
    receive -f "$unix?mode=0666"
    wait_until listening
    [ "$(stat -c %a "$path")" = 666 ]
    expect 64 mqrecv "$unix?mode=9"
    expect 64 mqrecv "unix:@x?mode=0600"
}

@test "the file goes too when nobody reads what is received" {
    in_background bash -c '{ mqrecv -f "$0"; } | true' "$unix"
    wait_until listening
    mqsend "$unix" x
    gone() { [ ! -e "$path" ]; }
    wait_until gone
}

@test "a dead receiver's socket is replaced" {
    receive -f "$unix"
    wait_until listening
    kill -KILL "$receiver"
    wait "$receiver" || true
    [ -S "$path" ]
    expect 2 mqsend -n "$unix" x
    says "nobody receives"
    receive -f "$unix"
    mqsend -w 20 "$unix" again
    wait_until received again
}

@test "a live one's socket never is, and who has it is said" {
    for type in stream seqpacket dgram; do
        receive -f "$unix?type=$type"
        wait_until listening
        for other in stream seqpacket dgram; do
            expect 1 mqrecv -n "$unix?type=$other"
            says "in use"
        done
        [ "$type" = dgram ] || { mqrecv -n "$unix?type=$type" 2>&1 || true; } | grep -q "by process $receiver "
        mqsend "$unix?type=$type" still
        wait_until received still
        kill -TERM "$receiver"
        wait "$receiver" || true
    done
}

@test "a receiver does not remove the socket of the next one" {
    receive -f "$unix"
    wait_until listening
    rm "$path"
    first=$receiver
    receive -f "$unix"
    wait_until listening
    kill -TERM "$first" 2>/dev/null || true # it may have noticed already that nobody finds it any more
    wait "$first" || true
    mqsend "$unix" second
    wait_until received second
}

@test "what is no socket is named, and not replaced" {
    echo kept > "$path"
    expect 1 mqrecv -n "$unix"
    says "a regular file"
    expect 1 mqsend -n "$unix" x
    says "a regular file"
    expect 1 mqrm "$unix"
    [ "$(cat "$path")" = kept ]
    ln -s "$path.elsewhere" "$path.link"
    expect 1 mqrecv -n "$unix.link"
    says "a symbolic link"
    [ ! -e "$path.elsewhere" ]
}

@test "abstract names are in no directory" {
    abstract=unix:@ipcutils-$$-$BATS_TEST_NUMBER
    receive -f "$abstract"
    mqsend -w 20 "$abstract" unseen
    wait_until received unseen
    expect 1 mqrecv -n "$abstract"
    says "in use by process $receiver "
    expect 1 mqrm --force "$abstract"
    says "goes with the process"
}

@test "seqpacket and dgram keep records apart, newlines and emptiness included" {
    for type in seqpacket dgram; do
        receive -f --format '[%p]' "$unix?type=$type"
        wait_until listening
        mqsend "$unix?type=$type" $'two\nlines' "" last
        printf 'x\n\ny\n' | "$peer" send "$type" "$path"
        wait_until received $'[two\nlines]\n[]\n[last]\n[x]\n[]\n[y]'
        kill -TERM "$receiver"
        wait "$receiver" || true
    done
}

@test "descriptors that come with a record are not kept" {
    receive -f "$unix?type=dgram"
    wait_until listening
    open_files() { ls "/proc/$receiver/fd" | wc -l; }
    mqsend "$unix?type=dgram" first
    wait_until received first
    before=$(open_files)
    "$peer" pass "$path" 50
    passed() { [ "$(grep -c passed "$scratch/out")" -eq 50 ]; }
    wait_until passed
    [ "$(open_files)" -eq "$before" ]
}

@test "another type than the receiver's is an error that names the parameter" {
    receive -f "$unix?type=seqpacket"
    wait_until listening
    expect 1 mqsend "$unix" x
    says "?type="
    expect 64 mqsend "$unix?type=raw" x
    says "stream, seqpacket or dgram"
}

@test "a receiver whose backlog is full makes senders wait, or give up" {
    mkfifo "$scratch/ready"
    in_background bash -c 'exec "$0" busy "$1" > "$2"' "$peer" "$path" "$scratch/ready"
    read -r line < "$scratch/ready"
    fill() { ! mqsend -n "$unix" x 2> "$scratch/said"; }
    wait_until fill
    expect 2 mqsend -n "$unix" x
    says "to be accepted"
    expect 2 mqsend -w 0.05 "$unix" x
    says "timed out"
}

@test "there is nothing to make before somebody receives" {
    expect 1 mqmk "$unix"
    says "start mqrecv"
}

@test "names that no socket can have are usage errors" {
    expect 64 mqsend "unix:$(printf '%0120d' 1)" x
    says "at most 107"
    expect 64 mqsend unix:@ x
    expect 64 mqsend "unix:$scratch/" x
    says "directory"
}

@test "ipcls shows who is at both ends and the bytes that wait" {
    receive -f "$unix"
    wait_until listening
    mqsend "$unix" first
    wait_until received first
    in_background bash -c '{ echo first; sleep 60; } | exec mqsend "$0"' "$unix"
    connected() { [[ $(cells HOLDERS "$unix") == *mqrecv*mqsend* || $(cells HOLDERS "$unix") == *mqsend*mqrecv* ]]; }
    wait_until connected
    expect 0 ipcls --raw --noheadings -b -o ADDRESS,USED,DETAIL "$unix"
    [[ $output == "$unix 0 stream"* ]]
    in_background bash -c '{ yes; } | exec mqsend "$0"' "$unix"
    filled() { [ "$(cells USED -b "$unix")" -gt 0 ] 2>/dev/null; }
    kill -CONT "$receiver"
    wait_until grep -q y "$scratch/out"
    kill -STOP "$receiver"
    wait_until filled
}

@test "a socket that was left behind is shown when asked for, and mqrm removes it" {
    receive -f "$unix"
    wait_until listening
    expect 1 mqrm "$unix"
    says "held by $receiver mqrecv"
    kill -KILL "$receiver"
    wait "$receiver" || true
    expect 0 ipcls --raw --noheadings -o ADDRESS,DETAIL "$unix"
    [[ $output == "$unix left"* ]]
    expect 0 mqrm "$unix"
    [ ! -e "$path" ]
}

@test "a socket is in use even where its process cannot be seen" {
    needs_nobody
    receive -f "$unix"
    wait_until listening
    chmod 755 "$scratch"
    expect 0 as_nobody ipcls --raw --noheadings -o STATE,ATTACHED,HOLDERS "$unix"
    [[ $output == "in\x20use 1"* ]]
    expect 1 as_nobody mqrm "$unix"
    says "in use"
    [ -S "$path" ]
}

@test "an abstract name forges no line and no escape sequence" {
    name=$'ipcutils\n\033[2J'$$
    receive -f "unix:@$name"
    mqsend -w 20 "unix:@$name" x
    cells ADDRESS 'unix:@ipcutils*' > "$scratch/listed"
    grep -q "^unix:@ipcutils%0A%1B%5B2J$$\$" "$scratch/listed"
    ! grep -q $'\033' "$scratch/listed"
}
