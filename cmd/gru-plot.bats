#!/usr/bin/env bats
# gru-plot as its user meets it: every figure, every form, and bad input.

bats_require_minimum_version 1.5.0

setup() {
    PATH="${GRU_BIN:-$BATS_TEST_DIRNAME/../build}:$PATH"
    cd "$BATS_TEST_TMPDIR"
    G=$BATS_TEST_DIRNAME/../testdata/golden/metrics
    # Plotting a table of three epochs.
    printf 'epoch\tloss\taccuracy\tval_loss\tval_accuracy\n1\t0.7\t0.5\t0.7\t0.5\n2\t0.5\t0.7\t0.6\t0.6\n3\t0.3\t0.9\t0.5\t0.8\n' >history.tsv
    printf 'id\ty_true\ty_pred\n2024-01-02\t10\t11\n2024-01-03\t12\t11.5\n2024-01-04\t11\t11.7\n' >series.tsv
}

fails() {
    [ "$status" -eq 1 ] && [ "${#lines[@]}" -eq 1 ] && [[ "$output" == *"$1"* ]]
}

needs_gnuplot() {
    command -v gnuplot >/dev/null || skip 'no gnuplot'
}

size_of() { # width x height of a PNG, from its header
    od -An -tu1 -j16 -N8 "$1" | awk '{ print ($3 * 256 + $4) "x" ($7 * 256 + $8) }'
}

@test "history, confusion, series, scatter and distribution as PNG" {
    needs_gnuplot
    gru-plot history -o h.png history.tsv
    gru-plot confusion -o c.png "$G/binary.tsv"
    gru-plot series -o s.png series.tsv
    gru-plot scatter -o x.png series.tsv
    gru-plot distribution -o d.png series.tsv
    gru-plot roc -o r.png "$G/binary.tsv"
    for f in h c s x d r; do
        [ "$(head -c 8 $f.png | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ]
        [ "$(wc -c <$f.png)" -gt 2000 ]
    done
}

@test "the size is as asked for" {
    needs_gnuplot
    gru-plot series --size 640x480 -o s.png series.tsv
    [ "$(size_of s.png)" = 640x480 ]
}

@test "SVG holds title and labels as text, Chinese too" {
    needs_gnuplot
    gru-plot confusion --title 情感分析 -o c.svg "$G/binary_zh.tsv"
    grep -q 情感分析 c.svg
    grep -q 負面 c.svg
    head -c 100 c.svg | grep -q '<?xml\|<svg'
}

@test "PDF" {
    needs_gnuplot
    gru-plot series -o s.pdf series.tsv
    [ "$(head -c 5 s.pdf)" = %PDF- ]
}

@test "without -o it is drawn in the terminal" {
    needs_gnuplot
    gru-plot series series.tsv >out
    grep -q actual out
    gru-plot series <series.tsv | cmp - out
}

@test "a missing gnuplot is a clear message and no file" {
    mkdir bin
    run env PATH="$PWD/bin" "$(command -v gru-plot)" series -o s.png series.tsv
    fails gnuplot
    [ ! -e s.png ]
}

@test "bad input: one line, exit 1, no file" {
    run gru-plot series -o out.png /dev/null
    [ "$status" -eq 1 ] && [ "${#lines[@]}" -eq 1 ]
    printf 'id\ty_true\ty_pred\n' >head.tsv
    run gru-plot series -o out.png head.tsv
    [ "$status" -eq 1 ] && [ "${#lines[@]}" -eq 1 ]
    run gru-plot history -o out.png series.tsv
    [ "$status" -eq 1 ] && [ "${#lines[@]}" -eq 1 ]
    printf 'id\ty_true\ty_pred\na\tabc\t3\n' >word.tsv
    run gru-plot series -o out.png word.tsv
    fails "word.tsv:2"
    run gru-plot series -o out.png missing.tsv
    fails "missing.tsv"
    [ ! -e out.png ]
    run gru-plot series -o no/such/dir.png series.tsv
    [ "$status" -eq 1 ] && [ "${#lines[@]}" -eq 1 ]
}

@test "bad command lines are exit 2" {
    run -2 gru-plot
    run -2 gru-plot portrait series.tsv
    run -2 gru-plot series --size huge series.tsv
    run -2 gru-plot series --no-such-option series.tsv
}

@test "a full disk is an error, a closed pipe is quiet" {
    needs_gnuplot
    run -1 --separate-stderr bash -c 'gru-plot series series.tsv >/dev/full'
    [ "${#stderr_lines[@]}" -eq 1 ]
    run --separate-stderr bash -c 'gru-plot series series.tsv | head -c 1'
    [ -z "$stderr" ]
}
