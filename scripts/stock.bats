#!/usr/bin/env bats
# The stock workflow on testdata/prices.csv: what scripts/recipes/stock.sh makes, checked against the
# table itself by awk.

setup_file() {
    export GRU_BIN="${GRU_BIN:-$BATS_TEST_DIRNAME/../build}"
    (cd "$BATS_TEST_DIRNAME/.." && sh scripts/recipes/stock.sh epochs=3 threads=1 out="$BATS_FILE_TMPDIR/one") \
        >"$BATS_FILE_TMPDIR/one.out" 2>"$BATS_FILE_TMPDIR/one.err"
}

setup() {
    PATH="$GRU_BIN:$PATH"
    T=$BATS_TEST_DIRNAME/../testdata
    R=$BATS_TEST_DIRNAME/recipes
    one=$BATS_FILE_TMPDIR/one
    cd "$BATS_TEST_TMPDIR"
}

column() {
    awk -F '\t' -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i; next } { print $c }' "$1"
}

# The value of one figure of the report as JSON; $2 a pattern before it.
figure() {
    gru-eval --json "$1" | tr -d ' \n' | grep -o "\"$2\":[-0-9.e]*" | head -n 1 | sed 's/.*://'
}

near() { # A B TOLERANCE
    awk -v a="$1" -v b="$2" -v t="$3" 'BEGIN { d = a - b; exit !(a != "" && b != "" && d <= t && d >= -t) }'
}

@test "the recipe makes model, predictions, report, history and figures" {
    for file in model.gru predictions.tsv report.txt history.tsv scaler.tsv window.tsv; do
        [ -s "$one/$file" ]
    done
    if command -v gnuplot; then
        [ "$(head -c 8 "$one/series.png" | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ]
    fi
}

@test "the last fifth of the windows is tested, in order, with dates and prices as in the table" {
    # 1500 rows give 1440 windows; the last 288 of them are for testing
    tail -n 288 "$T/prices.csv" >last
    cmp <(column "$one/predictions.tsv" id) <(cut -d , -f 1 last)
    paste <(column "$one/predictions.tsv" y_true) <(cut -d , -f 5 last) |
        awk '{ d = $1 - $2; if (!(d < 0.001 && d > -0.001)) bad = 1 } END { exit bad || NR != 288 }'
}

@test "predictions are prices, near the actual ones" {
    paste <(column "$one/predictions.tsv" y_true) <(column "$one/predictions.tsv" y_pred) |
        awk '{ d = ($2 - $1) / $1; if (!(d < 0.4 && d > -0.4)) bad = 1 } END { exit bad }'
}

@test "the scaler saw the first 80 % of the rows only" {
    sed 1d "$T/prices.csv" | head -n 1200 | cut -d , -f 5 | sort -g >close
    grep -v '^#' "$one/scaler.tsv" >scaler
    near "$(column scaler min)" "$(head -n 1 close)" 1e-6
    near "$(column scaler max)" "$(tail -n 1 close)" 1e-6
}

@test "RMSE, MAE and the naive forecast's RMSE are what the table gives" {
    paste <(column "$one/predictions.tsv" y_true) <(column "$one/predictions.tsv" y_pred) |
        awk '{ d = $1 - $2; s += d * d; a += d < 0 ? -d : d } END { printf "%.6f %.6f\n", sqrt(s / NR), a / NR }' >mine
    near "$(figure "$one/predictions.tsv" rmse)" "$(cut -d ' ' -f 1 mine)" 0.0005
    near "$(figure "$one/predictions.tsv" mae)" "$(cut -d ' ' -f 2 mine)" 0.0005
    naive=$(tail -n 289 "$T/prices.csv" | awk -F , 'NR > 1 { d = $5 - p; s += d * d } { p = $5 } END { printf "%.6f", sqrt(s / (NR - 1)) }')
    near "$(figure "$one/predictions.tsv" naive_rmse)" "$naive" 0.0005
}

@test "five days are forecast from the raw file, from cron's empty environment too" {
    env -i "$GRU_BIN/gru-predict" --raw --steps 5 "$one/model.gru" "$T/prices.csv" >five.tsv
    [ "$(column five.tsv y_pred | wc -l)" = 5 ]
    column five.tsv y_pred | awk '!($1 > 20 && $1 < 120) { bad = 1 } END { exit bad }'
    # The recipe printed the same.
    tail -n 6 "$BATS_FILE_TMPDIR/one.out" | cmp - five.tsv
}

@test "the same seed gives the same model, whatever the number of threads" {
    (cd "$T/.." && sh "$R/stock.sh" epochs=3 threads=2 out="$BATS_TEST_TMPDIR/two")
    cmp "$one/model.gru" two/model.gru
    cmp "$one/predictions.tsv" two/predictions.tsv
}

@test "a pipe can be read, though the table is needed twice" {
    sh "$R/stock.sh" input=- epochs=3 threads=1 out=piped < <(cat "$T/prices.csv") | tail -n 6 >five.tsv
    cmp piped/model.gru "$one/model.gru"
    tail -n 6 "$BATS_FILE_TMPDIR/one.out" | cmp - five.tsv
}

@test "several columns" {
    (cd "$T/.." && sh "$R/stock-multivariate.sh" epochs=1 out="$BATS_TEST_TMPDIR/several") >out
    cmp <(column several/predictions.tsv id) <(column "$one/predictions.tsv" id)
    [ "$(grep -vc '^#' several/window.tsv)" = 6 ]
}

@test "columns other than the target are scaled with it, and one day is forecast" {
    sh "$R/stock.sh" features=Open,Volume epochs=1 threads=1 out=other >out
    [ "$(grep -v '^#' other/scaler.tsv | cut -f 1 | paste -sd ' ')" = "column Open Volume Close" ]
    [ "$(tail -n 2 out | head -n 1)" = "id"$'\t'"y_pred" ]
}

@test "the Makefile takes names with blanks, and several columns" {
    sed '1s/Close/Adj Close/' "$T/prices.csv" >in.csv
    make -f "$R/stock.mk" INPUT=in.csv OUT=made COLUMN='Adj Close' EPOCHS=1
    [ "$(column made/forecast.tsv y_pred | wc -l)" = 5 ]
    make -f "$R/stock.mk" INPUT=in.csv OUT=wide COLUMN='Adj Close' FEATURES='Open,Adj Close' EPOCHS=1
    [ "$(column wide/forecast.tsv y_pred | wc -l)" = 1 ]
}

@test "weights are averaged over a twelfth of the epochs, and four at most" {
    [ -z "$(gru-model show "$one/model.gru" | grep average)" ]
    for case in 11:0 12:1 36:3 50:4 200:4; do
        make -n -f "$R/stock.mk" INPUT="$T/prices.csv" OUT=made EPOCHS="${case%:*}" | grep -q -e "--average ${case#*:} "
    done
    sh "$R/stock.sh" epochs=24 out=made >out
    steps=$((($(gru-model show made/model.gru | awk '$1 == "samples" { print $2 }') + 31) / 32))
    near "$(gru-model show made/model.gru | sed -n 's/.*unbiased-average=//p')" \
        "$(awk -v n="$steps" 'BEGIN { printf "%.12f", 1 - 1 / (2 * n) }')" 1e-9
    sh "$R/stock.sh" epochs=12 average=0 out=made >out
    [ -z "$(gru-model show made/model.gru | grep average)" ]
    run sh "$R/stock.sh" epochs=many out=made
    [ "$status" -eq 2 ]
    [[ "$output" == *"--epochs"*many* ]]
}

@test "the toy of three points is learned by heart" {
    (cd "$T/.." && sh "$R/toy.sh" out="$BATS_TEST_TMPDIR/toy") >out
    gru-predict toy/model.gru toy/train.npy >p.tsv
    column p.tsv y_pred | awk '{ d = $1 - 10 * NR; if (!(d < 0.1 && d > -0.1)) bad = 1 } END { exit bad || NR != 3 }'
}

@test "the Makefile makes it once, and again when the input changed" {
    cp "$T/prices.csv" in.csv
    run make -f "$R/stock.mk" INPUT=in.csv OUT=made EPOCHS=1
    [ "$status" = 0 ]
    run make -q -f "$R/stock.mk" INPUT=in.csv OUT=made EPOCHS=1 made/report.txt
    [ "$status" = 0 ]
    touch -d '1 hour' in.csv
    run make -q -f "$R/stock.mk" INPUT=in.csv OUT=made EPOCHS=1 made/report.txt
    [ "$status" = 1 ]
    # Elsewhere than in the source's root, and without GRU_BIN, the tools are those of its build.
    run env -u GRU_BIN make -n -p -f "$R/stock.mk" OUT=elsewhere
    [[ $output == *"PATH := $(cd "$R/../.." && pwd)/build:"* ]]
    [ "$status" = 0 ]
}

@test "fewer rows than one window are refused, and nothing is left behind" {
    head -n 40 "$T/prices.csv" >short.csv
    run sh -c "cd '$T/..' && sh '$R/stock.sh' input='$BATS_TEST_TMPDIR/short.csv' out='$BATS_TEST_TMPDIR/short' 2>&1"
    [ "$status" = 1 ]
    [ ! -e short/model.gru ]
    [ ! -e short/train.npy ]
}
