# SPDX-License-Identifier: MIT
# The lock lives as long as the command, whatever the command drops, whoever is killed, and from wherever one looks.
load ../helper

prepare() {
    gates=("$sem" "$sysv_sem" "$mutex" "$flock" "$flock?type=ofd")
    # What daemons do: no descriptor of its own is left. Says so, then sleeps.
    cat > "$scratch/drop" <<'END'
use POSIX;
POSIX::close($_) for 3 .. 4096;
open my $said, ">", $ARGV[0] or die;
print $said "$$\n";
close $said;
sleep 1000;
END
}

is_free() { semlock -n -q "$1" -- true; }

# run_locked GATE COMMAND...: start it and wait until it has dropped what it has; $locker, $command are the processes.
run_locked() {
    rm -f "$scratch/ready"
    in_background semlock "$1" -- "${@:2}" perl "$scratch/drop" "$scratch/ready"
    locker=$!
    wait_until test -s "$scratch/ready"
    command=$(cat "$scratch/ready")
}

@test "a command that closes all descriptors keeps the lock until it ends" {
    for gate in "${gates[@]}"; do
        run_locked "$gate"
        expect 2 semlock -n "$gate" -- echo "two at once"
        kill "$command"
        expect 0 semlock -w 20 "$gate" -- true
    done
}

@test "a command that leaves the IPC namespace keeps the lock until it ends" {
    needs_namespace
    for gate in "${gates[@]}"; do
        run_locked "$gate" unshare -i
        expect 2 semlock -n "$gate" -- echo "two at once"
        kill "$command"
        expect 0 semlock -w 20 "$gate" -- true
    done
}

@test "semlock that is killed frees nothing as long as its command lives, even one that has dropped everything" {
    needs_namespace
    setpriv --pdeathsig clear true 2>/dev/null || skip "needs setpriv --pdeathsig"
    for gate in "${gates[@]}"; do
        run_locked "$gate" setpriv --pdeathsig clear unshare -i
        kill -KILL "$locker"
        wait "$locker" || true
        kill -0 "$command"
        expect 2 semlock -n "$gate" -- echo "two at once"
        expect 2 semlock -w 0.3 "$gate" -- echo "two at once"
        kill -0 "$command"
        kill "$command"
        expect 0 semlock -w 20 "$gate" -- true
    done
}

@test "a command whose semlock is killed is killed with it, and the lock is free" {
    for gate in "${gates[@]}"; do
        run_locked "$gate"
        kill -KILL "$locker"
        expect 0 semlock -w 20 "$gate" -- true
        wait_until eval "! kill -0 $command 2>/dev/null"
    done
}

@test "slots stay with commands that drop everything, and each comes back" {
    needs_namespace
    for gate in "$sem" "$sysv_sem"; do
        rm -f "$scratch"/ready-*
        for number in 1 2; do
            in_background semlock --slots 2 "$gate" -- unshare -i perl "$scratch/drop" "$scratch/ready-$number"
            wait_until test -s "$scratch/ready-$number"
        done
        expect 2 semlock -n "$gate" -- true
        kill "$(cat "$scratch/ready-1")"
        expect 0 semlock -w 20 "$gate" -- sh -c 'echo $IPC_SLOT'
        prints 1
        kill "$(cat "$scratch/ready-2")"
        expect 0 semlock -w 20 "$gate" -- semlock -w 20 "$gate" -- true
    done
}

@test "nothing of semlock is left when it has ended" {
    for gate in "${gates[@]}"; do
        in_background semlock "$gate" -- sh -c 'sleep 0.1'
        locker=$!
        wait "$locker"
        [ -z "$(pgrep -x -P 1,$$,$locker ipc-keeper)" ]
        semlock "$gate" -- sh -c 'kill -KILL $$' || [ $? -eq 137 ]
        [ -z "$(pgrep -x -P 1,$$ ipc-keeper)" ]
    done
}

@test "every signal that a process can take goes on to the command" {
    cat > "$scratch/take" <<'END'
for my $name (qw(HUP INT QUIT USR1 USR2 PIPE ALRM TERM CHLD CONT WINCH URG PROF VTALRM BUS NUM40)) {
    $SIG{$name} = sub { open my $said, ">>", "$ARGV[0]/took"; print $said "$name\n"; };
}
open my $ready, ">", "$ARGV[0]/ready"; print $ready "ready\n"; close $ready;
select undef, undef, undef, 0.05 while !-e "$ARGV[0]/enough";
END
    for gate in "$mutex" "$flock" "$sysv_sem"; do
        rm -f "$scratch"/{took,ready,enough}
        in_background semlock "$gate" -- perl "$scratch/take" "$scratch"
        locker=$!
        wait_until test -s "$scratch/ready"
        for name in HUP INT QUIT USR1 USR2 PIPE ALRM TERM WINCH URG PROF VTALRM BUS 40; do
            kill -s "$name" "$locker"
            wait_until grep -q -x -E "(NUM)?$name" "$scratch/took"
        done
        touch "$scratch/enough"
        wait "$locker"
    done
}

state_of() { cut -d' ' -f3 "/proc/$1/stat"; }

@test "a signal that stops semlock stops the command too, and both go on together" {
    for gate in "$sem" "$flock"; do
        # As a job of a shell: what has no shell above it is not stopped by SIGTSTP, see setpgid(2).
        rm -f "$scratch/ready"
        in_background bash -mc 'semlock "$1" -- perl "$2/drop" "$2/ready" & echo $! > "$2/job"
            while kill -0 $! 2>/dev/null; do sleep 0.05; done' bash "$gate" "$scratch"
        wait_until test -s "$scratch/ready"
        locker=$(cat "$scratch/job")
        command=$(cat "$scratch/ready")
        kill -TSTP "$locker"
        wait_until eval "[ \$(state_of $locker)\$(state_of $command) = TT ]"
        kill -CONT "$locker"
        wait_until eval "[ \$(state_of $locker)\$(state_of $command) = SS ]"
        expect 2 semlock -n "$gate" -- true
        kill "$command"
        wait_until eval "! kill -0 $locker 2>/dev/null"
    done
}

@test "semlock dies of the signal that its command died of" {
    for gate in "${gates[@]}"; do
        for signal in INT TERM KILL; do
            expect 0 perl -e 'system @ARGV[1 .. $#ARGV]; print $? & 127' "$signal" semlock "$gate" -- sh -c "kill -$signal \$\$"
            prints "$(kill -l $signal)"
        done
    done
}

@test "the command finds signals blocked and ignored as the caller had them" {
    for gate in "${gates[@]}"; do
        expect 0 env --block-signal=USR1,CHLD --ignore-signal=PIPE,ALRM,CHLD \
            semlock "$gate" -- sed -n 's/^Sig\(Blk\|Ign\):\t0*//p' /proc/self/status
        prints "$(env --block-signal=USR1,CHLD --ignore-signal=PIPE,ALRM,CHLD sed -n 's/^Sig\(Blk\|Ign\):\t0*//p' /proc/self/status)"
    done
}

# As somebody in a time namespace of its own sees it: the machine has been up for a day more.
in_other_time() { unshare -T --boottime 100000 -f -- "$@"; }
needs_time_namespace() { in_other_time true 2>/dev/null || skip "needs a time namespace"; }

@test "who has it has it for processes of another time namespace too" {
    needs_time_namespace
    for gate in "${gates[@]}"; do
        in_background semlock "$gate" -- sleep 1000
        holder=$!
        wait_until eval "! is_free '$gate'"
        expect 2 in_other_time semlock -n "$gate" -- echo stolen
        expect 2 in_other_time semlock -w 0.3 "$gate" -- echo stolen
        expect 2 semlock -n "$gate" -- echo stolen
        kill -KILL "$holder"
        expect 0 in_other_time semlock -w 20 "$gate" -- true
        # And the other way round.
        in_background unshare -T --boottime 100000 -f -- semlock "$gate" -- sleep 1000
        wait_until eval "! is_free '$gate'"
        expect 2 semlock -w 0.3 "$gate" -- echo stolen
        expect 2 in_other_time semlock -n "$gate" -- echo stolen
        pkill -KILL -x -P "${background[-1]}" semlock
        expect 0 semlock -w 20 "$gate" -- true
    done
}

@test "a command whose semlock was killed is not mistaken for dead in another time namespace" {
    needs_time_namespace
    setpriv --pdeathsig clear true 2>/dev/null || skip "needs setpriv --pdeathsig"
    for gate in "$sem" "$mutex"; do
        run_locked "$gate" setpriv --pdeathsig clear
        kill -KILL "$locker"
        expect 2 in_other_time semlock -w 0.3 "$gate" -- echo stolen
        kill "$command"
        expect 0 in_other_time semlock -w 20 "$gate" -- true
    done
}

@test "a holder is not dead because it cannot be seen from another process namespace, and that is said" {
    needs_namespace
    setpriv --pdeathsig clear true 2>/dev/null || skip "needs setpriv --pdeathsig"
    for gate in "$sem" "$mutex"; do
        run_locked "$gate" setpriv --pdeathsig clear
        kill -KILL "$locker"
        for proc in "" --mount-proc; do
            expect 2 unshare -pf $proc semlock -w 0.3 "$gate" -- echo stolen
            says "cannot be seen"
        done
        kill "$command"
        expect 0 semlock -w 20 "$gate" -- true
    done
}

@test "a segment that has the name of a semaphore's list of holders is refused and stays as it is" {
    needs_namespace
    list=/dev/shm/holders.${sem#*:/}
    for content in precious "" "$(head -c 72 /dev/zero | tr '\0' x)"; do
        semmk "$sem" 1 > /dev/null
        printf %s "$content" > "$list"
        expect 1 semlock "$sem" -- touch "$scratch/ran"
        one_line_from semlock
        says "$list"
        expect 0 semrm "$sem"
        [ "$(cat "$list")" = "$content" ]
        rm "$list"
    done
    [ ! -e "$scratch/ran" ]
    # What is a list, of whatever semaphore, goes with it.
    semlock "$sem" -- true
    [ -e "$list" ]
    semrm "$sem"
    [ ! -e "$list" ]
}

@test "who waits for a mutex whose memory is cut off or removed learns it, without a timeout too" {
    needs_namespace
    image=/dev/shm/mutex.${mutex#*:/}
    for damage in "truncate -s 0" "truncate -s 100" "rm"; do
        in_background semlock "$mutex" -- sleep 1000
        holder=$!
        wait_until eval "! is_free '$mutex'"
        in_background bash -c "semlock $mutex -- touch $scratch/ran 2> $scratch/said; echo \$? > $scratch/status"
        wait_until eval '[ "$(own_pgrep -c -x semlock)" -eq 2 ]'
        wait_until eval 'sleeps "$(own_pgrep -n -x semlock)"'
        $damage "$image"
        wait_until test -s "$scratch/status"
        [ "$(cat "$scratch/status")" = 1 ]
        grep -q -E "gone|removed" "$scratch/said"
        kill -KILL "$holder"
        wait_until eval '[ "$(own_pgrep -c -x semlock)" -eq 0 ]'
        rm -f "$image" "$scratch/status"
    done
    [ ! -e "$scratch/ran" ]
}

@test "a lock file that is replaced while it is waited for is waited for anew" {
    for gate in "$flock" "$flock?type=ofd"; do
        path=${flock#*:}
        in_background semlock "$gate" -- sleep 1000
        holder=$!
        wait_until eval "! is_free '$gate'"
        in_background semlock "$gate" -- sh -c "echo in >> $scratch/order"
        waiter=$!
        wait_until sleeps "$waiter"
        rm "$path"
        mkfifo "$scratch/go"
        in_background semlock "$gate" -- sh -c "echo first >> $scratch/order; read word < $scratch/go; echo out >> $scratch/order"
        wait_until grep -q -s first "$scratch/order"
        echo > "$scratch/go"
        wait "$waiter"
        [ "$(paste -sd' ' "$scratch/order")" = "first out in" ]
        kill "$holder"
        rm "$scratch/order" "$scratch/go"
    done
}

@test "a set that another program has changed is told, with what to do" {
    needs_namespace
    in_background semlock "$sysv_sem" -- sleep 1000
    holder=$!
    wait_until eval "! is_free '$sysv_sem'"
    perl -e 'semctl(semget(hex $ARGV[0], 0, 0), 0, 16, 0) // die' "${sysv_sem#*:}" # SETVAL, whose number perl does not know
    kill -KILL "$holder"
    wait_until eval "semlock -n $sysv_sem -- true 2>&1 | grep -q 'though a slot is free'"
    expect 2 semlock -n "$sysv_sem" -- true
    says sempost
    expect 2 semlock -w 0.1 "$sysv_sem" -- true
    says sempost
    in_background semlock "$sysv_sem" -- true 2> "$scratch/said"
    waiter=$!
    wait_until grep -q "though a slot is free" "$scratch/said"
    sempost "$sysv_sem"
    wait "$waiter"
    expect 0 semlock -n "$sysv_sem" -- true
}
