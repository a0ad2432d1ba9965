#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
load screen

make_objects() {
    shmmk "$shm" 64K > /dev/null
    mqmk "$mq" > /dev/null
    mqsend "$mq" one two three
}

@test "the screen shows objects, limits and the keys" {
    make_objects
    open_screen 100 24 ipcwatch -d 0.1
    shows "$shm"
    shows "$mq"
    shows 'queues '
    shows 'F1 Help'
    shows 'q Quit'
}

@test "q ends it, and the terminal is as it was" {
    open_screen 80 24 ipcwatch
    shows 'F1 Help'
    press q
    shows 'status 0'
    is_restored
}

@test "SIGINT, SIGTERM, SIGHUP and SIGQUIT give the terminal back" {
    local number
    for number in 2 15 1 3; do
        open_screen 80 24 ipcwatch
        shows 'F1 Help'
        kill -"$number" "$(watcher)"
        shows "status $((128 + number))"
        is_restored
        tmux_here kill-server
        wait_until eval '! tmux_here has-session 2>/dev/null'
    done
}

@test "a crash gives the terminal back" {
    local signal
    for signal in SEGV ABRT; do
        open_screen 80 24 env ASAN_OPTIONS=abort_on_error=1 ipcwatch
        shows 'F1 Help'
        kill -"$signal" "$(watcher)"
        shows 'status 1'
        is_restored
        tmux_here kill-server
        wait_until eval '! tmux_here has-session 2>/dev/null'
    done
}

@test "suspended it gives the terminal back, resumed it draws again" {
    open_screen 80 24 ipcwatch -d 0.1
    shows 'F1 Help'
    press C-z
    shows 'status 148'
    is_restored
    press -l 'fg'
    press Enter
    shows 'F1 Help'
    press q
    shows 'ipcwatch'
    hides 'F1 Help'
    is_restored
}

@test "an object that comes is shown, one that goes is not" {
    open_screen 100 24 ipcwatch -d 0.1
    shows '0 objects'
    make_objects
    shows "$mq"
    mqrm "$mq"
    hides "$mq"
    shows "$shm"
}

@test "depth, its change and its history" {
    make_objects
    open_screen 120 24 ipcwatch -d 1.5 -o ADDRESS,DEPTH,CHANGE,HISTORY
    shows '███'
    mqsend "$mq" four five
    shows ' +2 '
    shows '▅█'
}

@test "without UTF-8 only ASCII is drawn" {
    make_objects
    open_screen 120 24 env LC_ALL=C ipcwatch -d 0.1
    shows '####'
    ! screen | LC_ALL=C grep -q '[^ -~]'
}

@test "Enter opens the details of the selected object and closes them" {
    make_objects
    hold posix-shm "${shm#*:}"
    open_screen 100 40 ipcwatch -d 0.1
    shows "$shm"
    press End Enter
    shows 'BIRTH'
    shows "$holder  hold "
    shows 'read, write'
    press Enter
    hides 'BIRTH'
}

@test "who waits is told in the details" {
    mqmk "$mq" > /dev/null
    in_background mqrecv "$mq"
    wait_until sleeps $!
    open_screen 100 40 ipcwatch -d 0.1
    shows "$mq"
    press i
    shows 'to receive'
}

@test "who has a lock and who waits for it is told in the table and in the details" {
    in_background semlock "$mutex" -- sleep 1000
    holder=$!
    wait_until eval "! semlock -n -q '$mutex' -- true"
    open_screen 160 40 ipcwatch -d 0.1 "$mutex"
    shows 'LOCKED-BY'
    shows "$holder semlock"
    press i
    shows 'has it locked since'
    in_background semlock "$mutex" -- true
    shows 'to lock'
    shows 'waits to lock it since'
    kill "$holder" $!
    hides 'LOCKED-BY'
}

@test "the selection stays with its object when rows are inserted above" {
    shmmk "posix-shm:/m-selected$unique" 4K > /dev/null
    open_screen 100 40 ipcwatch -d 0.1
    press i
    shows 'BIRTH'
    shmmk "posix-shm:/a-earlier$unique" 4K > /dev/null
    shows "a-earlier$unique"
    is_selected "posix-shm:/m-selected$unique"
    shmrm "posix-shm:/a-earlier$unique" "posix-shm:/m-selected$unique"
}

@test "F6 sorts by a chosen column, I inverts" {
    shmmk "posix-shm:/small$unique" 4K > /dev/null
    shmmk "posix-shm:/tall$unique" 64K > /dev/null
    open_screen 100 40 ipcwatch -d 0.1
    shows "small$unique"
    press F6
    shows 'Sort by'
    press Down Down Down Down Enter
    shows 'SIZE▼'
    [[ $(screen) == *"tall$unique"*"small$unique"* ]]
    press I
    shows 'SIZE▲'
    [[ $(screen) == *"small$unique"*"tall$unique"* ]]
    press '>'
    shows 'USED▼'
    press '<'
    shows 'SIZE▼'
    shmrm "posix-shm:/small$unique" "posix-shm:/tall$unique"
}

@test "a search selects, n goes on" {
    make_objects
    open_screen 100 40 ipcwatch -d 0.1 -o ADDRESS
    shows "$shm"
    press i /
    shows 'Search:'
    press f r a m e
    shows 'Search: frame'
    press Enter
    wait_until is_selected "$shm"
    press n
    wait_until is_selected "$shm"
    press / x y Enter
    shows 'is in no object shown'
}

@test "a filter hides the others, says so, and a word behind ! turns it round" {
    make_objects
    open_screen 100 24 ipcwatch -d 0.1
    shows "$shm"
    press '\'
    shows 'Filter:'
    press -l jobs
    hides "$shm"
    shows "$mq"
    press Enter
    shows '(1 of 2 shown'
    press '\' C-u
    press -l '!jobs'
    press Enter
    shows "$shm"
    hides "$mq"
}

@test "Z holds the picture" {
    open_screen 100 24 ipcwatch -d 0.1
    shows '0 objects'
    press Z
    shows 'PAUSED'
    make_objects
    press C-l
    shows '0 objects'
    press Z
    shows "$shm"
}

@test "removal asks, and n keeps" {
    make_objects
    open_screen 100 24 ipcwatch -d 0.1 "$shm"
    shows "$shm"
    press F9
    shows "Remove $shm?"
    press n
    shows 'stays'
    ipcls "$shm"
    press k
    shows "Remove $shm?"
    press y
    shows 'is removed'
    expect 1 ipcls "$shm"
}

@test "what is held goes only by a second step" {
    make_objects
    hold posix-shm "${shm#*:}"
    open_screen 100 24 ipcwatch -d 0.1 "$shm"
    shows "$shm"
    press k
    shows "$holder hold"
    press y
    shows 'f remove it all the same'
    press y
    shows 'stays'
    ipcls "$shm"
    press k
    shows "Remove $shm?"
    press y
    shows 'f remove it all the same'
    press f
    shows 'is removed'
    [ ! -e "/dev/shm/${shm#*:}" ]
}

@test "readonly offers no removal" {
    make_objects
    open_screen 100 40 ipcwatch -d 0.1 --readonly
    shows "$shm"
    hides 'F9'
    press k F9
    press F1
    shows 'this page'
    hides 'remove'
    ipcls "$shm"
}

@test "every size of terminal is survived, with every pane" {
    make_objects
    open_screen 80 24 ipcwatch -d 0.05
    shows "$shm"
    local key
    for key in i F1 F6 F9 / '\'; do
        resize 80 24
        shows 'F1 Help'
        press "$key"
        resize 10 3
        resize 1 1
        resize 2 40
        resize 200 2
        resize 80 24
        watcher_runs
        press Enter C-l
    done
    shows 'F1 Help'
    press q
    shows 'status 0'
}

@test "names cannot act on the terminal" {
    printf x > "/dev/shm/$(printf 'a\033[2J\nb\xe2\x80\xaec')$unique"
    open_screen 100 24 ipcwatch -d 0.1
    shows '%1B%5B2J'
    press i
    shows 'BIRTH'
}

@test "-n ends it after so many samples" {
    open_screen 80 24 ipcwatch -n 2 -d 0.1
    shows 'status 0'
    is_restored
}

@test "a terminal that cannot show a screen is refused" {
    open_screen 80 24 env TERM=nonsense ipcwatch
    shows 'of type "nonsense"'
    shows 'status 1'
}
