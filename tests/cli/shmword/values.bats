# SPDX-License-Identifier: MIT
# What a word is and which values it takes.
load ../helper

# does STDOUT WORD...: shmword WORD... ends with status 0 and prints STDOUT.
does() {
    expect 0 shmword "${@:2}"
    prints "$1"
}

@test "every verb on every type and order of bytes, in each kind of segment" {
    for address in "$shm" "$sysv_shm" "$file"; do
        shmmk "$address" 64
        for order in "" le be; do
            for type in i8 i16 i32 i64 u8 u16 u32 u64 f32 f64; do
                does 0 "$address" "$type$order@16"
                does 0 "$address" "$type$order@16" set 5
                does 5 "$address" "$type$order@16" add 2
                does 7 "$address" "$type$order@16" cas 7 9
                expect 2 shmword "$address" "$type$order@16" cas 7 1
                prints 9
                does 9 "$address" "$type$order@16" wait gt 8
                does 9 "$address" "$type$order@16" set 0
            done
        done
        shmcat "$address" | cmp - <(head -c 64 /dev/zero)
    done
}

@test "the order of bytes is what memory shows" {
    shmmk "$shm" 64
    shmword "$shm" u16be@0 set 0x1234
    shmword "$shm" u16le@2 set 0x1234
    shmword "$shm" i32be@4 set -2
    shmword "$shm" u64be@8 set 0x102030405060708
    shmword "$shm" u64le@16 set 0x102030405060708
    shmword "$shm" f32be@24 set 1.5
    shmword "$shm" f64le@32 set 1.5
    shmword "$shm" u8be@40 set 7
    [ "$(shmcat "$shm" --length 41 | od -An -v -w8 -tx1 | tr -d ' ')" = "12343412fffffffe
0102030405060708
0807060504030201
3fc0000000000000
000000000000f83f
07" ]
}

@test "the extremes of every integer, decimal and hexadecimal, and how add wraps" {
    shmmk "$shm" 64
    while read -r type least greatest; do
        shmword "$shm" "$type@8" set "$greatest"
        does "$greatest" "$shm" "$type@8" add 1
        does "$least" "$shm" "$type@8" add -1
        does "$greatest" "$shm" "$type@8" set "$least"
        does "$least" "$shm" "$type@8" set "$(printf '0x%x' "$greatest")"
        does "$greatest" "$shm" "$type@8"
        expect 64 shmword "$shm" "$type@8" set "${greatest}0"
        says "$type: ${greatest}0 is out of range ($least to $greatest)"
        expect 64 shmword "$shm" "$type@8" set "-${greatest}0"
        says "($least to $greatest)"
        does "$greatest" "$shm" "$type@8"
    done <<'END'
i8 -128 127
i16 -32768 32767
i32 -2147483648 2147483647
i64 -9223372036854775808 9223372036854775807
u8 0 255
u16 0 65535
u32 0 4294967295
END
    shmword "$shm" u64@8 set 0xffffffffffffffff
    does 18446744073709551615 "$shm" u64@8 add 2
    does 1 "$shm" u64@8 add -3
    does 18446744073709551614 "$shm" u64@8
    shmword "$shm" i16@8 set -0x10
    does -16 "$shm" i16@8
}

@test "negative numbers need no -- and options may stand anywhere" {
    shmmk "$shm" 64
    does 0 "$shm" i32@0 add -1
    does -1 "$shm" -q i32@0 cas -1 -7 -E 5
    does -7 "$shm" i32@0 wait lt -6 -w 1
    does -7 "$shm" i32@0 set -- -8
    does 0 "$shm" f64@8 set -.5
    does -0.5 "$shm" f64@8 set -inf
    does -inf "$shm" f64@8 set -1e-3
    does -0.001 "$shm" f64@8
    expect 64 shmword "$shm" i32@0 add -x
    says "no option -x"
}

@test "floating point is printed so that it reads back exactly" {
    shmmk "$shm" 64
    for value in 0.1 1e+300 -0 5e-324 1.7976931348623157e+308 0.30000000000000004 inf -nan 'nan(0x1)'; do
        shmword "$shm" f64@8 set "$value"
        does "$value" "$shm" f64@8 cas "$value" 1
    done
    shmword "$shm" f32@0 set 0.1
    does 0.1 "$shm" f32@0 add 0.2
    does 0.3 "$shm" f32@0 || does 0.30000001 "$shm" f32@0
    shmword "$shm" f64@8 set 0x1p-3
    does 0.125 "$shm" f64@8
}

@test "cas of floating point compares bits, wait compares values" {
    shmmk "$shm" 64
    shmword "$shm" f64@8 set -0
    expect 2 shmword "$shm" f64@8 cas 0 1
    prints -0
    does -0 "$shm" f64@8 wait eq 0
    does -0 "$shm" f64@8 set nan
    expect 2 shmword "$shm" f64@8 wait -n eq nan
    does nan "$shm" f64@8 wait ne nan
    does nan "$shm" f64@8 cas nan 1
}

@test "an offset has a unit or is hexadecimal" {
    shmmk "$shm" 8K
    shmword "$shm" u32@4K set 77
    does 77 "$shm" u32@0x1000
    does 77 "$shm" u32@4096 get
}

@test "a word that is not aligned is refused, since it would not be atomic" {
    for address in "$shm" "$sysv_shm" "$file"; do
        shmmk "$address" 64
        for place in u16@1 i32@2 u32be@3 f32@6 u64@4 f64@12; do
            for verb in get "set 1" "add 1" "cas 0 1" "wait eq 0"; do
                # shellcheck disable=SC2086
                expect 1 shmword "$address" $place $verb
                one_line_from shmword
                says "is not a multiple of"
            done
        done
        shmcat "$address" | cmp - <(head -c 64 /dev/zero)
    done
    expect 1 shmword "$shm" u32@3
    says "$shm: offset 3 is not a multiple of 4, the operation would not be atomic"
}

@test "a word beyond the end is refused, also where offset and width overflow" {
    for address in "$shm" "$sysv_shm" "$file"; do
        shmmk "$address" 13
        does 0 "$address" u8@12 add 1
        for place in u8@13 u16@12 u32@12 u64@8 u64@16 f64@15E u64@18446744073709551608; do
            for verb in get "set 1" "wait eq 0"; do
                # shellcheck disable=SC2086
                expect 1 shmword "$address" $place $verb
                one_line_from shmword
                says "13 bytes"
            done
        done
        does 1 "$address" u8@12
    done
    expect 64 shmword "$shm" u8@16E
    one_line_from shmword
}

@test "a type that does not exist, with a suggestion or with those that do" {
    shmmk "$shm" 64
    expect 64 shmword "$shm" u23@0
    says "did you mean u32?"
    expect 64 shmword "$shm" f64eb@0
    says "did you mean f64be?"
    expect 64 shmword "$shm" quadword@0
    says "u64 f32"
    for place in "" @ @0 u32 u32@ u32@x u32@-4 u32@1.5 le@0 i@0 u32lebe@0 $'\e[2J@0'; do
        expect 64 shmword "$shm" "$place"
        one_line_from shmword
        ! printf '%s' "$stderr" | grep -q '[[:cntrl:]]'
    done
}

@test "a verb that does not exist, with a suggestion, and operands that do not fit it" {
    shmmk "$shm" 64
    expect 64 shmword "$shm" u32@0 cass 0 1
    says "did you mean cas?"
    expect 64 shmword "$shm" u32@0 frobnicate
    says "get, set, add, cas, wait"
    for words in "get 1" set "set 1 2" add "add x" "cas 1" "cas 1 2 3" "cas 1 x" "cas x 1" wait "wait eq" \
        "wait 1 eq" "wait equals 1" "wait eq x" "set 1 -n" "get -w 1" "wait eq 0 -n -w 1" "set 1.5" "set 1K"; do
        # shellcheck disable=SC2086
        expect 64 shmword "$shm" u32@0 $words
        one_line_from shmword
        prints ""
    done
    does 0 "$shm" u32@0
}

@test "who may only read can get and wait, and is told what is missing for more" {
    needs_nobody
    chmod 755 "$scratch"
    for address in "$shm" "$sysv_shm" "$file"; do
        shmmk -m 0644 "$address" 64
        shmword "$address" u64@8 set 3
        expect 0 as_nobody shmword "$address" u64@8
        prints 3
        expect 0 as_nobody shmword "$address" u64@8 wait gt 2
        prints 3
        for verb in "set 1" "add 1" "cas 3 1"; do
            # shellcheck disable=SC2086
            expect 1 as_nobody shmword "$address" u64@8 $verb
            one_line_from shmword
            says "$address"
            [[ $stderr == *"may not"* || $stderr == *"ermi"* ]] || { echo "$stderr"; return 1; }
        done
        does 3 "$address" u64@8
    done
}

@test "memory that cannot be mapped can be got, and no more" {
    export IPC_PLUGIN_PATH=$IPCUTILS_BUILD_DIR/tests/abi/plugins
    does 42 toy-memory:far u32le@0
    does 704643072 toy-memory:far u32be@0
    expect 1 shmword toy-memory:far u32@3
    says "not a multiple of 4"
    expect 1 shmword toy-memory:far u64@16
    says "beyond its end"
    for verb in "set 1" "add 1" "cas 42 1" "wait eq 42"; do
        # shellcheck disable=SC2086
        expect 1 shmword toy-memory:far u32@0 $verb
        one_line_from shmword
        says "mapping it takes the right to reach far; atomic access needs a mapping"
    done
}

@test "memory that begins at an odd address has only bytes" {
    export IPC_PLUGIN_PATH=$IPCUTILS_BUILD_DIR/tests/abi/plugins
    does 0 toy-memory:odd u8@0 add 1
    expect 1 shmword toy-memory:odd u16@0
    says "would not be atomic"
    expect 2 shmword toy-memory:odd u8@0 wait eq 1 -w 0.01
}

@test "nothing is changed when what was there could not be told" {
    shmmk "$shm" 64
    run bash -c "shmword $shm u32@0 add 1 2>&1 >&-"
    [ "$status" -eq 1 ]
    [[ $output == "shmword: "*"nothing was changed" ]]
    does 0 "$shm" u32@0
    run bash -c "shmword $shm u32@0 2>&1 > /dev/full"
    [ "$status" -eq 1 ]
    [[ $output == "shmword: "*"No space left on device"* ]]
}

@test "getting changes neither bytes nor times of modification" {
    shmmk "$file" 64
    before=$(stat -c '%s %Y %Z' "${file#*:}")
    does 0 "$file" u64@0
    [ "$(stat -c '%s %Y %Z' "${file#*:}")" = "$before" ]
}
