# SPDX-License-Identifier: MIT
load ../cli/helper

commands() { (cd "$IPCUTILS_BUILD_DIR/bin" && echo *); }

# bash_offers 'LINE': what bash would offer at its end, one candidate a line. COMP_WORDS is split as bash splits.
bash_offers() {
    bash --norc -c '
        . "$1/completions/bash/${2%% *}"
        COMP_LINE=$2 COMP_POINT=${#2} COMP_WORDS=()
        word=""
        for ((i = 0; i < ${#2}; i++)); do
            c=${2:i:1}
            case $c in
            " ") [ -z "$word" ] || COMP_WORDS+=("$word"); word="" ;;
            [:=@]) [ -z "$word" ] || COMP_WORDS+=("$word"); COMP_WORDS+=("$c"); word="" ;;
            *) word+=$c ;;
            esac
        done
        [[ -z $word && $2 != *" " ]] || COMP_WORDS+=("$word")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _ipcutils "${COMP_WORDS[0]}"
        printf "%s\n" "${COMPREPLY[@]}"' bash "$IPCUTILS_SOURCE_DIR" "$1"
}

# zsh_offers 'LINE': the same from a real zsh at a pseudo terminal.
zsh_offers() {
    zsh -f "$IPCUTILS_SOURCE_DIR/tests/docs/zsh_offers" "$IPCUTILS_SOURCE_DIR/completions/zsh" "$1"
}

# fish_offers 'LINE': the same from fish, without what stands behind a tab.
fish_offers() {
    HOME=$scratch fish --no-config -c 'source $argv[1]/completions/fish/(string split " " -- $argv[2])[1].fish
        complete -C $argv[2]' "$IPCUTILS_SOURCE_DIR" "$1" | cut -f 1
}

@test "every command has completions for bash, zsh and fish" {
    for command in $(commands); do
        [ -s "$IPCUTILS_SOURCE_DIR/completions/bash/$command" ]
        [ -s "$IPCUTILS_SOURCE_DIR/completions/zsh/_$command" ]
        [ -s "$IPCUTILS_SOURCE_DIR/completions/fish/$command.fish" ]
        grep -q "^complete -c $command " "$IPCUTILS_SOURCE_DIR/completions/fish/$command.fish"
        grep -qx "complete -F _ipcutils $command" "$IPCUTILS_SOURCE_DIR/completions/bash/$command"
        grep -qx "#compdef $command" "$IPCUTILS_SOURCE_DIR/completions/zsh/_$command"
    done
}

@test "bash offers every option that --help prints" {
    for command in $(commands); do
        offered=$(bash_offers "$command --")
        for option in $("$command" --help | sed -n '/^Options:/,/^$/p' | grep -oE -- '^ .{1,6}--[a-z0-9-]+' |
            grep -oE -- '--[a-z0-9-]+'); do
            grep -qxF -- "$option" <<< "$offered" || { echo "$command does not offer $option"; return 1; }
        done
    done
}

@test "bash completes the address of an object that exists" {
    shmmk "$shm" 4096
    expect 0 bash_offers "shmcat ${shm:0:-1}"
    prints "${shm#*:}"
}

@test "bash completes short forms as they were begun" {
    shmmk "$shm" 4096
    mqmk "$mq"
    local name=${shm#*:}
    expect 0 bash_offers "shmcat posix:${name:0:-1}"
    prints "$name"
    expect 0 bash_offers "shmcat ${name:0:-1}"
    prints "$name"
    expect 0 bash_offers "mqrecv posix:${mq:9:-1}"
    prints "${mq#*:}"
}

@test "bash completes paths where names are paths, and goes on behind a directory" {
    mkdir "$scratch/inner"
    touch "$scratch/inner/lock" "$scratch/inner/.hidden" "$scratch/inner/what?"
    for command in "semlock flock" "shmcat file" "mqsend fifo" "mqrecv unix"; do
        expect 0 bash_offers "$command:$scratch/in"
        prints "$scratch/inner/"
        expect 0 bash_offers "$command:$scratch/inner/"
        [ "$(sort <<< "$output")" = "$scratch/inner/lock"$'\n'"$scratch/inner/what%3F" ]
    done
    expect 0 bash_offers "semlock flock:$scratch/inner/.h"
    prints "$scratch/inner/.hidden"
    expect 0 bash_offers "shmcat posix-shm:$scratch/in"
    prints ""
    cd "$scratch"
    expect 0 bash_offers "semlock flock:inn"
    prints "inner/"
    expect 0 bash_offers "semlock flock:$scratch/nonesuch/x"
    prints ""
    [ -z "$stderr" ]
}

@test "bash completes memory without a name, which is found at its holders" {
    hold memfd frame
    expect 0 bash_offers "shmcat memfd:$holder/"
    [[ $output == "$holder/"* ]]
}

@test "bash offers files behind --, where a command to run stands" {
    touch "$scratch/program"
    expect 0 bash_offers "shmmk $shm 4096 -- $scratch/pro"
    prints "$scratch/program"
    expect 0 bash_offers "shmmk $shm 4096 -- cat --"
    [[ $output != *--reuse* ]]
}

@test "bash completes a mechanism without its name" {
    expect 0 bash_offers "shmmk posix-s"
    prints "posix-shm:"
}

@test "bash completes files where a file is wanted" {
    touch "$scratch/picture"
    expect 0 bash_offers "shmmk $shm -i $scratch/pic"
    prints "$scratch/picture"
}

@test "bash completes the value of an option behind its equals sign" {
    touch "$scratch/picture"
    expect 0 bash_offers "shmmk $shm --input=$scratch/pic"
    [ "${output##*=}" = "$scratch/picture" ]
}

@test "bash completes what a command does, what it does it to, and how that is compared" {
    expect 0 bash_offers "shmword $shm u3"
    prints $'u32@\nu32le@\nu32be@'
    expect 0 bash_offers "shmword $shm u32be@"
    prints "" # which is all behind the break
    expect 0 bash_offers "shmword $shm u32be@4"
    prints ""
    expect 0 bash_offers "shmword $shm u32@4 w"
    prints wait
    expect 0 bash_offers "shmword -E 3 $shm u32@4 wait g"
    prints $'gt\nge'
    expect 0 bash_offers "shmword $shm u32@4 wait ge "
    prints ""
    expect 0 bash_offers "shmword $shm u32@4 add -1 "
    prints ""
    expect 0 bash_offers "shmword $shm u32@4 set "
    prints ""
}

@test "bash offers nothing where nothing fits, and says nothing" {
    expect 0 bash_offers "shmcat posix-shm:/nonesuch"
    prints ""
    [ -z "$stderr" ]
}

@test "bash offers queues to commands of queues and segments to those of segments" {
    shmmk "$shm" 4096
    mqmk "$mq"
    [[ $(bash_offers "mqsend ") == *"$mq"* && $(bash_offers "mqsend ") != *"$shm"* ]]
    [[ $(bash_offers "shmcat ") == *"$shm"* && $(bash_offers "shmcat ") != *"$mq"* ]]
}

@test "a control character in a name does not reach the shell" {
    printf x > "/dev/shm/$(printf 'frame\033]0;x\a')$unique" || skip "cannot plant a file"
    ! bash_offers "shmcat posix-shm:/fr" | grep -q '[[:cntrl:]]'
}

@test "zsh offers every option that --help prints" {
    command -v zsh >/dev/null || skip "needs zsh"
    for command in $(commands); do
        offered=$(zsh_offers "$command --")
        for option in $("$command" --help | sed -n '/^Options:/,/^$/p' | grep -oE -- '^ .{1,6}--[a-z0-9-]+' |
            grep -oE -- '--[a-z0-9-]+'); do
            grep -qxF -- "$option" <<< "$offered" || { echo "$command does not offer $option: $offered"; return 1; }
        done
    done
}

@test "zsh completes a type without its offset, and verbs" {
    command -v zsh >/dev/null || skip "needs zsh"
    expect 0 zsh_offers "shmword $shm f64b"
    prints "f64be@"
    expect 0 zsh_offers "shmword $shm u32@4 ca"
    prints cas
}

@test "zsh completes the address of an object that exists" {
    command -v zsh >/dev/null || skip "needs zsh"
    shmmk "$shm" 4096
    expect 0 zsh_offers "shmcat ${shm:0:-1}"
    prints "$shm"
    mkdir "$scratch/inner"
    expect 0 zsh_offers "semlock flock:$scratch/inn"
    prints "flock:$scratch/inner/"
}

@test "fish offers every option that --help prints" {
    command -v fish >/dev/null || skip "needs fish"
    for command in $(commands); do
        offered=$(fish_offers "$command --")
        for option in $("$command" --help | sed -n '/^Options:/,/^$/p' | grep -oE -- '^ .{1,6}--[a-z0-9-]+' |
            grep -oE -- '--[a-z0-9-]+'); do
            grep -qxF -- "$option" <<< "$offered" || { echo "$command does not offer $option: $offered"; return 1; }
        done
    done
}

@test "fish completes addresses, choices, and files where one is wanted" {
    command -v fish >/dev/null || skip "needs fish"
    shmmk "$shm" 4096
    touch "$scratch/picture"
    expect 0 fish_offers "shmcat ${shm:0:-1}"
    prints "$shm"
    mkdir "$scratch/inner"
    expect 0 fish_offers "semlock flock:$scratch/inn"
    prints "flock:$scratch/inner/"
    expect 0 fish_offers "shmcat --color=al"
    prints "--color=always"
    expect 0 fish_offers "shmmk $shm -i $scratch/pic"
    prints "$scratch/picture"
    expect 0 fish_offers "shmmk $shm --input=$scratch/pic"
    prints "--input=$scratch/picture"
    expect 0 fish_offers "shmcat posix-shm:/nonesuch"
    prints ""
}
