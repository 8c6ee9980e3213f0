#!/usr/bin/env bats
# The examples of the man pages run as they are printed: .Bd -literal and .Dl of EXAMPLES, and the whole
# of gru.7, in a directory that holds the files they speak of. So do the first ones of README.md.

setup_file() {
    export GRU_BIN="${GRU_BIN:-$BATS_TEST_DIRNAME/../build}"
    PATH=$GRU_BIN:$PATH
    export BOX=$BATS_FILE_TMPDIR/box
    mkdir -p "$BOX/testdata"
    cp "$BATS_TEST_DIRNAME"/../testdata/*.csv "$BOX/testdata"
    cp "$BATS_TEST_DIRNAME"/../testdata/*.csv "$BATS_TEST_DIRNAME"/recipes/*.arch "$BOX"
    cd "$BOX"
    gru-tokenize --fit vocab.tsv --text text --label sentiment --max-len 20 -o reviews.npy reviews.csv
    gru-split --order random --test 20% --validation 10% train.npy validation.npy test.npy <reviews.npy
    gru-train -q --arch 'embedding 10000 8; gru 8; dense 1 sigmoid' --epochs 1 --attach vocab.tsv \
        --history history.tsv --checkpoint run.checkpoint -o sentiment.gru train.npy
    gru-predict -o predictions.tsv sentiment.gru test.npy
    gru-scale --fit scaler.tsv --fit-rows 80% --columns Close -o scaled.tsv prices.csv
    gru-window --fit window.tsv --length 60 --features Close --target Close --index Date -o windows.npy scaled.tsv
    gru-split --order time --test 20% stock-train.npy stock-test.npy <windows.npy
    gru-train -q --arch 'gru 8; dense 1' --epochs 1 --attach scaler.tsv --attach window.tsv -o stock.gru stock-train.npy
    gru-predict -o prices-predicted.tsv stock.gru stock-test.npy
}

# The commands of a page, as the reader sees them.
examples() { # PAGE SECTION ("" for all)
    awk -v want="$2" '
        /^\.Sh / { section = substr($0, 5); next }
        want != "" && section != want { next }
        /^\.Bd -literal/ { inside = 1; next }
        /^\.Ed/ { inside = 0; next }
        /^\.Dl / { print substr($0, 5); next }
        inside { print }' "$1" |
        sed -e 's/^\$ //' -e 's/\\e/\\/g' -e 's/\\&//g' -e 's/\\-/-/g' -e "s/\\\\(aq/'/g" -e 's/\\(dq/"/g'
}

# Runs a page's examples in a copy of the box, and says which command failed.
run_page() { # PAGE SECTION
    page=$BATS_TEST_DIRNAME/../man/$1
    [ -f "$page" ] || skip "no $1"
    cp -r "$BOX" "$BATS_TEST_TMPDIR/box"
    cd "$BATS_TEST_TMPDIR/box"
    # The tutorial may take longer than an example should.
    examples "$page" "$2" >commands
    [ -s commands ]
    PATH=$GRU_BIN:$PATH bash -e -o pipefail -x commands </dev/null >out 2>err || {
        tail -n 5 err
        return 1
    }
}

@test "README's first commands, from the source's root" {
    sed -n '/^```sh/,/^```/{/^```/d;p;}; /^## /q' "$BATS_TEST_DIRNAME/../README.md" >"$BATS_TEST_TMPDIR/commands"
    mkdir -p "$BATS_TEST_TMPDIR/source/build"
    cd "$BATS_TEST_TMPDIR/source"
    ln -s "$BATS_TEST_DIRNAME/../testdata" "$BATS_TEST_DIRNAME" .
    # Nothing to be made: the tools are those under test.
    echo all: >Makefile
    PATH=$GRU_BIN:$PATH bash -e -o pipefail ../commands >out
    [[ "$(tail -n 1 out)" == positive* ]]
    [ "$(LC_ALL=C ls | tr '\n' ' ')" = 'Makefile build out scripts testdata ' ]
    # Both languages show the same.
    sed -n '/^```sh/,/^```/{/^```/d;p;}; /^## /q' "$BATS_TEST_DIRNAME/../README.zh-TW.md" | cmp - ../commands
}

@test "gru.7" { run_page gru.7 ""; }
@test "gru-tokenize.1" { run_page gru-tokenize.1 EXAMPLES; }
@test "gru-clean.1" { run_page gru-clean.1 EXAMPLES; }
@test "gru-scale.1" { run_page gru-scale.1 EXAMPLES; }
@test "gru-window.1" { run_page gru-window.1 EXAMPLES; }
@test "gru-split.1" { run_page gru-split.1 EXAMPLES; }
@test "gru-train.1" { run_page gru-train.1 EXAMPLES; }
@test "gru-predict.1" { run_page gru-predict.1 EXAMPLES; }
@test "gru-eval.1" { run_page gru-eval.1 EXAMPLES; }
@test "gru-plot.1" { run_page gru-plot.1 EXAMPLES; }
@test "gru-model.1" { run_page gru-model.1 EXAMPLES; }
