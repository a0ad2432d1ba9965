# SPDX-License-Identifier: MIT
# Segments that have a structure of their own. That of tests/abi/toy.cpp has two parts, one with a hostile name.
load ../helper

prepare() { export IPC_PLUGIN_PATH=$IPCUTILS_BUILD_DIR/tests/abi/plugins; }

@test "a segment with parts shows them as a table, harmless for a terminal" {
    expect 0 shmcat toy-cpp:box
    prints 'NAME                  TYPE    SIZE OFFSET
first                 char[4]    4      6
second\x1B[2J\xC2\x9B -          4     10
(free)                -          6      ?'
}

@test "-J prints the same as JSON, with numbers" {
    expect 0 shmcat -J toy-cpp:box
    prints '{"address":"toy-cpp:box","parts":[{"name":"first","type":"char[4]","size":4,"offset":6,"free":false},{"name":"second\u001b[2J\u009b","type":null,"size":4,"offset":10,"free":false},{"name":null,"type":null,"size":6,"offset":null,"free":true}]}'
    expect 0 shmcat -J toy-cpp:box toy-cpp:box
    [ "${#lines[@]}" -eq 2 ]
}

@test "several segments with parts show whose they are" {
    expect 0 shmcat toy-cpp:box toy-cpp:box
    [ "${lines[0]}" = "toy-cpp:box:" ]
    [ "${lines[5]}" = "toy-cpp:box:" ]
}

@test "ADDRESS#NAME is one part, and is read as any segment" {
    expect 0 shmcat toy-cpp:box#first
    prints "one "
    expect 0 shmcat -x --offset 1 toy-cpp:box#first
    prints '00000001  6e 65 20                                          |ne |
00000004'
    expect 1 shmcat --diff toy-cpp:box#first "toy-cpp:box#$(printf 'second\033[2J\302\233')"
    expect 1 shmcat toy-cpp:box#third
    one_line_from shmcat
}

@test "every option for bytes prints bytes" {
    for words in "--offset 0" "--length 20" --stable; do
        # shellcheck disable=SC2086
        expect 0 shmcat $words toy-cpp:box
        prints "headerone two hidden"
    done
    expect 0 shmcat -x toy-cpp:box
    [[ $output == *"|headerone two hi|"* ]]
    expect 0 shmcat --diff toy-cpp:box toy-cpp:box
}

@test "-J of a segment that has no parts, and -J with what is for bytes, make no sense" {
    expect 64 shmcat -J toy-cpp:box#first
    one_line_from shmcat
    unset IPC_PLUGIN_PATH
    printf x | shmmk "$shm" -i -
    expect 64 shmcat -J "$shm"
    one_line_from shmcat
    says "no parts"
    prints ""
    for option in -x -f --stable "--offset 0" "--length 1" "-i -"; do
        # shellcheck disable=SC2086
        expect 64 shmcat -J $option "$shm"
        one_line_from shmcat
    done
    expect 1 shmcat -J "$file"
}

@test "parts that cannot be told are an error, and the bytes can be read all the same" {
    expect 1 shmcat toy-cpp:worn
    one_line_from shmcat
    says "damaged"
    prints ""
    expect 0 shmcat --offset 0 toy-cpp:worn
    prints "headerone two hidden"
}
