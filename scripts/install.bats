#!/usr/bin/env bats
# make install and uninstall, and the library as another program finds it.

setup() {
    BUILD=${GRU_BIN:-$BATS_TEST_DIRNAME/../build}
    case $BUILD in */asan*) skip 'the plain build is installed' ;; esac
    cd "$BATS_TEST_DIRNAME/.."
    D=$BATS_TEST_TMPDIR/root
    make -s install BUILD=build DESTDIR="$D" PREFIX=/usr
}

@test "what is built stays built: make has nothing to do" {
    make -q BUILD=build all
}

@test "tools, pages, completions and library are installed, and uninstalled to the last file" {
    "$D/usr/bin/gru-scale" --version
    [ -f "$D/usr/share/man/man7/gru.7" ]
    [ -s "$D/usr/share/bash-completion/completions/gru-scale" ]
    bash -n "$D/usr/share/bash-completion/completions/gru-scale"
    make -s uninstall BUILD=build DESTDIR="$D" PREFIX=/usr
    [ -z "$(find "$D" -type f -o -type l)" ]
}

@test "a program compiles and runs against the installed library by pkg-config" {
    cat >"$BATS_TEST_TMPDIR/x.c" <<'END'
#include <nn/arch.h>
#include <stdio.h>
int main(void) {
    gru_arch *arch;
    gru_error err = {0};
    if (gru_arch_parse(&arch, "gru 8; dense 1", "x", &err) != GRU_OK)
        return 1;
    printf("%zu\n", arch->count);
    gru_arch_free(arch);
    return 0;
}
END
    export PKG_CONFIG_PATH=$D/usr/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=
    # shellcheck disable=SC2046
    cc -o "$BATS_TEST_TMPDIR/x" "$BATS_TEST_TMPDIR/x.c" $(pkg-config --define-variable=prefix="$D/usr" --cflags --libs gru)
    run env LD_LIBRARY_PATH="$D/usr/lib" "$BATS_TEST_TMPDIR/x"
    [ "$output" = 2 ]
    cc -o "$BATS_TEST_TMPDIR/y" "$BATS_TEST_TMPDIR/x.c" -I"$D/usr/include/gru" "$D/usr/lib/libgru.a" \
        $(pkg-config --define-variable=prefix="$D/usr" --static --libs gru)
    "$BATS_TEST_TMPDIR/y"
}

@test "every installed header compiles alone" {
    flags=$(PKG_CONFIG_PATH=$D/usr/lib/pkgconfig pkg-config --define-variable=prefix="$D/usr" --cflags gru)
    [ ! -e "$D/usr/include/gru/kern/kern_body.h" ]
    find "$D/usr/include/gru" -name '*.h' >"$BATS_TEST_TMPDIR/headers"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/headers")" -gt 40 ]
    while read -r header; do
        # shellcheck disable=SC2086
        cc -std=c11 -Wall -Wextra -Werror -fsyntax-only -x c $flags "$header" || { echo "$header" && return 1; }
    done <"$BATS_TEST_TMPDIR/headers"
}

# What a program against the installed library is compiled and linked with.
use() {
    PKG_CONFIG_PATH=$D/usr/lib/pkgconfig pkg-config --define-variable=prefix="$D/usr" --cflags --libs gru
}

@test "gru.h: the example in it answers as gru-predict does" {
    cd "$BATS_TEST_TMPDIR"
    sed -n '/^ \*     #include <gru.h>/,/^ \*     }/s/^ \*     //p' "$D/usr/include/gru/gru.h" >one.c
    # shellcheck disable=SC2046
    cc -std=c11 -Wall -Wextra -Werror -o one one.c $(use)
    printf '%s\n' v .1 .5 .2 .7 .4 .9 |
        "$D/usr/bin/gru-window" --length 5 --target v -o x.npy
    "$D/usr/bin/gru-train" -q --arch 'gru 4; dense 1' --epochs 1 -o m.gru x.npy
    run env LD_LIBRARY_PATH="$D/usr/lib" ./one m.gru .1 .5 .2 .7 .4
    [ "$status" -eq 0 ]
    "$D/usr/bin/gru-predict" m.gru x.npy | awk -v got="$output" -F'\t' \
        'NR == 2 { d = $3 - got; exit !(d < 1e-6 && d > -1e-6) }'
    run env LD_LIBRARY_PATH="$D/usr/lib" ./one x.npy .1
    [ "$status" -eq 1 ]
    [[ "$output" == x.npy* ]]
}

@test "gru.h: a C++ program compiles and links" {
    command -v c++ >/dev/null || skip 'no c++'
    cd "$BATS_TEST_TMPDIR"
    cat >x.cpp <<'END'
#include <cmath>
#include <gru.h>
#include <iostream>
#include <string>
int main() {
    gru_arch *arch = nullptr;
    gru_error err{};
    if (gru_arch_parse(&arch, "gru 8; dense 1", "x", &err) != GRU_OK)
        return 1;
    gru_package package;
    gru_status status = gru_package_read(&package, "nowhere.gru", &err);
    std::cout << arch->count << ' ' << (status == GRU_ERR_IO) << ' ' << std::string(err.message) << '\n';
    gru_arch_free(arch);
}
END
    # shellcheck disable=SC2046
    c++ -Wall -Wextra -Werror -o x x.cpp $(use)
    run env LD_LIBRARY_PATH="$D/usr/lib" ./x
    [ "$status" -eq 0 ]
    [[ "$output" == "2 1 nowhere.gru"* ]]
}
