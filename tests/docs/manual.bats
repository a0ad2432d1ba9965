# SPDX-License-Identifier: MIT
load ../cli/helper

commands() { (cd "$IPCUTILS_BUILD_DIR/bin" && echo *); }

# The options that COMMAND --help prints, each as it is written: "-m" and "--mode" on lines of their own.
options_of() {
    "$1" --help | sed -n '/^Options:/,/^$/p' | grep -oE -- '^ +(-[a-zA-Z0-9], )?--[a-z0-9-]+' | grep -oE -- '--?[a-zA-Z0-9][-a-z0-9]*'
}

# A page as text: no overstriking, one line per paragraph.
page() { mandoc -T ascii -O width=500 "$IPCUTILS_SOURCE_DIR/man/$1" | col -b; }

@test "every command has a page, and every page of section 1 a command" {
    for command in $(commands); do
        [ -s "$IPCUTILS_SOURCE_DIR/man/$command.1" ] || { echo "no man/$command.1"; return 1; }
    done
    for file in "$IPCUTILS_SOURCE_DIR"/man/*.1; do
        command=${file##*/}
        [ -x "$IPCUTILS_BUILD_DIR/bin/${command%.1}" ] || { echo "no command for $file"; return 1; }
    done
}

@test "mandoc finds nothing to say about any page" {
    expect 0 mandoc -T lint -W warning "$IPCUTILS_SOURCE_DIR"/man/*.[1-9]
    # Pages of the system that are referred to may not be installed where this runs.
    run bash -c 'mandoc -T lint "$1"/man/*.[1-9] 2> /dev/null | grep -v "referenced manual not found"' - "$IPCUTILS_SOURCE_DIR"
    prints ""
}

@test "every option that --help prints is in the manual page" {
    for command in $(commands); do
        options=$(options_of "$command")
        [ -n "$options" ] || { echo "$command --help shows no options"; return 1; }
        text=$(page "$command.1")
        for option in $options; do
            grep -qE -- "(^|[ ,])$option([ ,=]|\$)" <<< "$text" || { echo "man/$command.1 lacks $option"; return 1; }
        done
    done
}

@test "every option that the manual page lists exists" {
    for command in $(commands); do
        for option in $(page "$command.1" | sed -n '/^OPTIONS/,/^[A-Z]/p;/^DESCRIPTION/,/^[A-Z]/p' |
            grep -oE -- '^ {5,8}(-[a-zA-Z0-9]( [A-Z]+)?, )?--[a-z-]+' | grep -oE -- '--[a-z-]+' | sort -u); do
            grep -qxF -- "$option" <<< "$(options_of "$command")" ||
                { echo "man/$command.1 has $option, the command has not"; return 1; }
        done
    done
}

@test "every column of ipcls is in its page, and no other" {
    diff <(ipcls --help | sed -n '/^Columns/,/^$/p' | grep -oE '^  [*+ ][A-Z-]+' | tr -d '*+ ' | sort) \
        <(sed -n '/^\.Sh COLUMNS/,/^\.El/s/^\.It \([A-Z-]*\).*/\1/p' "$IPCUTILS_SOURCE_DIR/man/ipcls.1" | sort)
}

@test "every page tells of exit status, environment and examples" {
    for file in "$IPCUTILS_SOURCE_DIR"/man/*.1; do
        for section in 'EXIT STATUS' ENVIRONMENT EXAMPLES 'SEE ALSO'; do
            grep -q "^\.Sh $section" "$file" || { echo "$file lacks $section"; return 1; }
        done
    done
}

@test "every built mechanism has a page, which names its parameters" {
    for folder in "$IPCUTILS_BUILD_DIR/$IPCUTILS_LIBDIR"/ipcutils/ipc-*.so; do
        mechanism=${folder##*/ipc-}
        mechanism=${mechanism%.so}
        [ -s "$IPCUTILS_SOURCE_DIR/man/ipc-$mechanism.7" ] || { echo "no man/ipc-$mechanism.7"; return 1; }
        # A parameter that there cannot be is refused with those that there are.
        run --separate-stderr shmcat "$mechanism:/x?zzzzzzzzzz"
        [[ $stderr != *"offers no segment"* ]] || run --separate-stderr mqrecv -n "$mechanism:/x?zzzzzzzzzz"
        [[ $stderr != *"offers no queue"* ]] || run --separate-stderr semwait -n "$mechanism:/x?zzzzzzzzzz"
        [[ $stderr == *"(it takes "* ]] || { echo "$mechanism: $stderr"; return 1; }
        keys=${stderr##*(it takes } keys=${keys%)}
        [ "$keys" != none ] || continue
        for key in ${keys//,/}; do
            [ "$key" != seq ] || continue # of all segments, so that it is in ipcutils(7)
            page "ipc-$mechanism.7" | grep -q "$key" || { echo "ipc-$mechanism.7 lacks $key"; return 1; }
        done
    done
}

@test "--help begins with usage and a sentence, and ends on where to read more" {
    for command in $(commands); do
        expect 0 "$command" --help
        [[ ${lines[0]} == "Usage: $command "* ]] || { echo "$command: ${lines[0]}"; return 1; }
        [[ $output == *"$command(1)"* ]]
        [ "$(awk 'length > 100' <<< "$output")" = "" ] || { echo "$command --help has lines wider than 100"; return 1; }
    done
}

@test "--version names the command and the release of the project" {
    release=$(sed -n 's/^project(ipcutils VERSION \([0-9.]*\).*/\1/p' "$IPCUTILS_SOURCE_DIR/CMakeLists.txt")
    for command in $(commands); do
        expect 0 "$command" --version
        prints "$command (ipcutils) $release"
    done
    grep -q "$release" "$IPCUTILS_SOURCE_DIR/CHANGELOG.md"
}
