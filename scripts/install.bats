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
        cc -fsyntax-only -x c $flags "$header" || { echo "$header" && return 1; }
    done <"$BATS_TEST_TMPDIR/headers"
}
