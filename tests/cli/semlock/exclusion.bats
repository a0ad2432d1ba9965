# SPDX-License-Identifier: MIT
# What a lock is for, with IPCUTILS_LONG=1 at full size.
load ../helper

prepare() {
    gates=("$sem" "$sysv_sem" "$mutex" "$flock" "$flock?type=ofd")
    shells=12 rounds=5 crowd=24
    [ "$IPCUTILS_SANITIZE" != ON ] || shells=6 # whose commands take several times as long to start
    if [ -n "${IPCUTILS_LONG-}" ]; then shells=64 rounds=500 crowd=400; fi
    # Read, add in the shell, write: what another one does in between is lost.
    cat > "$scratch/add" <<'END'
n=$(shmcat --length 8 "$1")
printf %08d $((10#$n + 1)) | shmcat -i - "$1"
END
    cat > "$scratch/rounds" <<'END'
for ((round = 0; round < $1; round++)); do "${@:2}" || echo "failed: $?"; done
END
}

# count_with COMMAND...: $counted is what all shells together have counted, each through COMMAND.
count_with() {
    printf 00000000 | shmmk --reuse "$shm" -i - > /dev/null || printf 00000000 | shmcat -i - "$shm"
    printf 00000000 | shmcat -i - "$shm"
    local shell processes=()
    for ((shell = 0; shell < shells; shell++)); do
        in_background bash "$scratch/rounds" "$rounds" "$@" bash "$scratch/add" "$shm" >> "$scratch/said" 2>&1
        processes+=($!)
    done
    wait "${processes[@]}"
    [ ! -s "$scratch/said" ] || { cat "$scratch/said"; return 1; }
    counted=$((10#$(shmcat --length 8 "$shm")))
}

@test "no update of many shells is lost under a lock, of any mechanism" {
    for gate in "${gates[@]}"; do
        count_with semlock "$gate" --
        echo "$gate: $counted of $((shells * rounds))"
        [ "$counted" -eq $((shells * rounds)) ]
    done
}

@test "updates are lost without a lock" {
    count_with env
    echo "$counted of $((shells * rounds))"
    [ "$counted" -lt $((shells * rounds)) ]
}

@test "a semaphore that is waited for and posted loses no update either" {
    cat > "$scratch/guarded" <<'END'
semwait "$1" && "${@:2}" && sempost "$1"
END
    for gate in "$sem" "$sysv_sem"; do
        semmk "$gate" > /dev/null
        count_with bash "$scratch/guarded" "$gate"
        [ "$counted" -eq $((shells * rounds)) ]
        expect 0 semwait -n "$gate"
        expect 2 semwait -n "$gate"
    done
}

@test "of commands with --slots 4 never more than four run, each with a slot that no other one has" {
    cat > "$scratch/slot" <<'END'
mkdir "$1/$IPC_SLOT" || exit 9
present=("$1"/*)
[ ${#present[@]} -le 4 ] || exit 8
echo ${#present[@]} >> "$1-most"
sleep 0.02
rmdir "$1/$IPC_SLOT"
END
    for gate in "$sem" "$sysv_sem"; do
        rm -rf "$scratch/slots"* && mkdir "$scratch/slots"
        processes=()
        for ((i = 0; i < crowd; i++)); do
            in_background semlock --slots 4 "$gate" -- bash "$scratch/slot" "$scratch/slots"
            processes+=($!)
        done
        for process in "${processes[@]}"; do wait "$process" || { echo "$gate: $?"; return 1; }; done
        [ "$(wc -l < "$scratch/slots-most")" -eq "$crowd" ]
        grep -qx '[234]' "$scratch/slots-most" # they did run side by side
    done
}

@test "shared locks run together, and alone to an exclusive one" {
    for gate in "$flock" "$flock?type=ofd"; do
        mkfifo "$scratch/open" "$scratch/closed"
        in_background semlock --shared "$gate" -- bash -c "read < $scratch/open"
        in_background semlock --shared "$gate" -- bash -c "read < $scratch/closed"
        # Both are inside: who opens a FIFO for writing waits for its reader.
        exec 6> "$scratch/open" 7> "$scratch/closed"
        echo >&6
        expect 2 semlock -n "$gate" -- true
        says "locked by another process"
        expect 0 semlock -n --shared "$gate" -- true
        echo >&7
        exec 6>&- 7>&-
        expect 0 semlock -w 20 "$gate" -- true
        rm "$scratch/open" "$scratch/closed"
    done
}

@test "only one of many makes what is missing, and nobody finds it without its value" {
    for gate in "$sem" "$sysv_sem" "$mutex" "$flock"; do
        for round in 1 2 3 4 5; do
            rm -f "$scratch/inside" "$scratch/said"
            processes=()
            for i in 1 2 3 4 5 6 7 8; do
                in_background semlock -w 60 "$gate" -- bash -c "
                    set -o noclobber; : > $scratch/inside || echo two >> $scratch/said; rm -f $scratch/inside"
                processes+=($!)
            done
            for process in "${processes[@]}"; do wait "$process" || { echo "$gate: $?"; return 1; }; done
            [ ! -e "$scratch/said" ]
            semrm --force "$gate"
        done
    done
}
