# SPDX-License-Identifier: MIT
# The tests keep apart: from one another, from what else the machine does, from how closed its directories are.
load ../cli/helper

in_namespace() { env -u IPCUTILS_NAMESPACE -u IPCUTILS_SHARED "$@"; }

@test "a closed home directory above the project keeps nobody from what is tested" {
    needs_nobody
    needs_namespace
    mkdir -m 755 -p "$scratch/home/project/tests"
    chmod 755 "$scratch"
    chmod 700 "$scratch/home"
    cp "$IPCUTILS_SOURCE_DIR/tests/in_namespace" "$scratch/home/project/tests"
    echo built > "$scratch/home/project/file"
    expect 1 as_nobody cat "$scratch/home/project/file"
    cd "$scratch/home/project"
    expect 0 in_namespace TMPDIR=/tmp IPCUTILS_BUILD_DIR="$PWD" tests/in_namespace "${nobody[@]}" cat "$PWD/file" file
    prints $'built\nbuilt'
    [ "$(stat -c %a "$scratch/home")" = 700 ]
}

@test "where there is no namespace a test leaves no process behind, in whatever session" {
    expect 7 in_namespace IPCUTILS_SHARED=1 "$IPCUTILS_SOURCE_DIR/tests/in_namespace" bash -c '
        setsid sleep 1000 & echo $! > "$0/setsid"
        (sleep 1000 & echo $! > "$0/orphan")
        exit 7' "$scratch"
    for process in $(cat "$scratch/setsid" "$scratch/orphan"); do
        [ ! -e "/proc/$process" ]
    done
}

# What a test makes that does not call needs_namespace, by itself or in prepare, under a name that stands in the file.
fixed_names() {
    awk '
    FNR == 1 { all = 0; apart = 0 }
    /^(@test|[a-z_]+\(\))/ { apart = 0; preparing = /^prepare/ }
    /needs_namespace/ { apart = 1; all = all || preparing }
    all || apart || /expect (64|1) / { next }
    /(^|[^a-z])(shmmk|mqmk|semmk|semlock)( -[^ ]*)* ["\047]?(posix|sysv|[a-z]+-(shm|mq|sem)|mutex|ring):\/?[a-z0-9]+["\047]?( |$)/ &&
        !/:private/ && !/completes|offers/ { print FILENAME ": " $0 }' "$@"
}

@test "a test that does not need a namespace gives its objects names of its own" {
    printf '    mqmk posix-mq:/%s --max-messages 1\n' small > "$scratch/planted.bats"
    [ -n "$(fixed_names "$scratch/planted.bats")" ]
    found=$(fixed_names "$IPCUTILS_SOURCE_DIR"/tests/*/*.bats "$IPCUTILS_SOURCE_DIR"/tests/cli/*/*.bats)
    [ -z "$found" ] || { printf 'end them in $unique, or begin with needs_namespace:\n%s\n' "$found"; return 1; }
}
