# SPDX-License-Identifier: MIT
# Managed segments of Boost.Interprocess, as a user of the commands meets them.
load ../cli/helper

prepare() {
    pool=$boost_shm
    leaf=${pool#*:}
}

# construct [NAME=TEXT...]: in the segment, by a program that uses Boost.
construct() { "$IPCUTILS_TEST_PROGRAMS/construct" "$leaf" "$@"; }

@test "a program finds the segment that shmmk made, and shmcat what the program puts into it" {
    expect 0 shmmk "$pool" 64K
    prints "$pool"
    construct 'greeting=hello, world' 'table=0123456789' > /dev/null
    expect 0 shmcat "$pool#greeting"
    prints "hello, world"
    expect 0 shmcat --offset 3 --length 4 "$pool#table"
    prints 3456
    expect 0 shmcat "boost-shm:/$leaf#greeting"
    prints "hello, world"
}

@test "an object is written in its place and nothing beside it" {
    shmmk "$pool" 64K > /dev/null
    construct left=aaaaaaaaaa middle=bbbbbbbbbb right=cccccccccc > /dev/null
    printf BBB | shmcat -i - --offset 2 "$pool#middle"
    expect 0 shmcat "$pool#middle"
    prints bbBBBbbbbb
    expect 0 shmcat "$pool#left"
    prints aaaaaaaaaa
    expect 0 shmcat "$pool#right"
    prints cccccccccc
    printf 0123456789x > "$scratch/long"
    expect 1 shmcat -i "$scratch/long" "$pool#middle"
    expect 1 shmcat -i "$scratch/long" --resize "$pool#middle"
    expect 1 shmcat -i "$scratch/long" --resize "$pool"
    construct > /dev/null
}

@test "an object's name may hold any byte, and none of them reaches the terminal" {
    shmmk "$pool" 64K > /dev/null
    construct $'a/b?c#d\e[2J=odd' > /dev/null
    expect 0 shmcat "$pool#a/b%3Fc#d%1B[2J"
    prints odd
    expect 1 shmcat "$pool#"$'nonesuch\e[2J'
    [[ $stderr != *$'\e'* ]]
    says "$pool#nonesuch%1B"
    says "no object of that name"
    one_line_from shmcat
}

@test "a managed segment has a least size, which the error names" {
    expect 1 shmmk "$pool" 100
    says "(288 are the least)"
    [ ! -e "/dev/shm/$leaf" ]
    expect 0 shmmk "$pool" 288
    expect 0 construct
}

@test "creating is exclusive, with exactly the mode asked for" {
    expect 0 shmmk -m 0640 "$pool" 64K
    [ "$(stat -c %a "/dev/shm/$leaf")" = 640 ]
    construct kept=yes > /dev/null
    expect 1 shmmk "$pool" 64K
    says "there is one already"
    expect 0 shmmk --reuse "$pool" 64K
    expect 0 shmcat "$pool#kept"
    prints yes
}

@test "a file system that is full is an error at creation and leaves nothing behind" {
    needs_namespace
    mount -t tmpfs -o size=1M tmpfs /dev/shm || skip "no tmpfs can be mounted"
    expect 1 shmmk "$pool" 8M
    says "full"
    [ "$(ls -A /dev/shm)" = "" ]
    umount /dev/shm
}

@test "ipcls shows the segment with what is used in it, beside its file" {
    shmmk "$pool" 64K > /dev/null
    free=$(construct one=1 two=22 three=333)
    hold posix-shm "/$leaf"
    expect 0 ipcls --noheadings -b -o ADDRESS,STATE,SIZE,USED,PIDS,DETAIL "$pool"
    [ "$(tr -s ' ' <<< "$output")" = "$pool in use 65536 $((65536 - free)) $holder 3 objects" ]
    [ "$(ipcls --noheadings -o PIDS "posix-shm:/$leaf")" = "$holder" ]
    expect 1 shmrm "$pool"
    says "held by $holder"
    expect 0 shmrm --force "$pool"
    [ ! -e "/dev/shm/$leaf" ]
}

@test "ipcls lists no other memory as a managed segment, and opens no FIFO" {
    needs_namespace
    shmmk "$pool" 64K > /dev/null
    shmmk posix-shm:/plain 64K > /dev/null
    mkfifo /dev/shm/pipe
    ln -s "$leaf" /dev/shm/link
    cp "/dev/shm/$leaf" '/dev/shm/with#mark'
    in_background sh -c 'echo x > /dev/shm/pipe'
    wait_until sleeps $!
    expect 0 timeout 10 ipcls --noheadings -o ADDRESS 'boost-shm:*'
    prints "$pool"
    sleeps $!
    expect 1 timeout 10 shmcat boost-shm:pipe
    expect 1 shmcat boost-shm:link
}

@test "what this user may not read is not listed, and looked at by name it is denied" {
    needs_namespace
    needs_nobody
    shmmk "$pool" 64K > /dev/null
    run --separate-stderr as_nobody ipcls --noheadings -o ADDRESS
    [[ $output == *"posix-shm:/$leaf"* && $output != *"$pool"* ]]
    run --separate-stderr as_nobody ipcls --noheadings -o ADDRESS,USED "$pool"
    [[ $output =~ ^"$pool"\ +\?$ ]]
}

@test "a damaged segment is told with what is wrong, its bytes are read and it can be removed" {
    shmmk "$pool" 64K > /dev/null
    construct one=1 > /dev/null
    printf '\377\377\377\377\377\377\377\377' | dd of="/dev/shm/$leaf" bs=8 seek=12 conv=notrunc status=none
    expect 1 shmcat "$pool#one"
    says "its structure is damaged: it says that"
    [[ $(ipcls --noheadings -o DETAIL "$pool") == *damaged* ]]
    expect 0 shmcat --offset 0 --length 1 "$pool"
    expect 0 shmrm "$pool"
}

@test "memory that is no managed segment says so when an object in it is asked for" {
    shmmk "posix-shm:/$leaf" 64K > /dev/null
    expect 1 shmcat "$pool#one"
    says "no managed segment"
    one_line_from shmcat
}

@test "objects inside a segment are neither created nor removed" {
    shmmk "$pool" 64K > /dev/null
    construct one=1 > /dev/null
    expect 1 shmmk "$pool#two" 100
    says "leave out #"
    expect 1 shmrm --force "$pool#one"
    says "leave out #"
    expect 0 shmcat "$pool#one"
    prints 1
}

@test "malformed names are wrong usage" {
    for address in boost-shm: boost-shm:/ boost-shm:a/b boost-shm:.. 'boost-shm:#object' "boost-shm:a?populate=2" \
        "boost-shm:$(printf '%0300d' 0)"; do
        expect 64 shmmk "$address" 4K
        one_line_from shmmk
    done
}
