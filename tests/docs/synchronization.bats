# SPDX-License-Identifier: MIT
# ipc-synchronization(7) is held to what the commands do: every example in it is typed, every count is counted.
load ../cli/helper

prepare() {
    page=$IPCUTILS_SOURCE_DIR/man/ipc-synchronization.7
    programs=$IPCUTILS_TEST_PROGRAMS
}

# What the page shows of a terminal: commands behind "$ " and "> ", and what they print.
shown() { sed -n '/^\.Bd -literal/,/^\.Ed/{/^\./d;s/^\\&//;s/\\e/\\/g;p}' "$page"; }

# A script that shows each of these commands and then runs it.
typed() {
    shown | awk '
        function finish() { if (command) printf "cat <<\"@shown@\"\n%s@shown@\n%s", text, command }
        /^\$ / { finish(); command = text = "" }
        /^[$>] / { text = text $0 "\n"; command = command substr($0, 3) "\n" }
        END { finish() }'
}

@test "the examples, typed one after the other, print what the page says" {
    needs_namespace
    unshare -rim true 2>/dev/null || skip "this machine allows no further namespaces"
    typed > "$scratch/session"
    mkdir "$scratch/empty"
    # The shell itself tells of its children that were killed.
    (cd "$scratch/empty" && timeout 120 bash "$scratch/session" 2>&1 < /dev/null) |
        sed '/^[^ ]*session: line [0-9]*: *[0-9]* Killed/d' > "$scratch/printed"
    diff <(shown) "$scratch/printed"
    [ "$(grep -c '^\$ ' "$scratch/printed")" -gt 40 ]
    # And they leave nothing behind.
    [ -z "$(ls /dev/shm)" ]
    [ "$(tail -n +2 /proc/sysvipc/sem)" = "" ]
}

# figure MECHANISM COLUMN: what the table of costs says.
figure() {
    local row
    row=$(grep -m 1 "^\.It Li $1 Ta Xr" "$page")
    awk -F ' Ta ' -v column="$2" '{ print $column }' <<< "$row"
}

# crossings PROGRAM WORD...: how often 40 rounds, the last word, enter the kernel to lock and unlock, for one of them.
crossings() {
    local calls=all count
    [[ $1 != */bare_locks ]] || calls=futex,semop,semtimedop,flock,fcntl # and not those that find out who sleeps
    for count in 1 41; do
        strace -f -o "$scratch/calls-$count" -e "trace=$calls" "$@" "$count" || return 1
        grep -v -e resumed -e '^[0-9]* *[-+]' "$scratch/calls-$count" | wc -l > "$scratch/count-$count"
    done
    echo $((($(cat "$scratch/count-41") - $(cat "$scratch/count-1")) / 40))
}

needs_strace() {
    [ "$IPCUTILS_SANITIZE" != ON ] || skip "a sanitizer adds system calls of its own"
    strace -o /dev/null true 2>/dev/null || skip "strace is missing or not permitted"
}

@test "a lock enters the kernel as often as the page says: of a program, free and contended" {
    needs_strace
    for mechanism in posix-sem sysv-sem mutex flock ofd; do
        free=$(crossings "$programs/bare_locks" "$mechanism" free)
        contended=$(crossings "$programs/bare_locks" "$mechanism" contended)
        echo "$mechanism: $free free, $contended contended; the page: $(figure "$mechanism" 3), $(figure "$mechanism" 4)"
        [ "$free" = "$(figure "$mechanism" 3)" ]
        [ "$contended" = "$(figure "$mechanism" 4)" ]
    done
}

@test "a lock enters the kernel as often as the page says: as semlock keeps it" {
    needs_strace
    export IPC_PLUGIN_PATH=$IPCUTILS_BUILD_DIR/$IPCUTILS_LIBDIR/ipcutils
    for gate in "posix-sem $sem" "sysv-sem $sysv_sem" "mutex $mutex" "flock $flock" "ofd $flock?type=ofd"; do
        mechanism=${gate%% *}
        "$programs/lock_rounds" "${gate#* }" 1
        kept=$(crossings "$programs/lock_rounds" "${gate#* }")
        echo "$mechanism: $kept; the page: $(figure "$mechanism" 5)"
        [ "$kept" = "$(figure "$mechanism" 5)" ]
    done
}

@test "a holder that was killed in another process namespace: the kernel lets go, a list of holders does not" {
    needs_namespace
    unshare -p --fork --mount-proc true 2>/dev/null || skip "this machine allows no further namespaces"
    for gate in "$sem" "$sysv_sem" "$mutex" "$flock"; do
        in_background unshare -p --fork --kill-child --mount-proc semlock "$gate" -- sleep 1000
        holder=$!
        wait_until eval "! semlock -n -q '$gate' -- true"
        kill -KILL "$holder"
        case $gate in
        sysv-sem:* | flock:*) expect 0 semlock -w 20 "$gate" -- true ;;
        *)
            wait_until eval '! own_pgrep -x sleep'
            expect 2 semlock -w 0.2 "$gate" -- true
            expect 1 semrm "$gate"
            says "another process namespace"
            expect 0 semrm --force "$gate"
            expect 0 semlock -n "$gate" -- true
            ;;
        esac
    done
}

@test "the pages of synchronization refer to each other" {
    for file in {semlock,semmk,sempost,semrm,semwait,shmword}.1 ipc-{flock,mutex,posix-sem,sysv-sem}.7 ipcutils.7; do
        grep -q '^\.Xr ipc-synchronization 7' "$IPCUTILS_SOURCE_DIR/man/$file" || { echo "$file does not"; return 1; }
        grep -q "^\.Xr ${file%.*} ${file##*.}" "$page" || { echo "$page does not name $file"; return 1; }
    done
}
