# SPDX-License-Identifier: MIT
# No wait depends on the wall clock.
load ../helper

# at_another_time SECONDS COMMAND...: with a wall clock that is so much ahead of the one by which the kernel waits.
at_another_time() { CLOCK_STEP=$1 LD_PRELOAD=$IPCUTILS_TEST_PROGRAMS/clock_step.so timeout -k 1 -s KILL 30 "${@:2}"; }

needs_preloading() { [ "$IPCUTILS_SANITIZE" != ON ] || skip "a sanitizer wants to be loaded first"; }

@test "-w lasts as long as it says when the wall clock is set while it waits" {
    needs_preloading
    for address in "$mq" "$sysv_mq" "$boost_mq" ring:/feed; do
        mqmk "$address" > /dev/null
        mqsend "$address" x
        mqrecv "$address"
        for step in 3600 -3600; do
            before=$(date +%s%N)
            expect 2 at_another_time "$step" mqrecv -w 0.4 "$address"
            expect 2 at_another_time "$step" mqrecv --wait-for message -w 0.1 "$address"
            [ $(($(date +%s%N) - before)) -ge 490000000 ]
        done
    done
    while mqsend -n -q "$mq" x; do :; done
    for step in 3600 -3600; do
        before=$(date +%s%N)
        expect 2 at_another_time "$step" mqsend -w 0.4 "$mq" x
        [ $(($(date +%s%N) - before)) -ge 390000000 ]
    done
}

@test "semaphores and locks are waited for by the same clock" {
    needs_preloading
    semmk "$sem" 0 > /dev/null
    semmk "$sysv_sem" 0 > /dev/null
    for address in "$sem" "$sysv_sem"; do
        for step in 3600 -3600; do
            before=$(date +%s%N)
            expect 2 at_another_time "$step" semwait -w 0.4 "$address"
            [ $(($(date +%s%N) - before)) -ge 390000000 ]
        done
    done
}
