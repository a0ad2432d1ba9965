# SPDX-License-Identifier: MIT
# What the tests of commands share. `load ../helper` gives every test
#
#   $shm $sysv_shm $file $boost_shm $mq $sysv_mq $boost_mq $sem $sysv_sem $mutex $flock
#                                        one address of each mechanism, whose object does not exist yet
#   $other_shm $other_mq $other_sem $other_mutex $other_sysv_sem
#                                        a second one
#   $unique                              ends every further name that a test gives an object, as in posix-shm:/a$unique:
#                                        empty in a namespace, else what no other test has
#   $scratch                             an empty directory, removed afterwards
#   expect STATUS COMMAND...             run it; $output, $stderr; fails with both if the status is another
#   prints TEXT / says TEXT              what the last expect wrote on stdout is TEXT / on stderr contains TEXT
#   in_background COMMAND...             start it; $! is its process, ended after the test
#   wait_until COMMAND...                try again until it succeeds, at most 20 seconds
#   needs_namespace, needs_root          skip where the machine does not offer it
#   hold HOW NAME [thread]               start a process that maps or opens the object as any program would: $holder
#   cells COLUMNS PATTERN...             what ipcls lists, raw and without headings
#   elsewhere COMMAND...                 run it in a process namespace of its own, which sees no process but those within;
#                                        needs_elsewhere skips where there is none
#   resize_shm SIZE                      in a namespace: room in /dev/shm
#   own_pgrep OPTION... PATTERN          pgrep among the processes of this test file alone
#   sysvipc shm|msg|sem                  the line of /proc/sysvipc of $sysv_shm, $sysv_mq or $sysv_sem
#   as_nobody COMMAND...                 run it with the rights of somebody else; needs_nobody skips where that is not so;
#                                        in the background "${nobody[@]}", so that $! is its process
#
# Every object that a test made is gone after it. A test that needs more than its own objects (a list of all, an empty
# /dev/shm, a limit of the machine, a fixed name or port) begins with needs_namespace; every other one also runs where there
# is no namespace, beside others and beside whatever the machine does: IPCUTILS_SHARED=1 tries it.
bats_require_minimum_version 1.5.0

setup() {
    scratch=$(mktemp -d)
    background=()
    unique=""
    local key=0x51e other_key=0x51f
    if [ "${IPCUTILS_NAMESPACE-}" != inside ]; then
        unique=-test-$$-$BATS_TEST_NUMBER
        printf -v key '0x%x' $((($$ << 9 | BATS_TEST_NUMBER << 1) & 0x7fffffff | 0x40000000))
        printf -v other_key '0x%x' $((key | 1))
    fi
    shm=posix-shm:/frame$unique
    mq=posix-mq:/jobs$unique
    sysv_shm=sysv-shm:$key
    sysv_mq=sysv-mq:$key
    file=file:$scratch/table
    boost_shm=boost-shm:pool$unique
    boost_mq=boost-mq:work$unique
    sem=posix-sem:/gate$unique
    sysv_sem=sysv-sem:$key
    mutex=mutex:/gate$unique
    flock=flock:$scratch/lock
    other_shm=posix-shm:/other$unique
    other_mq=posix-mq:/other$unique
    other_sem=posix-sem:/other$unique
    other_mutex=mutex:/other$unique
    other_sysv_sem=sysv-sem:$other_key
    if declare -F prepare >/dev/null; then prepare; fi
}

teardown() {
    local process
    for process in "${background[@]}"; do kill -KILL "$process" 2>/dev/null || true; done
    wait 2>/dev/null || true
    if [ "${IPCUTILS_NAMESPACE-}" = inside ]; then
        remove_everything
    else
        remove_own
    fi
    rm -rf "$scratch"
}

# What bears the mark of this test.
remove_own() {
    local address
    rm -rf /dev/shm/*"$unique" /dev/shm/*"$unique"[.-]*
    for address in "$sysv_shm" "$sysv_mq" "$sysv_sem" "$other_sysv_sem"; do
        case $address in
        sysv-shm:*) ipcrm -M "${address#*:}" ;;
        sysv-mq:*) ipcrm -Q "${address#*:}" ;;
        sysv-sem:*) ipcrm -S "${address#*:}" ;;
        esac
    done 2>/dev/null || true
    # By name, since the queues can only be listed where /dev/mqueue is mounted, or by root.
    for address in "$mq" "$other_mq" "posix-mq:*$unique"; do mqrm --force "$address"; done 2>/dev/null || true
}

# Only ever inside a namespace of one's own.
remove_everything() {
    rm -rf /dev/shm/* /dev/shm/.[!.]*
    ipcrm -a 2>/dev/null || true
    mkdir -p "$scratch/mqueue"
    if mount -t mqueue mqueue "$scratch/mqueue" 2>/dev/null; then
        rm -f "$scratch"/mqueue/*
        umount "$scratch/mqueue"
    fi
}

expect() {
    local wanted=$1
    shift
    local anticipated=()
    [ "$wanted" -ne 127 ] || anticipated=(-127) # which bats takes for a mistake in the test
    run "${anticipated[@]}" --separate-stderr "$@"
    [ "$status" -eq "$wanted" ] && return 0
    printf 'command: %s\nstatus: %s, expected %s\nstdout: %s\nstderr: %s\n' \
        "$*" "$status" "$wanted" "$output" "$stderr"
    return 1
}

prints() {
    [ "$output" = "$1" ] && return 0
    printf 'stdout is: %q\nexpected:  %q\n' "$output" "$1"
    return 1
}

says() {
    [[ $stderr == *"$1"* ]] && return 0
    printf 'stderr is: %s\nand does not contain: %s\n' "$stderr" "$1"
    return 1
}

# An error is one line that begins with the name of the command.
one_line_from() {
    [[ $stderr == "$1: "* && $stderr != *$'\n'* ]] && return 0
    printf 'stderr is not one line of %s: %s\n' "$1" "$stderr"
    return 1
}

in_background() {
    "$@" 3>&- &
    background+=($!)
}

wait_until() {
    local deadline=$((SECONDS + 20))
    until "$@"; do
        [ $SECONDS -lt $deadline ] || { printf 'never came true: %s\n' "$*"; return 1; }
        sleep 0.02
    done
}

# The process sleeps in a system call, so that what it waits for has not come.
sleeps() { [ "$(cut -d' ' -f3 "/proc/$1/stat" 2>/dev/null)" = S ]; }

needs_namespace() {
    [ "${IPCUTILS_NAMESPACE-}" = inside ] || skip "needs an IPC and mount namespace of its own"
}

# In a namespace, let /dev/shm have that size. The options that it shows are those of the first namespace, which a user
# namespace does not take back.
resize_shm() { mount --options-mode=ignore -o "remount,size=$1" /dev/shm; }

needs_root() {
    [ "$(id -u)" -eq 0 ] || skip "needs root"
}

# In no namespace, the processes of the session that in_namespace began.
own_pgrep() {
    local session=()
    [ "${IPCUTILS_NAMESPACE-}" = inside ] || session=(--session 0)
    pgrep "${session[@]}" "$@"
}

sysvipc() {
    local address=sysv_$1
    [ "$1" != msg ] || address=sysv_mq
    awk -v key=$((${!address#*:})) '$1 == key' "/proc/sysvipc/$1"
}

cells() { ipcls --raw --noheadings -o "$@" 2>/dev/null; }

nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups --)
as_nobody() { "${nobody[@]}" "$@"; }

elsewhere() { unshare --pid --fork --kill-child --mount-proc -- "$@"; }
needs_elsewhere() {
    needs_namespace
    elsewhere true 2>/dev/null || skip "this machine allows no further process namespace"
}

# A process elsewhere that holds an object, and is seen to from here.
hold_elsewhere() {
    in_background unshare --pid --fork --kill-child --mount-proc -- "$IPCUTILS_TEST_PROGRAMS/hold" "$1" "$2" > "$scratch/elsewhere"
    wait_until grep -q ready "$scratch/elsewhere"
    rm "$scratch/elsewhere"
}

# Somebody who may not open the file behind a mapping either.
without_checkpoint() { setpriv --bounding-set=-checkpoint_restore,-sys_admin --inh-caps=-all -- "$@"; }

needs_nobody() {
    needs_root
    as_nobody true 2>/dev/null || skip "this user namespace has no other user"
    # By a shell, since setpriv itself still starts what only root may reach.
    as_nobody sh -c 'shmcat --version' >/dev/null 2>&1 || skip "the build directory is closed to others"
}

# See tests/cli/hold.c. The process is $holder.
hold() {
    local said=$scratch/held-${#background[@]} line
    mkfifo "$said"
    in_background bash -c 'exec "${hold:-$IPCUTILS_TEST_PROGRAMS/hold}" "$@" > "$0"' "$said" "$@"
    read -r line < "$said"
    [ "$line" = ready ] || return 1
    holder=${background[-1]}
}
