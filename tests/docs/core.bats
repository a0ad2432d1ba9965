# SPDX-License-Identifier: MIT
# The core knows no mechanism and the commands know none: what they know is in the plugins alone.
load ../cli/helper

prepare() { cd "$IPCUTILS_SOURCE_DIR"; }

# In code, a mechanism is named by its whole name in quotes or in front of a colon and a name. The short forms of help
# texts (posix:, sysv:) belong to the grammar of addresses, and "file" as the value of an option is English.
naming() { grep -nE "\"($1)\"|(^|[^a-z_-])($1):[^: ]" "${@:2}"; }

@test "no file of the core or of a command names a mechanism" {
    mechanisms=$(cd "$IPCUTILS_BUILD_DIR/$IPCUTILS_LIBDIR/ipcutils" && ls ipc-*.so | sed 's/^ipc-//; s/\.so$//' | paste -sd '|')
    [ -n "$mechanisms" ]
    # Code only: what stands behind // is for the reader.
    for file in $(find libipccore/src tools -name '*.[ch]pp'); do
        sed 's|^ *//.*||; s|[;,{}] *// .*||; /command\.\(option\|flag\|describe\)(/d' "$file" > "$scratch/code"
        if naming "$mechanisms" "$scratch/code"; then
            echo "in $file"
            return 1
        fi
    done
}

@test "the search for names would find one" {
    echo 'if (address.mechanism == "posix-shm")' > "$scratch/planted.cpp"
    naming 'posix-shm|file' "$scratch/planted.cpp"
    echo 'parse("file:/tmp/x")' > "$scratch/planted.cpp"
    naming 'posix-shm|file' "$scratch/planted.cpp"
    echo 'std::string file; // a file: of the plugin' | sed 's|; // .*||' > "$scratch/planted.cpp"
    ! naming 'posix-shm|file' "$scratch/planted.cpp"
}

@test "only the loader opens plugins, only the runner reads options, only ipcwatch draws screens" {
    [ "$(grep -lE '\bdlopen\(' -r libipccore/src tools)" = libipccore/src/plugins.cpp ]
    [ -z "$(grep -l 'boost/program_options' -r libipccore/src tools | grep -v '^libipccore/src/command')" ]
    [ -z "$(grep -lE '<n?curses' -r libipccore/src tools | grep -v '^tools/ipcwatch/')" ]
}

@test "plugins include installed headers and their own alone" {
    for plugin in plugins/*/; do
        for header in $(sed -n 's/^#include "\(.*\)"/\1/p' "$plugin"*.[ch]pp | sort -u); do
            [ -f "$plugin$header" ] || { echo "$plugin includes $header"; return 1; }
        done
    done
}

@test "the header of the boundary explains itself: most of what it declares has words beside it" {
    header=libipccore/include/ipc/plugin.h
    comments=$(grep -cE '/\*|^ \*|^ +[^ ].*\*/$' "$header")
    code=$(grep -vcE '^ *(/\*|\*)|^ *$|^#' "$header")
    [ $((comments * 10)) -ge $((code * 5)) ] || { echo "$comments lines of comment, $code of code"; return 1; }
}

@test "every file says its licence" {
    for file in $(git ls-files 2>/dev/null || find . -name .git -prune -o -name build -prune -o -type f -print); do
        case $file in
        *.md | *LICENSE | *.json | *.clang-* | *.editorconfig | *.gitignore | *.map | *.in | *.snapshot) continue ;;
        esac
        head -5 "$file" | grep -q 'SPDX-License-Identifier: MIT' || { echo "$file has no licence line"; return 1; }
    done
}
