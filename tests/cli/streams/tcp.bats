# SPDX-License-Identifier: MIT
load ../helper

receive() { # OPTION... ADDRESS with port 0; $address and $port are what it became
    in_background bash -c 'exec mqrecv "$@" > "$0/out" 2> "$0/said"' "$scratch" "$@"
    receiver=${background[-1]}
    wait_until grep -q ' is tcp:' "$scratch/said"
    address=$(sed -n 's/.* is \(tcp:[^ ]*\)$/\1/p' "$scratch/said")
    port=${address##*:}
}
received() { [ "$(cat "$scratch/out")" = "$1" ]; }

@test "port 0 says which port it became, on the loopback" {
    receive -f tcp:0
    [[ $address == tcp:127.0.0.1:* ]]
    mqsend "$address" a
    mqsend "tcp:$port" b
    wait_until received $'a\nb'
    getent hosts localhost > /dev/null || skip "localhost has no address here (it stands in /etc/hosts)"
    mqsend "tcp:localhost:$port" c
    wait_until received $'a\nb\nc'
}

@test "other programs can be the sender, and the receiver" {
    receive -f tcp:0
    printf 'one\ntwo\n' > "/dev/tcp/127.0.0.1/$port"
    wait_until received $'one\ntwo'
}

@test "IPv6 hosts stand in brackets" {
    [ -e /proc/net/if_inet6 ] && grep -q '^00000000000000000000000000000001' /proc/net/if_inet6 || skip "no IPv6 here"
    receive -f 'tcp:[::1]:0'
    mqsend "tcp:[::1]:$port" six
    wait_until received six
}

@test "receiving for other machines must be asked for" {
    for host in 0.0.0.0 '[::]'; do
        expect 1 mqrecv -n "tcp:$host:0"
        says "?public=1"
    done
    receive -f 'tcp:0.0.0.0:0?public=1'
    mqsend "tcp:$port" x
    wait_until received x
}

@test "a port in use is an error, one of a receiver that has ended is not" {
    receive -f tcp:0
    expect 1 mqrecv -n "$address"
    says "in use"
    mqsend "$address" x
    wait_until received x
    kill -KILL "$receiver"
    wait "$receiver" || true
    expect 2 mqrecv -n "$address"
}

@test "a sender never takes itself for its receiver" {
    needs_namespace
    # The kernel chooses the port of who connects from these, so that it is the one that is connected to.
    echo 40000 40000 > /proc/sys/net/ipv4/ip_local_port_range
    run --separate-stderr mqsend -n tcp:40000 x
    echo 32768 60999 > /proc/sys/net/ipv4/ip_local_port_range
    [ "$status" -eq 2 ]
    says "nobody receives"
}

@test "malformed hosts and ports are usage errors, unknown hosts errors" {
    for name in 70000 host: :1 a:b:1 x:http '[::1]' '[]:1'; do
        expect 64 mqsend "tcp:$name" x
        says "write PORT"
    done
    expect 1 mqsend tcp:no-such-host.invalid:7 x
    says "looked up"
}

@test "ipcls shows who listens" {
    receive -f tcp:0
    expect 0 ipcls --raw --noheadings -o ADDRESS,HOLDERS "$address"
    [[ $output == "$address $receiver"* ]]
    expect 1 ipcls tcp:127.0.0.1:1
    expect 1 mqrm --force "$address"
    says "no name to remove"
}
