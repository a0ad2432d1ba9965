# SPDX-License-Identifier: MIT
load ../cli/helper

@test "plugins of earlier releases still load and read" {
    shopt -s nullglob
    local folders=("$IPCUTILS_SOURCE_DIR"/tests/abi/frozen/*/)
    [ ${#folders[@]} -gt 0 ] || skip "there is no earlier release yet"
    for folder in "${folders[@]}"; do
        [ "$(readelf -h "$folder/ipc-toy-c.so" | sed -n 's/ *Machine: *//p')" = \
            "$(readelf -h "$(command -v shmcat)" | sed -n 's/ *Machine: *//p')" ] || continue
        IPC_PLUGIN_PATH=$folder expect 0 shmcat toy-c:greeting
        prints "hello from C"
        IPC_PLUGIN_PATH=$folder expect 0 mqrecv toy-cpp:greeting
        prints "hello from C++"
    done
}
