# SPDX-License-Identifier: MIT
# A list that could not be made in part says so, and ends with 1.
load ../helper

# The installed commands, in a place whose directories may be closed.
install_here() {
    place=$scratch/place
    bin=$(dirname "$(readlink -f "$(command -v ipcls)")")
    root=$(dirname "$bin")
    mkdir -p "$place"
    chmod 755 "$scratch" "$place"
    cp -r "$root/bin" "$root/lib" "$place"
    plugins=$(dirname "$(find "$place" -name ipc-posix-shm.so)")
    unset IPC_PLUGIN_PATH
}

needs_strace() {
    [ "$IPCUTILS_SANITIZE" != ON ] || skip "the leak sanitizer cannot be traced"
    command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null || skip "needs strace"
}

one_of_each() {
    shmmk "$shm" 4K
    mqmk "$mq"
    mqmk "$boost_mq"
    mqmk "ring:/feed$unique"
    shmmk "$boost_shm" 64K
    semmk "$sem"
    semmk "$mutex"
    shmmk "$sysv_shm" 4K
    mqmk "$sysv_mq"
    semmk "$sysv_sem"
} > /dev/null

@test "a plugin directory that cannot be read is no empty list" {
    needs_nobody
    install_here
    chmod 711 "$plugins"
    for options in "" --plugins --limits --blocked -J; do
        # shellcheck disable=SC2086 # words
        expect 1 as_nobody "$place/bin/ipcls" $options
        says "plugin directory"
        says "Permission denied"
    done
    expect 1 as_nobody "$place/bin/ipcls" posix-shm:/frame
    says "Permission denied"
}

@test "plugins that may not be reached are named, and the status is 1" {
    needs_nobody
    install_here
    chmod 744 "$plugins"
    expect 1 as_nobody "$place/bin/ipcls"
    says ipc-posix-shm.so
    for command in "mqsend posix:/q x" "shmcat posix:/q" "semwait posix:/q"; do
        # shellcheck disable=SC2086 # words
        expect 1 as_nobody "$place/bin/"$command
        one_line_from "${command%% *}"
        says "cannot be reached: Permission denied"
    done
    expect 64 "$place/bin/mqsend" posix-mk:/q x
    says "did you mean"
}

@test "a plugin that was refused leaves its objects out, and that is said" {
    mkdir "$scratch/plugins"
    echo nonsense > "$scratch/plugins/ipc-odd.so"
    IPC_PLUGIN_PATH=$scratch/plugins expect 1 ipcls
    says refused
    IPC_PLUGIN_PATH=$scratch/plugins expect 0 ipcls --plugins
    [[ $output == *refused* ]]
    shmmk "$shm" 4K
    IPC_PLUGIN_PATH=$scratch/plugins expect 0 ipcls "$shm"
}

@test "without a plugin at all there is no list" {
    install_here
    rm -f "$plugins"/*
    expect 1 "$place/bin/ipcls"
    says "there is no plugin"
}

# with_descriptors N COMMAND...: the standard ones are three of them.
with_descriptors() {
    bash -c 'for open in {3..30}; do eval "exec $open>&-"; done; ulimit -n "$0"; exec "$@"' "$@"
}

needs_few_descriptors() {
    [ "$IPCUTILS_SANITIZE" != ON ] || skip "the sanitizers open descriptors of their own"
}

@test "too few descriptors are an error and no empty list" {
    needs_namespace
    needs_few_descriptors
    one_of_each
    whole=$(ipcls --raw -o ADDRESS,STATE,USED,VALUE,MESSAGES)
    for descriptors in 4 5 6 7 8 9 10; do
        run --separate-stderr with_descriptors "$descriptors" ipcls --raw -o ADDRESS,STATE,USED,VALUE,MESSAGES
        [ "$status" -eq 1 ] || [ "$output" = "$whole" ]
        [ "$status" -eq 0 ] || says "Too many open files"
    done
    expect 1 with_descriptors 5 ipcls
    says "Too many open files"
}

@test "a directory that may not be read is an error" {
    needs_namespace
    needs_nobody
    chmod 1733 /dev/shm
    expect 1 as_nobody ipcls
    says "/dev/shm: Permission denied"
    chmod 1777 /dev/shm
}

@test "what this user may not open is listed, and is no failure" {
    needs_namespace
    needs_nobody
    one_of_each
    for mechanism in posix-shm posix-sem mutex ring sysv-shm sysv-mq sysv-sem; do
        wanted=$(cells ADDRESS "$mechanism:*" | grep -v "$boost_mq\|${boost_shm#*:}\|${boost_mq#*:}" || true)
        [ -n "$wanted" ]
        expect 0 as_nobody ipcls --raw --noheadings -o ADDRESS "$mechanism:*"
        for address in $wanted; do [[ $output == *"$address"* ]]; done
    done
}

# fails_openly CALL ERROR WHEN: with that failure the list is the whole one, or the status 1 and said why.
fails_openly() {
    run --separate-stderr strace -f -o /dev/null -e "trace=$1" -e "inject=$1:error=$2:when=$3" ipcls --raw \
        -o ADDRESS,STATE,SIZE,USED,MESSAGES,MAX-MESSAGES,VALUE,PIDS
    [ "$status" -ne 0 ] && [ -n "$stderr" ] && return 0 # 127: of the program loader
    [ "$status" -eq 0 ] && [ "$output" = "$whole" ] && return 0
    printf '%s failing with %s the time %s: status %s\n%s\n%s\n' "$1" "$2" "$3" "$status" "$output" "$stderr"
    return 1
}

@test "no failure of a system call makes an object vanish in silence" {
    needs_namespace
    needs_strace
    one_of_each
    in_background mqrecv "$mq"
    wait_until sleeps "$!"
    whole=$(ipcls --raw -o ADDRESS,STATE,SIZE,USED,MESSAGES,MAX-MESSAGES,VALUE,PIDS)
    # Those that read directories of objects, of plugins and of processes, and what the objects hold.
    for call in getdents64 pread64 statx openat; do
        strace -f -o "$scratch/calls" -e "trace=$call" ipcls --raw > /dev/null
        calls=$(wc -l < "$scratch/calls")
        for ((when = 1; when <= calls && when <= 200; when++)); do
            fails_openly "$call" EIO "$when" || failed=yes
        done
    done
    [ -z "${failed-}" ]
}

@test "a holder that cannot be asked for its name is one all the same" {
    needs_namespace
    needs_strace
    shmmk "$shm" 4K
    hold posix-shm "/${shm#*:/}"
    for error in EMFILE EIO; do
        expect 0 strace -o /dev/null -e trace=openat -e "inject=openat:error=$error:when=$(
            strace -e trace=openat ipcls "$shm" 2>&1 > /dev/null | grep -n "\"/proc/$holder/stat\"" | cut -d: -f1
        )" ipcls --raw --noheadings -o STATE,PIDS "$shm"
        prints "in\x20use $holder"
    done
}

@test "what vanishes while it is listed is no failure" {
    needs_namespace
    needs_strace
    one_of_each
    strace -f -o "$scratch/calls" -e trace=statx ipcls --raw > /dev/null
    before=$(grep -n '"frame"' "$scratch/calls" | head -1 | cut -d: -f1)
    expect 0 strace -f -o /dev/null -e trace=statx -e "inject=statx:error=ENOENT:when=$before" ipcls "posix-*:*"
}

@test "ipcwatch shows what could not be looked at as a note" {
    needs_namespace
    needs_few_descriptors
    expect 0 with_descriptors 5 ipcwatch -b -n 1
    [[ $output == *"note: "*"Too many open files"* ]]
}
