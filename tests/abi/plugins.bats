# SPDX-License-Identifier: MIT
# What a plugin and a command are made of, and which plugin files the gate lets in.
load ../cli/helper

prepare() {
    toys=$IPCUTILS_BUILD_DIR/tests/abi/plugins
    refused=$IPCUTILS_BUILD_DIR/tests/abi/refused
    plugins=("$IPCUTILS_BUILD_DIR/$IPCUTILS_LIBDIR"/ipcutils/ipc-*.so)
    [ -e "${plugins[0]}" ]
}

# refuses MECHANISM REASON: neither ipcls nor a command takes the file in IPC_PLUGIN_PATH, and both say why.
refuses() {
    expect 1 shmcat "$1:x"
    says "$2"
    one_line_from shmcat
    expect 0 ipcls --plugins
    [[ $output == *"$2"* ]] || { printf 'ipcls --plugins does not say "%s":\n%s\n' "$2" "$output"; return 1; }
}

@test "each plugin exports ipc_plugin_entry and nothing else" {
    [ "$IPCUTILS_SANITIZE" != ON ] || skip "a sanitizer adds symbols of its own"
    for plugin in "${plugins[@]}" "$toys"/*.so; do
        exported=$(nm --dynamic --defined-only "$plugin" | awk '{print $3}')
        [ "$exported" = ipc_plugin_entry ] || { echo "$plugin exports $exported"; return 1; }
    done
}

@test "no plugin and no command needs the shared C++ runtime" {
    [ "$IPCUTILS_SANITIZE" != ON ] || skip "a sanitizer brings the shared runtime"
    for file in "${plugins[@]}" "$IPCUTILS_BUILD_DIR"/bin/*; do
        if readelf --dynamic "$file" | grep -E 'NEEDED.*(libstdc\+\+|libgcc_s|libboost)'; then
            echo "is needed by $file"
            return 1
        fi
    done
}

@test "only ipcwatch, which starts once, needs the mathematical library" {
    [ "$IPCUTILS_SANITIZE" != ON ] || skip "a sanitizer brings it"
    for file in "${plugins[@]}" "$IPCUTILS_BUILD_DIR"/bin/*; do
        [ "${file##*/}" != ipcwatch ] || continue
        ! readelf --dynamic "$file" | grep 'NEEDED.*libm\.so' || { echo "is needed by $file"; return 1; }
    done
}

@test "ipcls --plugins tells what was found, where, and with which capabilities" {
    expect 0 ipcls --plugins
    for plugin in "${plugins[@]}"; do
        mechanism=${plugin##*/ipc-}
        [[ $output == *"${mechanism%.so}"* ]]
    done
    [[ $output == *segment/1* && $output == *queue/1* && $output == *inspect/1* ]]
}

@test "a plugin in C11 is loaded, listed and read" {
    export IPC_PLUGIN_PATH=$toys
    expect 0 ipcls --plugins
    [[ $output == *toy-c* ]]
    expect 0 shmcat toy-c:greeting
    prints "hello from C"
    expect 0 ipcls --raw --noheadings -o ADDRESS 'toy-c:*'
    prints "toy-c:greeting"
}

@test "a plugin in C++ is loaded and received from" {
    IPC_PLUGIN_PATH=$toys expect 0 mqrecv toy-cpp:greeting
    prints "hello from C++"
}

@test "an exception inside a plugin becomes an error of the command" {
    export IPC_PLUGIN_PATH=$toys
    expect 1 mqrecv toy-cpp:throws
    says "failed with an exception"
    expect 1 mqrecv toy-cpp:exhausts
    says "out of memory"
}

@test "--plugin FILE is taken before every directory" {
    cp "$toys/ipc-toy-c.so" "$scratch/ipc-toy-c.so"
    expect 0 shmcat --plugin "$scratch/ipc-toy-c.so" toy-c:greeting
    prints "hello from C"
}

@test "a capability that a mechanism does not offer is named" {
    IPC_PLUGIN_PATH=$toys expect 64 mqrecv toy-c:greeting
    says "queue"
}

@test "queues of a plugin that has no calls for many messages work message by message" {
    export IPC_PLUGIN_PATH=$toys
    expect 0 mqsend -v toy-cpp:greeting < <(seq 100)
    says "messages sent: 100, bytes: 192"
    expect 0 mqrecv -e -v toy-cpp:greeting
    prints "hello from C++"
    says "messages received: 1"
}

@test "a plugin file that is no shared object is refused" {
    echo "this is text" > "$scratch/ipc-text.so"
    IPC_PLUGIN_PATH=$scratch refuses text "refused"
}

@test "a FIFO or a directory where a plugin file should be is refused, and not waited for" {
    mkfifo "$scratch/ipc-pipe.so"
    mkdir "$scratch/ipc-folder.so"
    IPC_PLUGIN_PATH=$scratch refuses pipe "it is not a regular file"
    IPC_PLUGIN_PATH=$scratch refuses folder "refused"
}

@test "a plugin file that was cut off is refused, wherever it ends" {
    size=$(stat -c %s "$toys/ipc-toy-c.so")
    for length in 0 20 500 4096 8192 $((size / 2)); do
        head -c "$length" "$toys/ipc-toy-c.so" > "$scratch/ipc-short.so"
        IPC_PLUGIN_PATH=$scratch refuses short "refused"
    done
    head -c 4096 "$toys/ipc-toy-c.so" > "$scratch/ipc-short.so"
    IPC_PLUGIN_PATH=$scratch refuses short "the file was cut off: it has 4096 bytes"
}

@test "a plugin of another abi is refused with both numbers" {
    IPC_PLUGIN_PATH=$refused refuses bad-abi "abi is 2, expected 1"
}

@test "a plugin that exports nothing is refused" {
    IPC_PLUGIN_PATH=$refused refuses bad-entry "ipc_plugin_entry"
}

@test "a plugin whose descriptor is too short is refused with both sizes" {
    IPC_PLUGIN_PATH=$refused refuses bad-size "expected at least"
}

@test "a plugin that is named like another one is refused" {
    IPC_PLUGIN_PATH=$refused refuses bad-id 'id is "another", expected "bad-id"'
}

@test "a plugin without a mandatory function is refused" {
    IPC_PLUGIN_PATH=$refused refuses bad-pointer "capability is null"
}

@test "a plugin with an incomplete capability is refused" {
    IPC_PLUGIN_PATH=$refused refuses bad-table "ipc.queue/1"
}

@test "a plugin without a descriptor is refused" {
    IPC_PLUGIN_PATH=$refused refuses bad-null "no descriptor"
}

@test "a plugin that cannot start is refused with its reason" {
    IPC_PLUGIN_PATH=$refused refuses bad-init "there is no such device"
}

@test "a plugin file that others may write is refused" {
    cp "$toys/ipc-toy-c.so" "$scratch/ipc-toy-c.so"
    chmod o+w "$scratch/ipc-toy-c.so"
    IPC_PLUGIN_PATH=$scratch refuses toy-c "written by everybody"
}

@test "a plugin in a directory that others may write is refused" {
    mkdir -p "$scratch/open/plugins"
    cp "$toys/ipc-toy-c.so" "$scratch/open/plugins"
    chmod o+w "$scratch/open"
    IPC_PLUGIN_PATH=$scratch/open/plugins refuses toy-c "$scratch/open may be written by everybody"
}

@test "a plugin that belongs to somebody else is refused" {
    needs_root
    cp "$toys/ipc-toy-c.so" "$scratch/ipc-toy-c.so"
    chown 12345 "$scratch/ipc-toy-c.so" || skip "this user namespace has no other user"
    IPC_PLUGIN_PATH=$scratch refuses toy-c "12345"
}

@test "a symbolic link that others could have put there is refused, though what it leads to is not" {
    mkdir -p "$scratch/open" "$scratch/own"
    ln -s "$toys/ipc-toy-c.so" "$scratch/open/ipc-toy-c.so"
    ln -s "$scratch/open/ipc-toy-c.so" "$scratch/own/ipc-toy-c.so"
    for directory in open own; do IPC_PLUGIN_PATH=$scratch/$directory expect 0 shmcat toy-c:greeting; done
    chmod o+w "$scratch/open"
    for directory in open own; do
        IPC_PLUGIN_PATH=$scratch/$directory refuses toy-c "$scratch/open may be written by everybody"
    done
}

@test "a file of the caller is not loaded by a command that has more rights than he" {
    needs_nobody
    mkdir -p "$scratch/bin" "$scratch/$IPCUTILS_LIBDIR"
    chmod a+rx "$scratch"
    cp "$IPCUTILS_BUILD_DIR/bin/shmcat" "$scratch/bin"
    ln -s "$IPCUTILS_BUILD_DIR/$IPCUTILS_LIBDIR/ipcutils" "$scratch/$IPCUTILS_LIBDIR/ipcutils"
    mkdir "$scratch/his"
    cp "$toys/ipc-toy-c.so" "$scratch/his"
    chown -R 65534 "$scratch/his"
    expect 0 as_nobody "$scratch/bin/shmcat" --plugin "$scratch/his/ipc-toy-c.so" toy-c:greeting
    chgrp 65533 "$scratch/bin/shmcat"
    chmod g+s "$scratch/bin/shmcat"
    expect 1 as_nobody "$scratch/bin/shmcat" --plugin "$scratch/his/ipc-toy-c.so" toy-c:greeting
    says "belongs to user 65534"
}

@test "--plugin of a link takes the mechanism from the name that was given" {
    cp "$toys/ipc-toy-c.so" "$scratch/libtoy-1.0.so"
    ln -s libtoy-1.0.so "$scratch/ipc-toy-c.so"
    expect 0 shmcat --plugin "$scratch/ipc-toy-c.so" toy-c:greeting
    prints "hello from C"
    expect 1 shmcat --plugin "$scratch/ipc-none.so" none:x
    [ "$stderr" = "shmcat: --plugin: $scratch/ipc-none.so: No such file or directory" ]
}

@test "a link that leads nowhere is refused by every command alike" {
    ln -s "$scratch/nothing" "$scratch/ipc-posix-shm.so"
    export IPC_PLUGIN_PATH=$scratch
    for command in "shmmk $shm 1" "shmcat $shm" "ipcls $shm" "shmrm $shm"; do
        expect 1 $command
        says "refused"
    done
}

@test "descriptors that would crash a host are refused" {
    IPC_PLUGIN_PATH=$refused refuses bad-parameters "parameters is null, expected 2"
    IPC_PLUGIN_PATH=$refused refuses bad-key "parameters[0].key is null"
    IPC_PLUGIN_PATH=$refused refuses bad-cut "ipc.segment/1 has no close()"
}

@test "what a plugin says reaches no terminal as it is, and is never nothing" {
    expect 64 shmmk 'posix-shm:/x?populate=%1b[31m%0aroot:' 4K
    ! grep -q $'\033' <<< "$stderr"
    one_line_from shmmk
    IPC_PLUGIN_PATH=$toys expect 1 mqrecv toy-cpp:silent
    says "toy-cpp:silent: No such device"
    IPC_PLUGIN_PATH=$toys expect 1 mqrecv toy-cpp:broken
    says "the pipe inside is broken"
    IPC_PLUGIN_PATH=$toys expect 1 mqrecv toy-cpp:wild
    [[ $stderr == "mqrecv: toy-cpp:wild: "* ]]
}

@test "what a plugin does not show is removed by its name, if it is forced" {
    export IPC_PLUGIN_PATH=$toys
    expect 1 shmrm toy-memory:far
    says "offers no ipc.inspect/1"
    expect 1 shmrm --force --dry-run toy-memory:far
    expect 1 shmrm --force 'toy-memory:*'
    [[ $stderr != *"removed"* ]]
    expect 0 shmrm --force toy-memory:far
    says "removed far"
}

@test "a new segment that can only be written to is filled from a file and from a pipe" {
    export IPC_PLUGIN_PATH=$toys
    printf hello > "$scratch/hello"
    expect 0 shmmk toy-memory:new -i "$scratch/hello"
    says "it holds hello"
    expect 0 bash -c "printf again | shmmk toy-memory:new 5 -i -"
    says "it holds again"
}

@test "a parameter that is given twice is refused" {
    expect 64 shmmk 'posix-shm:/x?populate=1&populate=0' 4K
    says "more than once"
}

@test "one refused plugin does not hide the others" {
    IPC_PLUGIN_PATH=$refused expect 0 ipcls --plugins
    for plugin in "${plugins[@]}"; do
        mechanism=${plugin##*/ipc-}
        [[ $output == *"${mechanism%.so}"* ]]
    done
}
