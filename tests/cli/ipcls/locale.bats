# SPDX-License-Identifier: MIT
# Names of any bytes, in terminals that take UTF-8 and in those that do not.
load ../helper

odd=$'\303\251\302\233\342\200\256\377\360\237\230\200' # e acute, CSI, a turn of direction, no UTF-8, a face

# Locales with the most common kinds of encodings, as far as they are to be had, made once: some take seconds.
setup_file() {
    encodings=(ISO-8859-1 EUC-JP UTF-8)
    [ -z "${IPCUTILS_LONG-}" ] || encodings+=(ISO-8859-15 GB18030)
    for encoding in "${encodings[@]}"; do
        localedef -i en_US -f "$encoding" "$BATS_FILE_TMPDIR/en_US.$encoding" 2>/dev/null || true
    done
}

# $locales are their names.
with_locales() {
    export LOCPATH=$BATS_FILE_TMPDIR
    export ASAN_OPTIONS=detect_leaks=0 # setlocale(3) itself loses the list that it makes of LOCPATH
    locales=(C C.UTF-8 xx_XX.UTF-8) # the last is not installed
    local path
    for path in "$LOCPATH"/en_US.*; do
        [ ! -d "$path" ] || locales+=("${path##*/}")
    done
}

# in_locale LOCALE COMMAND...: also where it would take for ever.
in_locale() { env LC_ALL="$1" timeout -k 1 60 "${@:2}"; }

is_ascii() { ! LC_ALL=C grep -q $'[^\t -~]' "$@"; }

# Every table and form in which a name can come.
listings=(ipcls "ipcls -r" "ipcls -J" "ipcls --limits" "ipcls --plugins" "ipcls --blocked" "ipcls --blocked -J"
    "ipcls -o +NAME,DETAIL,HOLDERS" "ipcwatch -b -n 1" "ipcwatch -J -n 1")

@test "no listing hangs at a name beyond ASCII, whatever the locale" {
    needs_namespace
    with_locales
    : > "/dev/shm/$odd"
    cp "$(command -v sleep)" "$scratch/$odd"
    "$scratch/$odd" 60 < "/dev/shm/$odd" 3>&- &
    background+=($!)
    for locale in "${locales[@]}"; do
        for listing in "${listings[@]}"; do
            # shellcheck disable=SC2086 # words
            expect 0 in_locale "$locale" $listing
        done
    done
}

@test "outside of UTF-8 nothing but ASCII is printed, on a terminal too" {
    needs_namespace
    with_locales
    : > "/dev/shm/$odd"
    for locale in "${locales[@]}"; do
        [[ $locale != *UTF-8 ]] || continue
        for listing in ipcls "ipcls -r" "ipcls -J" "ipcls -o NAME"; do
            # shellcheck disable=SC2086 # words
            in_locale "$locale" $listing > "$scratch/out"
            is_ascii "$scratch/out"
            in_locale "$locale" script -qec "stty cols 40; $listing" /dev/null < /dev/null | tr -d '\r' > "$scratch/out"
            is_ascii "$scratch/out"
        done
        expect 1 in_locale "$locale" shmmk "posix-shm:/$odd" 4K
        is_ascii <<< "$stderr"
    done
}

@test "a terminal of UTF-8 shows what it can draw, also where the locale is not installed" {
    needs_namespace
    : > /dev/shm/$'\303\251'
    for locale in C.UTF-8 xx_XX.UTF-8 xx_XX.utf8; do
        expect 0 in_locale "$locale" ipcls --noheadings -o ADDRESS
        prints $'posix-shm:/\303\251'
    done
    expect 0 in_locale C ipcls --noheadings -o ADDRESS
    prints posix-shm:/%C3%A9
    expect 0 in_locale C ipcls --noheadings -o NAME
    prints '/\xC3\xA9'
}

@test "what is listed can be pasted into every command, whatever the locale" {
    needs_namespace
    with_locales
    for locale in "${locales[@]}"; do
        in_locale "$locale" shmmk "posix-shm:/$odd" 1 > "$scratch/made"
        address=$(in_locale "$locale" ipcls --noheadings -r -o ADDRESS)
        [ "$address" = "$(cat "$scratch/made")" ]
        printf x | in_locale "$locale" shmcat -i - "$address"
        expect 0 in_locale "$locale" shmcat "$address"
        prints x
        expect 0 in_locale "$locale" ipcls "$address"
        expect 0 in_locale "$locale" shmrm "$address"
        [ ! -e "/dev/shm/$odd" ]
    done
}

@test "JSON is the same in every locale, and holds nothing that a terminal would act on" {
    needs_namespace
    with_locales
    name=$'\303\251\302\233\342\200\256'
    : > "/dev/shm/$name"
    in_locale C ipcls -J -o ADDRESS,NAME > "$scratch/wanted"
    is_ascii "$scratch/wanted"
    grep -qF '"posix-shm:/\u00e9%C2%9B%E2%80%AE"' "$scratch/wanted"
    grep -qF '"/\u00e9\u009b\u202e"' "$scratch/wanted"
    for locale in "${locales[@]}"; do
        in_locale "$locale" ipcls -J -o ADDRESS,NAME | cmp - "$scratch/wanted"
        in_locale "$locale" ipcwatch -J -n 1 > "$scratch/out"
        is_ascii "$scratch/out"
    done
}

@test "hundreds of random names are listed in every locale, and mean their objects" {
    needs_namespace
    with_locales
    seed=${IPCUTILS_SEED:-$RANDOM}
    echo "IPCUTILS_SEED=$seed"
    names=400
    [ "$IPCUTILS_SANITIZE" != ON ] || names=120
    [ -z "${IPCUTILS_LONG-}" ] || names=5000
    # Bytes of all kinds, and whole characters of UTF-8 from all planes.
    (cd /dev/shm && perl -e '
        srand shift;
        sub character { my $code = int rand(rand() < .5 ? 0x3000 : 0x110000); my $text = chr($code); utf8::encode($text); $text }
        for (1 .. shift) {
            my $name = join "", map { rand() < .5 ? chr(1 + int rand 255) : character() } 0 .. rand 12;
            $name =~ s/[\/\0]/_/g;
            next if $name =~ /^\.\.?$/ || length $name > 200;
            open my $file, ">", $name or die "$!";
        }' "$seed" "$names")
    made=$(perl -e 'opendir my $d, "/dev/shm"; print scalar(grep { !/^\.\.?$/ } readdir $d)')
    for locale in "${locales[@]}"; do
        for listing in ipcls "ipcls -r" "ipcls -J" "ipcls -o +NAME,DETAIL"; do
            # shellcheck disable=SC2086 # words
            in_locale "$locale" $listing 'posix-shm:*' > "$scratch/out"
        done
        in_locale "$locale" ipcls --noheadings -o ADDRESS 'posix-shm:*' > "$scratch/addresses"
        [ "$(wc -l < "$scratch/addresses")" -eq "$made" ]
        shuf -n 100 "$scratch/addresses" | sed 's/ *$//' > "$scratch/some"
        in_locale "$locale" xargs -d '\n' ipcls -r --noheadings -o ADDRESS < "$scratch/some" > "$scratch/again"
        [ "$(wc -l < "$scratch/again")" -eq 100 ]
    done
}
