# SPDX-License-Identifier: MIT
# A command that a signal stops dies of it, so that a shell ends its loop too.
load ../helper

# died_of SIGNAL COMMAND...: it gets the signal once it sleeps, and dies of it. Not a status: a shell shows both as one.
died_of() {
    perl -e '
        my $signal = shift;
        my $process = fork // die;
        exec @ARGV or die unless $process;
        for (1 .. 1000) {
            open my $file, "<", "/proc/$process/stat";
            my $line = <$file> // "";
            last if $line =~ /\) S / && $line !~ /\(perl\)/;
            select undef, undef, undef, .02;
        }
        kill $signal, $process;
        waitpid $process, 0;
        die "status $?\n" if ($? & 127) != $signal' "$@" < /dev/null
}

@test "every command that waits dies of SIGINT, SIGTERM and SIGHUP" {
    mqmk "$mq" > /dev/null
    mqmk "$sysv_mq" > /dev/null
    mqmk "$boost_mq" > /dev/null
    mkfifo "$scratch/fifo"
    semmk "$sem" 0 > /dev/null
    semmk "$sysv_sem" 0 > /dev/null
    shmmk "$shm" 4096 > /dev/null
    for signal in 2 15 1; do
        died_of $signal mqrecv "$mq"
        died_of $signal mqrecv -f "$sysv_mq"
        died_of $signal mqrecv -w 100 "$boost_mq"
        died_of $signal mqrecv "$sysv_mq" -- true
        died_of $signal mqrecv --wait-for message "$mq"
        died_of $signal mqrecv "fifo:$scratch/fifo"
        died_of $signal mqsend "fifo:$scratch/fifo" text
        died_of $signal semwait "$sem"
        died_of $signal semwait "$sysv_sem"
        died_of $signal shmword "$shm" u32@0 wait eq 7
    done
}

@test "a signal that the caller ignores or blocks stops nothing, and -w ends the wait all the same" {
    mqmk "$mq" > /dev/null
    for how in --ignore-signal=INT --block-signal=INT; do
        expect 2 perl -e '
            my $process = fork // die;
            exec "env", $ARGV[0], "mqrecv", "-w", "2", $ARGV[1] or die unless $process;
            select undef, undef, undef, .5;
            kill 2, $process;
            waitpid $process, 0;
            exit($? & 127 ? 99 : $? >> 8)' -- "$how" "$mq"
    done
}
