# SPDX-License-Identifier: MIT
# The development kit as a stranger meets it: installed, moved, and nothing of this tree in reach.
load ../cli/helper

setup_file() {
    export prefix=$BATS_FILE_TMPDIR/moved
    cmake --install "$IPCUTILS_BUILD_DIR" --prefix "$BATS_FILE_TMPDIR/first" > "$BATS_FILE_TMPDIR/install.log"
    mv "$BATS_FILE_TMPDIR/first" "$prefix"
    cp -r "$IPCUTILS_SOURCE_DIR/plugins/template" "$BATS_FILE_TMPDIR/template"
    cmake -S "$BATS_FILE_TMPDIR/template" -B "$BATS_FILE_TMPDIR/build" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" \
        -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS="-Wall -Wextra -Wpedantic -Werror" \
        -DCMAKE_INSTALL_LIBDIR=elsewhere &&
        cmake --build "$BATS_FILE_TMPDIR/build"
}

prepare() { PATH=$prefix/bin:$PATH; }

@test "installed commands find their plugins after the prefix was moved" {
    expect 0 ipcls --plugins
    [[ $output == *"$prefix/$IPCUTILS_LIBDIR/ipcutils/ipc-posix-shm.so"* ]]
    expect 0 shmmk "$shm" 4096
    prints "$shm"
}

@test "the template is built against the installed kit and serves the installed commands" {
    export IPC_PLUGIN_PATH=$BATS_FILE_TMPDIR/build
    expect 0 ipcls --plugins
    [[ $output == *template* ]]
    name=template:test-$$-$RANDOM
    expect 0 shmmk "$name" 5
    prints "$name"
    printf hello | shmcat -i - "$name"
    expect 0 ipcls --raw --noheadings -o ADDRESS "$name"
    prints "$name"
    expect 0 shmcat "$name"
    prints hello
    expect 0 shmrm "$name"
    expect 1 shmcat "$name"
}

@test "the template can be installed beside the plugins of the prefix" {
    cmake --install "$BATS_FILE_TMPDIR/build" --prefix "$prefix"
    expect 0 ipcls --plugins
    [[ $output == *"$prefix/$IPCUTILS_LIBDIR/ipcutils/ipc-template.so"* ]]
}

@test "a program built against the installed kit is one end of a ring, and mqrecv the other" {
    cp -r "$IPCUTILS_SOURCE_DIR/tests/abi/ring" "$scratch/ring"
    cmake -S "$scratch/ring" -B "$scratch/build" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release \
        -DCMAKE_CXX_FLAGS="-Wall -Wextra -Wpedantic -Werror"
    cmake --build "$scratch/build"
    name=/feed-$$-$RANDOM
    expect 1 "$scratch/build/measure" "$name" 1
    says "there is none of that name"
    mqmk "ring:$name" > /dev/null
    in_background "$scratch/build/measure" "$name" 40000
    mqrecv -c 40000 "ring:$name" | cmp - <(seq 0 39999 | awk '{ printf "%d %d\n", $1, $1 * $1 }')
    expect 0 mqrm "ring:$name"
}

@test "pkg-config knows the headers and the plugin directory" {
    export PKG_CONFIG_PATH=$prefix/$IPCUTILS_LIBDIR/pkgconfig
    expect 0 pkg-config --variable=plugindir ipcutils
    [ "$(realpath "$output")" = "$prefix/$IPCUTILS_LIBDIR/ipcutils" ]
    # shellcheck disable=SC2046
    printf '#include <ipc/plugin.h>\n' | cc -x c -std=c11 -fsyntax-only $(pkg-config --cflags ipcutils) -
}

@test "manual pages and completions are installed" {
    for command in "$prefix"/bin/*; do
        [ -s "$prefix/share/man/man1/${command##*/}.1" ]
        [ -s "$prefix/share/bash-completion/completions/${command##*/}" ]
        [ -s "$prefix/share/zsh/site-functions/_${command##*/}" ]
        [ -s "$prefix/share/fish/vendor_completions.d/${command##*/}.fish" ]
    done
}
