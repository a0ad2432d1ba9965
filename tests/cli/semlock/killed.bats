# SPDX-License-Identifier: MIT
# Whoever dies holds nothing. IPCUTILS_LONG=1 kills a thousand.
load ../helper

prepare() {
    gates=("$sem" "$sysv_sem" "$mutex" "$flock" "$flock?type=ofd")
    kills=15
    if [ -n "${IPCUTILS_LONG-}" ]; then kills=200; fi # of each of five
    # Whoever is inside says who it is; whom it finds there must have ended. What is dying (PF_EXITING) runs no more, and
    # gives back its locks before it is dead to its parent.
    cat > "$scratch/inside" <<'END'
if [ -s "$1/owner" ]; then
    read -r before < "$1/owner"
    read -r -a state 2>/dev/null < "/proc/$before/stat" && [ "${state[2]}" != Z ] &&
        ((!(state[8] & 4))) && echo "$before is inside too" >> "$1/said"
fi
echo $$ > "$1/owner"
echo >> "$1/entered"
read -r -t "$2" < "$1/never"
rm -f "$1/owner"
END
    mkfifo "$scratch/never"
    exec 7<> "$scratch/never"
}

is_free() { semlock -n -q "$1" -- true; }

@test "a killed holder's lock is free again, by any mechanism" {
    for gate in "${gates[@]}"; do
        in_background semlock "$gate" -- sleep 1000
        holder=$!
        wait_until eval "! is_free '$gate'"
        kill -KILL "$holder"
        expect 0 semlock -w 20 "$gate" -- true
    done
}

@test "holders killed at random times block nobody and let no two in" {
    for gate in "${gates[@]}"; do
        rm -f "$scratch/owner" "$scratch/said"
        for ((i = 0; i < kills; i++)); do
            in_background semlock "$gate" -- bash "$scratch/inside" "$scratch" 0.05
            victim=$!
            in_background semlock -w 30 "$gate" -- bash "$scratch/inside" "$scratch" 0.005
            survivor=$!
            sleep "0.0$((RANDOM % 5))$((RANDOM % 10))"
            kill -KILL "$victim" 2>/dev/null || true
            wait "$survivor" || { echo "$gate, round $i: $?"; return 1; }
        done
        [ ! -e "$scratch/said" ] || { echo "$gate"; cat "$scratch/said"; return 1; }
        expect 0 semlock -w 20 "$gate" -- true
    done
    [ "$(wc -l < "$scratch/entered")" -ge $((5 * kills)) ]
}

@test "slots of killed holders come back, each of them" {
    for gate in "$sem" "$sysv_sem"; do
        victims=()
        for i in 1 2 3; do
            in_background semlock --slots 3 "$gate" -- sleep 1000
            victims+=($!)
        done
        wait_until eval "! is_free '$gate'"
        kill -KILL "${victims[@]}"
        processes=()
        mkfifo "$scratch/all"
        for i in 1 2 3; do
            in_background semlock -w 20 --slots 3 "$gate" -- bash -c "echo \$IPC_SLOT >> $scratch/numbers; read < $scratch/all"
        done
        wait_until eval "[ \"\$(sort -u $scratch/numbers 2>/dev/null | wc -l)\" -eq 3 ]"
        [ "$(sort "$scratch/numbers" | paste -sd,)" = 1,2,3 ]
        expect 2 semlock -n "$gate" -- true
        kill -KILL "${background[@]:(-3)}"
        rm "$scratch/all" "$scratch/numbers"
    done
}

@test "a killed waiter leaves no trace" {
    for gate in "${gates[@]}"; do
        in_background semlock "$gate" -- sleep 1000
        holder=$!
        wait_until eval "! is_free '$gate'"
        in_background semlock "$gate" -- true
        waiter=$!
        wait_until sleeps "$waiter"
        kill -KILL "$waiter" "$holder"
        expect 0 semlock -w 20 "$gate" -- true
    done
}

@test "a command whose semlock was killed ends too, before anybody else gets the lock" {
    for gate in "$sem" "$mutex"; do
        in_background semlock "$gate" -- bash -c "echo \$\$ > $scratch/command; exec sleep 1000"
        locker=$!
        wait_until test -s "$scratch/command"
        command=$(cat "$scratch/command")
        kill -KILL "$locker"
        expect 0 semlock -w 20 "$gate" -- bash -c "
            read -r -a state 2>/dev/null < /proc/$command/stat || exit 0; [ \"\${state[2]}\" = Z ]"
        rm "$scratch/command"
    done
}

# Where the plugin keeps who has the first slot: its state, locker, process, start, namespace.
record=40

@test "a holder whose number is another process's by now has ended: the time of its start tells" {
    needs_namespace
    semlock "$sem" -- true
    in_background semlock "$sem" -- sleep 1000
    holder=$!
    wait_until eval "! is_free '$sem'"
    list=/dev/shm/holders.${sem#*:/}
    saved=$(od -An -v -tx1 -j $record -N 32 "$list")
    kill -KILL "$holder"
    # The dead holder's entry, with the number of a process that lives: this shell.
    perl -e 'printf "%s", pack("q<", $ARGV[0])' $$ | dd of="$list" bs=1 seek=$((record + 8)) conv=notrunc status=none
    expect 0 semlock -w 20 "$sem" -- true
    # And as it would be if this shell had it: then nobody else may.
    start=$(sed 's/.*) //' /proc/$$/stat | cut -d' ' -f20)
    space=$(stat -L -c %i /proc/self/ns/pid)
    semwait "$sem"
    perl -e 'print pack("L<L<q<Q<Q<", 2, $ARGV[0], $ARGV[0], $ARGV[1], $ARGV[2])' $$ "$start" "$space" |
        dd of="$list" bs=1 seek=$record conv=notrunc status=none
    expect 2 semlock -w 0.3 "$sem" -- true
    perl -e 'print pack("L<L<q<Q<Q<", 2, $ARGV[0], $ARGV[0], $ARGV[1] + 1, $ARGV[2])' $$ "$start" "$space" |
        dd of="$list" bs=1 seek=$record conv=notrunc status=none
    expect 0 semlock -w 20 "$sem" -- true
    [ -n "$saved" ]
}

@test "what died between writing itself down and lowering the semaphore, or behind it, is settled by the value" {
    needs_namespace
    semlock --slots 2 "$sem" -- true
    list=/dev/shm/holders.${sem#*:/}
    space=$(stat -L -c %i /proc/self/ns/pid)
    unsettle() {
        perl -e 'print pack("L<L<q<Q<Q<", 1, 999999, 999999, 1, $ARGV[0])' "$space" |
            dd of="$list" bs=1 seek=$record conv=notrunc status=none
    }
    # Before: two may have it, and not a third.
    unsettle
    expect 2 semlock -n "$sem" -- semlock -n "$sem" -- semlock -n "$sem" -- touch "$scratch/ran"
    # Behind it: what was taken is given back, so that two may have it again.
    semwait "$sem"
    unsettle
    expect 0 semlock -n "$sem" -- semlock -n "$sem" -- true
    expect 2 semlock -n "$sem" -- semlock -n "$sem" -- semlock -n "$sem" -- touch "$scratch/ran"
    [ ! -e "$scratch/ran" ]
}

@test "a command that lives on under a mutex is told from a process with its number" {
    needs_namespace
    semlock "$mutex" -- true
    image=/dev/shm/mutex.${mutex#*:/}
    start=$(sed 's/.*) //' /proc/$$/stat | cut -d' ' -f20)
    space=$(stat -L -c %i /proc/self/ns/pid)
    enter() {
        perl -e 'print pack("q<Q<Q<", @ARGV)' $$ "$1" "$space" | dd of="$image" bs=1 seek=128 conv=notrunc status=none
    }
    enter "$start"
    expect 2 semlock -w 0.2 "$mutex" -- true
    expect 2 semlock -n "$mutex" -- true
    enter $((start + 1))
    expect 0 semlock -n "$mutex" -- true
}

@test "what died while it was made is finished or made anew" {
    needs_namespace
    # A set as it is between being made and having its values: without them, for its owner to write alone.
    perl -e '
        my $id = semget(hex($ARGV[0]), 3, 01000 | 02000 | 0200);
        defined $id or exit 1;' "${sysv_sem#*:0x}" || skip "needs perl"
    expect 0 semlock -w 20 "$sysv_sem" -- true
    expect 0 semlock -n "$sysv_sem" -- true
}
