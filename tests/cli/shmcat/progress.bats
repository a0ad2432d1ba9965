# SPDX-License-Identifier: MIT
# --progress of shmcat and shmmk. How the display behaves in time is in tests/unit.
load ../helper

prepare() { head -c 1M /dev/urandom > "$scratch/bytes"; }

@test "--progress says on standard error how far it is, and nothing of it comes into the output" {
    shmmk "$shm" -i "$scratch/bytes"
    expect 0 shmcat --progress "$shm" > /dev/null
    [[ ${stderr##*$'\n'} == "shmcat: 1M of 1M, 100 %"* ]]
    [[ $stderr != *$'\r'* && $stderr != *$'\033'* ]]
    shmcat --progress "$shm" 2> /dev/null | cmp - "$scratch/bytes"
}

@test "--progress of what is written into a segment" {
    shmmk "$shm" 2M
    expect 0 shmcat --progress -i "$scratch/bytes" "$shm"
    [[ ${stderr##*$'\n'} == "shmcat: 1M of 1M, 100 %"* ]]
    prints ""
    expect 0 bash -c "cat $scratch/bytes | shmcat --progress -i - $shm"
    [[ ${stderr##*$'\n'} == "shmcat: 1M"* && $stderr != *" of "* ]]
    expect 0 shmmk --progress -i "$scratch/bytes" "$file"
    [[ ${stderr##*$'\n'} == "shmmk: 1M of 1M, 100 %"* ]]
    prints "$file"
}

@test "nothing is said unasked where no terminal is, and nothing on one of a short transfer" {
    shmmk "$shm" -i "$scratch/bytes"
    expect 0 shmcat "$shm" > /dev/null
    [ -z "$stderr" ]
    command -v script >/dev/null || skip "needs script"
    [ -z "$(script -qec "shmcat $shm > /dev/null" /dev/null < /dev/null)" ]
}

@test "--progress goes with bytes that are copied as they are" {
    shmmk "$shm" 16
    for option in -x -f --stable -J; do
        expect 64 shmcat --progress $option "$shm"
        one_line_from shmcat
    done
}
