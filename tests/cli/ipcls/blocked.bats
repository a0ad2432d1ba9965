# SPDX-License-Identifier: MIT
# Who has what locked, who waits for it, and who waits for whom.
load ../helper

prepare() {
    gates=("$sem" "$sysv_sem" "$mutex" "$flock" "$flock-ofd?type=ofd")
    listed=("$sem" "$sysv_sem" "$mutex" "$flock" "$flock-ofd") # the same, as they are listed
    printf -v listed[1] 'sysv-sem:0x%08x' "${sysv_sem#*:}"
    segment=/${shm#*:/}
}

# ipcls --blocked: its rows, and its column N.
blocked() { ipcls --blocked --raw --noheadings "$@" 2>/dev/null; }
blocked_column() { local column=$1; shift; blocked "$@" | cut -d' ' -f"$column"; }

# Start tests/cli/words.c; its process is $words, a line to $scratch/WORDS-ask lets it go on.
words() {
    local fifo=$scratch/words-${#background[@]} line
    mkfifo "$fifo-said" "$fifo-ask"
    in_background bash -c 'exec "$IPCUTILS_TEST_PROGRAMS/words" "${@:2}" > "$1-said" < <(cat "$1-ask")' words "$fifo" "$@"
    words=$!
    ask=$fifo-ask
    read -r line < "$fifo-said"
    [ "$line" = ready ] || return 1
}

# A lock that one has and another one waits for: $holder, $waiter.
contend() {
    in_background semlock "$1" -- sleep 1000
    holder=$!
    wait_until eval "! semlock -n -q '$1' -- true"
    in_background semlock "$1" -- true
    waiter=$!
}

mutexes() {
    shmmk "$shm" 4096
    "$IPCUTILS_TEST_PROGRAMS/words" init "$segment"
}

@test "of every mechanism is told who waits, for what, and who has it" {
    for i in "${!gates[@]}"; do
        contend "${gates[i]}"
        # The command runs as semlock's process, or as a child of it.
        locked_by=$(cells LOCKED-BY "${listed[i]}")
        grep -q -w -F -e "$holder" -e "$(pgrep -x -P "$holder" sleep)" <<< "$locked_by"
        # In one look: some who wait wake up from time to time.
        row="$waiter semlock lock ${listed[i]} - $locked_by"
        wait_until eval '[ "$(blocked_column 1-4,6,7 "${gates[i]%\?*}")" = "$row" ]'
        wait_until eval "[ \"\$(cells VALUE,WAITERS '${listed[i]}')\" = '0 1' ]"
        kill "$holder" "$waiter"
        wait_until eval "[ -z \"\$(blocked '${listed[i]}')\" ]"
    done
}

@test "when it was locked is told where that is known" {
    for gate in "$sem" "$sysv_sem" "$mutex"; do
        before=$(date +%s)
        in_background semlock "$gate" -- sleep 1000
        wait_until eval "! semlock -n -q '$gate' -- true"
        since=$(ipcls -J -o SINCE "$gate" | sed -n 's/.*"since": "\(.*\)"/\1/p')
        since=$(date -d "$since" +%s)
        [ "$since" -ge $((before - 1)) ]
        [ "$since" -le $(($(date +%s) + 1)) ]
    done
    for gate in "$mutex"; do
        kill "$!"
        wait_until eval "semlock -n -q '$gate' -- true"
        [ "$(cells SINCE,LOCKED-BY "$gate")" = "- -" ]
    done
}

# Each has one and waits for the other's; the second argument is locked inside of the first.
lock_both() {
    in_background semlock "$1" -- bash -c 'touch "$2"; until [ -e "$3" ]; do sleep 0.02; done; semlock "$1" -- true' \
        both "$2" "$3" "$4"
}

@test "two that wait for each other are a cycle, by every mechanism" {
    for gate in "${gates[@]}"; do
        other=${gate/\?/-other?}
        [[ $gate != *'?'* ]] && other=$gate-other
        [ "${gate%%:*}" != sysv-sem ] || other=sysv-sem:$((${gate#*:} + 1))
        rm -f "$scratch/first" "$scratch/second"
        lock_both "$gate" "$other" "$scratch/first" "$scratch/second"
        first=$!
        lock_both "$other" "$gate" "$scratch/second" "$scratch/first"
        second=$!
        # Two with the same number, in one look.
        is_cycle() { [ "$(blocked_column 6 "${gate%%:*}:*" | grep '^[1-9]' | uniq -c | tr -s ' ' | cut -d' ' -f2)" = 2 ]; }
        wait_until is_cycle
        kill "$first" "$second"
        wait_until eval "[ -z \"\$(blocked '${gate%%:*}:*')\" ]"
        [ "${gate%%:*}" = flock ] || semrm --force "$other"
    done
}

@test "robust mutexes in a plain segment show who has them, and who waits in a circle" {
    mutexes
    words lock "$segment" 64 128
    first=$words first_ask=$ask
    words lock "$segment" 128 64
    second=$words second_ask=$ask
    [ "$(cells LOCKED-BY "$shm")" = "$(printf '%s\\x20words,\\x20%s\\x20words' $(printf '%s\n' $first $second | sort -n))" ]
    [ -z "$(blocked "$shm")" ]
    echo > "$first_ask"
    wait_until eval "[ \"\$(blocked_column 1,3,4,6,7 '$shm')\" = '$first lock $shm+128 - $second\\x20words' ]"
    echo > "$second_ask"
    wait_until eval "[ \"\$(blocked_column 6 '$shm' | paste -sd,)\" = 1,1 ]"
    blocked_column 1,4,7 "$shm" | grep -qFx "$second $shm+64 $first\\x20words"
    expect 0 ipcls --blocked -J "$shm"
    [ "$(grep -c '"cycle": 1' <<< "$output")" -eq 2 ]
    [ "$(grep -c '"offset": 128' <<< "$output")" -eq 2 ]
}

@test "who sleeps at a word that nobody has locked waits at a word" {
    shmmk "$shm" 4096
    words sleep "$segment" 260
    wait_until eval "[ \"\$(blocked_column 1,3,4,6,7 '$shm')\" = '$words word $shm+260 - -' ]"
    [[ $(cells HOLDERS "$shm") == *'waits\x20at\x20a\x20word'* ]]
    kill "$words"
    words sleepv "$segment" 8
    wait_until eval "[ \"\$(blocked_column 4 '$shm')\" = '$shm+8' ] || ! kill -0 $words 2>/dev/null"
}

@test "lists of mutexes that lead in a circle or nowhere hold nobody up" {
    mutexes
    words cycle "$segment" 64
    circle=$words
    words wild "$segment" 128
    expect 0 timeout 20 ipcls "$shm"
    [ "$(cells LOCKED-BY "$shm")" = "$circle\\x20words" ]
    expect 0 timeout 20 ipcls --blocked
}

@test "parts of a file that fcntl locks are told apart" {
    file=$scratch/parts
    words file "$file" 0 10
    first=$words first_ask=$ask
    words file "$file" 10 0
    second=$words
    [ "$(cells ADDRESS,VALUE,DETAIL "flock:$file")" = "flock:$file 0 posix" ]
    [ "$(cells ADDRESS,DETAIL 'flock:*' | grep -F "$file")" = "flock:$file posix" ]
    echo > "$first_ask"
    wait_until eval "[ \"\$(blocked_column 1,4,7 'flock:$file')\" = '$first flock:$file+10 $second\\x20words' ]"
}

@test "locks are listed by the file's name, and by device and inode where nobody is seen to have it open" {
    needs_nobody
    chmod 755 "$scratch"
    in_background flock "$scratch/name" sleep 1000
    wait_until eval "ipcls --raw --noheadings -o ADDRESS 'flock:*' 2>/dev/null | grep -qFx 'flock:$scratch/name'"
    inode=$(stat -c %i "$scratch/name")
    [ -n "$(as_nobody ipcls --raw --noheadings -o ADDRESS 'flock:*' 2>/dev/null | grep -E "^flock:[0-9a-f]+:[0-9a-f]+:$inode$")" ]
}

@test "an ordinary user sees what his own processes lock and wait for" {
    needs_nobody
    chmod 777 "$scratch"
    as_nobody semlock "$sem" -- true
    in_background "${nobody[@]}" semlock "$sem" -- sleep 1000
    wait_until eval "! as_nobody semlock -n -q '$sem' -- true"
    in_background "${nobody[@]}" semlock "$sem" -- true
    waiter=$!
    wait_until eval "[ \"\$(as_nobody ipcls --blocked --raw --noheadings '$sem' 2>/dev/null | cut -d' ' -f1)\" = $waiter ]"
    [[ $(as_nobody ipcls --raw --noheadings -o LOCKED-BY "$sem" 2>/dev/null) == *sleep* ]]
}

@test "looking changes neither values nor waiters nor locks nor times" {
    mutexes
    words lock "$segment" 64 128
    for gate in "$sysv_sem" "$mutex" "$flock"; do contend "$gate"; done
    semmk "$sem" 0
    in_background semwait "$sem"
    wait_until eval "[ \"\$(cells WAITERS '$sem')\" = 1 ]"
    picture() {
        od -c "/dev/shm/mutex.${mutex#*:/}" "/dev/shm/$segment"
        stat -c '%n %x %y %z' /dev/shm/"${segment#/}" "/dev/shm/mutex.${mutex#*:/}" "${flock#*:}"
        grep -F ":$(stat -c %i "${flock#*:}") " /proc/locks | cut -d: -f2-
        ipcs -s -i "$(cells ID "$sysv_sem")"
        cells ADDRESS,VALUE,WAITERS,LOCKED-BY "$sem" "${listed[@]:1:3}"
    }
    picture > /dev/null # which reads, and by that sets times of access
    before=$(picture)
    ipcls > /dev/null
    ipcls --blocked > /dev/null
    after=$(picture)
    [ "$before" = "$after" ] || { diff <(echo "$before") <(echo "$after"); return 1; }
}

@test "nobody waits is status 0 and no row, what does not exist is an error, -o and --limits are refused" {
    shmmk "$shm" 4096
    expect 0 ipcls --blocked --raw --noheadings "$shm"
    prints ""
    expect 1 ipcls --blocked "$shm-none"
    says "$shm-none"
    expect 64 ipcls --blocked --limits
    expect 64 ipcls --blocked -o PIDS
    expect 64 ipcls --blocked nonesuch:/x
}
