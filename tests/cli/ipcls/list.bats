# SPDX-License-Identifier: MIT
load ../helper

@test "objects of all mechanisms are listed once, also when they are named" {
    needs_namespace
    shmmk "$shm" 4096
    shmmk "$sysv_shm" 4096
    mqmk "$mq"
    mqmk "$sysv_mq"
    [ "$(cells MECHANISM '*-shm:*' '*-mq:*' | sort | paste -sd ' ')" = "posix-mq posix-shm sysv-mq sysv-shm" ]
    for address in "$shm" "$sysv_shm" "$mq" "$sysv_mq"; do
        [ "$(cells MECHANISM "$address")" = "${address%%:*}" ] || { cells ADDRESS "$address"; return 1; }
    done
    [ "$(cells MECHANISM "$shm" "$sysv_shm" "$mq" "$sysv_mq" '*-mq:*' | wc -l)" -eq 4 ]
}

@test "holders are named: mapped, attached, open" {
    shmmk "$shm" 4096
    shmmk "$sysv_shm" 4096
    shmmk "$file" 4096
    mqmk "$mq"
    hold posix-shm "/${shm#*:/}"
    [ "$(cells PIDS "$shm")" = "$holder" ]
    [ "$(cells STATE "$shm")" != orphan ]
    hold sysv-shm "${sysv_shm#*:}"
    [ "$(cells PIDS "$sysv_shm")" = "$holder" ]
    hold file "${file#*:}"
    [ "$(cells PIDS "$file")" = "$holder" ]
    hold posix-mq "/${mq#*:/}"
    [ "$(cells PIDS "$mq")" = "$holder" ]
    [[ $(ipcls --noheadings -o HOLDERS "$mq") == *" hold "* ]]
}

@test "an open descriptor alone makes a holder too" {
    shmmk "$shm" 4096
    in_background bash -c "exec 9< /dev/shm/${shm#*:/}; exec sleep 60"
    wait_until bash -c "ipcls --raw --noheadings -o PIDS $shm | grep -qw $!"
}

@test "states: in use, idle, orphan, removed" {
    needs_namespace
    shmmk "$shm" 4096
    [ "$(ipcls --noheadings -o STATE "$shm")" = "?" ] # since there are processes outside of the test's namespace
    shmmk "$sysv_shm" 4096
    [ "$(ipcls --noheadings -o STATE "$sysv_shm")" = idle ]
    hold sysv-shm-new 0x77
    made=$EPOCHSECONDS
    wait_until eval '[ "$EPOCHSECONDS" -gt "$made" ]'
    kill -KILL "$holder"
    wait_until eval '[ "$(ipcls --noheadings -o STATE sysv-shm:0x77)" = orphan ]'
    hold posix-shm "/${shm#*:/}"
    [ "$(ipcls --noheadings -o STATE "$shm")" = "in use" ]
    rm "/dev/shm/${shm#*:/}"
    [ "$(ipcls --noheadings -o STATE 'posix-shm:*')" = removed ]
    [ "$(cells PIDS 'posix-shm:*')" = "$holder" ]
}

@test "looking never attaches, and changes nothing that others could see" {
    needs_namespace
    shmmk "$sysv_shm" 4096
    mqmk "$sysv_mq"
    mqsend "$sysv_mq" x
    before=$(cat /proc/sysvipc/shm /proc/sysvipc/msg)
    mounts=$(cat /proc/self/mounts)
    ipcls > /dev/null
    ipcls --limits > /dev/null
    ipcls -J "$sysv_shm" > /dev/null
    [ "$(cat /proc/sysvipc/shm /proc/sysvipc/msg)" = "$before" ]
    [ "$(cat /proc/self/mounts)" = "$mounts" ]
}

@test "POSIX queues are listed with no mqueue file system mounted, and with one" {
    needs_namespace
    needs_root
    mqmk "$mq"
    mqsend "$mq" one two
    [ "$(cells MESSAGES "$mq")" = 2 ]
    mkdir -p "$scratch/mq"
    mount -t mqueue mqueue "$scratch/mq" || skip "mqueue cannot be mounted"
    [ "$(cells MESSAGES "$mq")" = 2 ]
    umount "$scratch/mq"
}

@test "-o chooses columns, + adds them, an unknown one has a suggestion" {
    shmmk "$shm" 4096
    expect 0 ipcls -o SIZE,ADDRESS --raw "$shm"
    prints $'SIZE ADDRESS\n4096 '"$shm"
    expect 0 ipcls -o +KEY "$shm"
    [[ ${lines[0]} == ADDRESS*KEY* ]]
    expect 64 ipcls -o ADRESS
    says ADDRESS
}

@test "sizes are short for people, bytes with -b and --raw" {
    shmmk "$shm" 64K
    [ "$(ipcls --noheadings -o SIZE "$shm" | tr -d ' ')" = 64K ]
    [ "$(ipcls --noheadings -b -o SIZE "$shm" | tr -d ' ')" = 65536 ]
    [ "$(cells SIZE "$shm")" = 65536 ]
}

@test "-J is JSON, numbers are numbers, what is not known is null" {
    shmmk "$shm" 4096
    hold posix-shm "/${shm#*:/}"
    expect 0 ipcls -J "$shm"
    [[ $output == *'"size": 4096'* || $output == *'"size":4096'* ]]
    [[ $output == *'"messages": null'* || $output == *'"messages":null'* ]]
    [[ $output == *"\"pid\": $holder"* || $output == *"\"pid\":$holder"* ]]
    if command -v python3 > /dev/null; then python3 -c 'import json,sys; json.load(sys.stdin)' <<< "$output"; fi
}

@test "--raw has one line per object and as many words as columns" {
    needs_namespace
    head -c 10 /dev/zero > "/dev/shm/two words"
    shmmk "$sysv_shm" 4096
    ipcls --raw --noheadings '*-shm:*' > "$scratch/raw"
    [ "$(wc -l < "$scratch/raw")" -eq 2 ]
    [ "$(awk '{print NF}' "$scratch/raw" | sort -u)" = "$(ipcls --raw | head -1 | wc -w)" ]
}

@test "what is named and not there is status 1, a pattern without a match says so" {
    expect 1 ipcls "$shm"
    says "$shm"
    run --separate-stderr ipcls 'posix-shm:/nonesuch-*'
    prints "" || [ "${#lines[@]}" -eq 1 ]
}

@test "--limits names them with what is in use" {
    needs_namespace
    shmmk "$sysv_shm" 4096
    expect 0 ipcls --limits --raw
    grep -q '^sysv-shm kernel.shmmni [0-9]* 1 ' <<< "$output"
    grep -q 'fs.mqueue.queues_max' <<< "$output"
    grep -q '/dev/shm' <<< "$output"
}

@test "a semaphore in /dev/shm is no segment" {
    needs_namespace
    head -c 32 /dev/zero > /dev/shm/sem.gate
    [ -z "$(cells ADDRESS '*-shm:*')" ]
}

@test "a process's name is untrusted text" {
    shmmk "$shm" 4096
    cp "$IPCUTILS_TEST_PROGRAMS/hold" "$scratch/$(printf 'h\033[2J) R')"
    IPCUTILS_TEST_PROGRAMS=$scratch
    mkfifo "$scratch/said"
    in_background bash -c 'exec "$1" posix-shm "$2" > "$0"' "$scratch/said" "$scratch/$(printf 'h\033[2J) R')" "/${shm#*:/}"
    read -r line < "$scratch/said"
    expect 0 ipcls "$shm"
    ! tr -d '\n' <<< "$output" | grep -q '[[:cntrl:]]'
    [[ $output == *"${background[-1]}"* ]]
}

@test "without rights objects are listed all the same, and what is hidden is said" {
    needs_nobody
    shmmk "$shm" 4096
    shmmk "$sysv_shm" 4096
    hold sysv-shm "${sysv_shm#*:}"
    expect 0 as_nobody ipcls --raw --noheadings -o ADDRESS,ATTACHED,HIDDEN
    grep -q "^$shm " <<< "$output"
    grep -q "^sysv-shm:.* 1 1\$" <<< "$output"
    says "CAP_SYS_PTRACE"
}

@test "who holds what is ? where not every process may be looked into, and null in JSON" {
    needs_nobody
    needs_namespace
    as_nobody shmmk "$shm" 4096
    hold posix-shm "/${shm#*:/}" # by root
    as_nobody mqmk "$sysv_mq"
    as_nobody shmmk "$sysv_shm" 4096
    expect 0 as_nobody ipcls --raw --noheadings -o ADDRESS,STATE,HOLDERS,PIDS "$shm" "$sysv_mq" "$sysv_shm"
    says "could not be looked into"
    [[ $output == "$shm ? ? ?"$'\n'sysv-mq:*" ? ? ?"$'\n'sysv-shm:*" idle - -" ]]
    expect 0 as_nobody ipcls -J -o STATE,HOLDERS,PIDS "$shm"
    [[ $(tr -d ' \n' <<< "$output") == *'{"state":null,"holders":null,"pids":null}'* ]]
}

@test "a socket in a directory that may not be searched is denied, not removed" {
    needs_nobody
    needs_namespace
    mkdir -m 700 "$scratch/closed"
    chmod a+rx "$scratch"
    in_background mqrecv -f "unix:$scratch/closed/socket"
    wait_until eval '[ -n "$(cells ADDRESS "unix:*")" ]'
    expect 0 as_nobody ipcls --raw --noheadings -o STATE,FLAGS,HOLDERS 'unix:*'
    prints 'in\x20use denied ?'
}

@test "a name without a mechanism means what is listed, and not as what else it could be read" {
    needs_namespace
    shmmk posix-shm:/s1 100
    for name in s1 /s1; do
        expect 0 ipcls --raw --noheadings -o ADDRESS "$name"
        prints posix-shm:/s1
    done
}

@test "control characters of a process name are escaped once, in tables and raw" {
    export hold=$scratch/$'ev\033il'
    cp "$IPCUTILS_TEST_PROGRAMS/hold" "$hold"
    shmmk "$shm" 4096
    hold posix-shm "/${shm#*:/}"
    expect 0 ipcls --noheadings -o HOLDERS "$shm"
    prints "$holder ev\x1Bil rw"
    expect 0 ipcls --raw --noheadings -o HOLDERS "$shm"
    prints "$holder\x20ev\x1Bil\x20rw"
}

@test "-o may be given more than once, and every name have a plus" {
    shmmk "$shm" 4096
    expect 0 ipcls --raw -o +KEY -o +ID,+NAME "$shm"
    [[ ${lines[0]} == "ADDRESS STATE "*" HOLDERS KEY ID NAME" ]]
}
