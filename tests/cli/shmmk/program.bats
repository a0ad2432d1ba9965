# SPDX-License-Identifier: MIT
# shmmk ... -- COMMAND, and --hold: segments that are for somebody from the first moment on.
load ../helper

prepare() { printf 'forty-two' > "$scratch/input"; }

@test "COMMAND reads the segment through the descriptor, by its path and by its address" {
    for address in memfd:frame ashmem:frame "$shm" "$file"; do
        expect 0 shmmk "$address" -i "$scratch/input" -- bash -c 'cat <&$IPC_FD; cat "$IPC_PATH"; shmcat "$IPC_ADDRESS"'
        prints forty-twoforty-twoforty-two
        [ -z "$stderr" ]
    done
}

@test "the address that COMMAND gets names its own process and descriptor" {
    expect 0 shmmk memfd:frame 4096 -- \
        bash -c '[ "$IPC_ADDRESS" = "memfd:$$/$IPC_FD" ] && [ "$IPC_PATH" = "/proc/$$/fd/$IPC_FD" ] && echo so'
    prints so
}

@test "the status and the signals are those of COMMAND" {
    expect 7 shmmk memfd:frame 4096 -- bash -c 'exit 7'
    expect 143 shmmk memfd:frame 4096 -- bash -c 'kill -TERM $$'
    expect 3 shmmk "$shm" 4096 -- bash -c 'trap "exit 3" INT; kill -INT $$'
}

@test "what stands behind -- belongs to COMMAND, and standard output is its own" {
    expect 0 shmmk memfd:frame 4096 -- printf '%s;' --hold -i -- -v
    prints '--hold;-i;--;-v;'
    expect 0 shmmk -v memfd:frame 4096 -- true
    prints ""
    says "4096 bytes"
}

@test "a segment without a descriptor comes by its address alone" {
    IPC_FD=9 IPC_PATH=/dev/null expect 0 shmmk "$sysv_shm" 4096 -- bash -c 'echo "$IPC_ADDRESS ${IPC_FD-none} ${IPC_PATH-none}"'
    prints "$sysv_shm none none"
    expect 0 shmcat --length 1 "$sysv_shm"
}

@test "a command that is not there is 127, one that cannot be executed 126, and no segment is left" {
    touch "$scratch/plain"
    for address in memfd:frame "$shm" "$sysv_shm" "$file"; do
        expect 127 shmmk "$address" 4096 -- nonesuch-command
        one_line_from shmmk
        says nonesuch-command
        expect 127 shmmk "$address" 4096 -- "$scratch/nonesuch"
        expect 127 shmmk "$address" 4096 -- ""
        expect 126 shmmk "$address" 4096 -- "$scratch/plain"
        one_line_from shmmk
        says "chmod +x"
        expect 126 shmmk "$address" 4096 -- "$scratch"
    done
    expect 1 shmcat "$shm"
    expect 1 shmcat "$sysv_shm"
    [ ! -e "${file#*:}" ]
}

@test "a command that fails to start leaves a segment that was there before" {
    shmmk "$shm" 4096
    expect 127 shmmk --reuse "$shm" 4096 -- nonesuch-command
    expect 0 shmcat --length 1 "$shm"
}

@test "a name of a command reaches no terminal as it is" {
    expect 127 shmmk memfd:frame 1 -- "$(printf 'x\033]0;y\a')"
    ! printf '%s' "$stderr" | grep -q '[[:cntrl:]]'
}

@test "nothing behind -- is a usage error" {
    expect 64 shmmk "$shm" 4096 --
    one_line_from shmmk
    says COMMAND
    expect 64 shmmk "$shm" --hold 4096 -- true
    one_line_from shmmk
    expect 1 shmcat "$shm"
}

@test "a segment that would be gone at once is refused before it is made, with both ways out" {
    for address in memfd:frame ashmem:frame; do
        expect 64 shmmk "$address" 4096
        one_line_from shmmk
        says "-- COMMAND"
        says "--hold"
        expect 64 shmmk "$address" -i "$scratch/nonesuch"
    done
}

@test "--hold prints the address and keeps the segment until a signal, which is no failure" {
    for signal in TERM INT; do
        in_background env --default-signal=INT shmmk memfd:frame -i "$scratch/input" --hold > "$scratch/address"
        holder=$!
        wait_until test -s "$scratch/address"
        address=$(cat "$scratch/address")
        [[ $address == "memfd:$holder/"* ]]
        expect 0 shmcat "$address"
        prints forty-two
        kill "-$signal" "$holder"
        wait "$holder"
        expect 1 shmcat "$address"
    done
}

@test "--hold makes a holder of what has a name too, and leaves it" {
    for address in "$shm" "$sysv_shm"; do
        in_background shmmk "$address" 4096 --hold > "$scratch/address"
        holder=$!
        wait_until test -s "$scratch/address"
        [ "$(cells PIDS "$address")" = "$holder" ]
        expect 1 shmrm "$address"
        kill "$holder"
        wait "$holder"
        expect 0 shmrm "$address"
        rm "$scratch/address"
    done
}

@test "seals bind COMMAND from its first moment on" {
    expect 0 shmmk 'memfd:frame?seal=write,grow,shrink,seal' -i "$scratch/input" -- bash -c '
        [ "$(cat <&$IPC_FD)" = forty-two ] || exit 1
        printf x >&$IPC_FD && exit 2
        truncate -s 100 "$IPC_PATH" && exit 3
        truncate -s 1 "$IPC_PATH" && exit 4
        printf x | shmcat -i - "$IPC_ADDRESS?seal=grow" && exit 5
        [ "$(shmcat "$IPC_ADDRESS")" = forty-two ]' 2>/dev/null
}

@test "without seals COMMAND may do all of it" {
    expect 0 shmmk memfd:frame -i "$scratch/input" -- \
        bash -c 'printf F | dd of="$IPC_PATH" conv=notrunc status=none; truncate -s 5 "$IPC_PATH"; shmcat "$IPC_ADDRESS"'
    prints Forty
}

@test "future_write forbids what is not mapped yet" {
    expect 0 shmmk 'memfd:frame?seal=future_write' -i "$scratch/input" -- bash -c '! printf x >&$IPC_FD'
}

@test "a seal that is none is refused with those that there are" {
    for seals in nonesuch '' 'write,' ',write' 'write grow' WRITE; do
        expect 64 shmmk "memfd:frame?seal=$seals" 4096 -- true
        one_line_from shmmk
        says future_write
    done
}

@test "the mode is exactly what was asked for" {
    umask 077
    for mode in 600 666 640 700; do
        expect 0 shmmk memfd:frame 4096 -m $mode -- bash -c 'stat -Lc %a "$IPC_PATH"'
        prints $mode
    done
}

@test "any text up to 249 bytes is a name" {
    longest=$(printf 'n%.0s' {1..249})
    for name in "$longest" 'a/b' '1/2' ' (deleted)' '%1b[2J' 'SYSV00001234 (deleted)'; do
        expect 0 shmmk "memfd:$name" 1 -- true
    done
    expect 64 shmmk "memfd:n$longest" 1 -- true
    one_line_from shmmk
    says 249
}

@test "input that does not fit runs no command" {
    expect 1 shmmk memfd:frame 4 -i "$scratch/input" -- touch "$scratch/ran"
    [ ! -e "$scratch/ran" ]
}

@test "huge pages that are not reserved are refused with the setting that makes them" {
    [ "$(cat /sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages 2>/dev/null)" = 0 ] || skip "there are huge pages, or none can be"
    expect 1 shmmk 'memfd:frame?huge=2M' 5M -- true
    one_line_from shmmk
    says vm.nr_hugepages
    says "3 are needed"
    says "0 of 0 are free"
    expect 1 shmmk 'memfd:frame?huge=4M' 5M -- true
    says /sys/kernel/mm/hugepages
    expect 64 shmmk 'memfd:frame?huge=3M' 5M -- true
    one_line_from shmmk
}

@test "more than the machine has is an error and not the end of other processes" {
    expect 1 shmmk memfd:frame 100T -- true
    one_line_from shmmk
    says 109951162777600
}

@test "what RLIMIT_AS does not let be mapped is an error that names it" {
    [ "$IPCUTILS_SANITIZE" != ON ] || skip "the sanitizers map more than any limit"
    for address in 'memfd:frame?populate=1' "$shm?populate=1" "$sysv_shm"; do
        expect 1 bash -c 'ulimit -v 200000; exec shmmk "$0" 256M -i "$1" -- true' "$address" "$scratch/input"
        one_line_from shmmk
        says RLIMIT_AS
        says 268435456
    done
    [ ! -e "/dev/shm/${shm#*:/}" ]
}

@test "an ordinary user makes, hands on and reaches such memory" {
    needs_nobody
    expect 0 as_nobody shmmk 'memfd:frame?seal=write' 4096 -i - -- bash -c 'shmcat --length 2 "$IPC_ADDRESS"; ipcls --raw --noheadings -o OWNER,DETAIL "$IPC_ADDRESS" 2>/dev/null' < "$scratch/input"
    [[ $output == 'fo'*'frame,\x20sealed\x20write'* || $output == 'fo'*'frame, sealed write'* ]]
}

@test "on a kernel with /dev/ashmem its areas are what ashmem means" {
    [ "$IPCUTILS_SANITIZE" != ON ] || skip "the sanitizers want to be the first library"
    export LD_PRELOAD=$IPCUTILS_TEST_PROGRAMS/ashmem_device.so
    expect 0 shmmk ashmem:frame -i "$scratch/input" -- bash -c '
        [ -z "${IPC_FD-}" ] && [[ $IPC_ADDRESS == ashmem:$$/* ]] && printf F | shmcat -i - "$IPC_ADDRESS" &&
            shmcat "$IPC_ADDRESS" && ipcls --raw --noheadings -o SIZE,DETAIL "$IPC_ADDRESS" 2>/dev/null'
    prints 'Forty-two9 named'
    expect 1 shmcat "ashmem:$$/0"
    one_line_from shmcat
    expect 64 shmmk 'ashmem:frame?seal=write' 4096 -- true
    says /dev/ashmem
    expect 1 shmmk ashmem:frame -m 0666 4096 -- true
    says mode
}
