#!/usr/bin/env bats
# The sentiment workflow on testdata/reviews.csv: what scripts/recipes/sentiment.sh makes, checked
# against figures computed here by awk.

setup_file() {
    export GRU_BIN="${GRU_BIN:-$BATS_TEST_DIRNAME/../build}"
    recipe() { (cd "$BATS_TEST_DIRNAME/.." && sh "scripts/recipes/$1" "${@:2}"); }
    recipe sentiment.sh segment=word epochs=6 threads=1 out="$BATS_FILE_TMPDIR/one" \
        >"$BATS_FILE_TMPDIR/one.out" 2>"$BATS_FILE_TMPDIR/one.err"
}

setup() {
    PATH="$GRU_BIN:$PATH"
    T=$BATS_TEST_DIRNAME/../testdata
    R=$BATS_TEST_DIRNAME/recipes
    one=$BATS_FILE_TMPDIR/one
    cd "$BATS_TEST_TMPDIR"
}

# The column called $2 of the table $1.
column() {
    awk -F '\t' -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i; next } { print $c }' "$1"
}

accuracy() {
    paste <(column "$1" y_true) <(column "$1" label) | awk -F '\t' '$1 == $2 { n++ } END { printf "%.4f", n / NR }'
}

@test "the recipe makes model, predictions, report, history and figures" {
    for file in model.gru predictions.tsv report.txt history.tsv vocab.tsv; do
        [ -s "$one/$file" ]
    done
    if command -v gnuplot; then
        [ "$(head -c 8 "$one/history.png" | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ]
        [ "$(head -c 8 "$one/confusion.png" | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ]
    fi
}

@test "splits are 720, 80 and 200 rows, the test rows scikit-learn's" {
    # train_test_split(range(1000), test_size=.2, random_state=42) tests rows 521, 737, 740, ... from 0
    [ "$(tail -n +2 "$one/predictions.tsv" | wc -l)" = 200 ]
    [ "$(column "$one/predictions.tsv" id | head -n 5 | awk '{ printf "%d ", $1 - 1 }')" = '521 737 740 660 411 ' ]
}

@test "it learns: at least 85 % of the held-out rows are right" {
    accuracy "$one/predictions.tsv" | awk '{ exit !($1 >= 0.85) }'
}

@test "the report's accuracy is what the predictions give" {
    want=$(accuracy "$one/predictions.tsv")
    got=$(gru-eval --json "$one/predictions.tsv" | tr ',{}' '\n\n\n' | sed -n 's/^ *"accuracy": *//p' | head -n 1)
    awk -v a="$want" -v b="$got" 'BEGIN { d = a - b; exit !(b != "" && d <= 0.0001 && d >= -0.0001) }'
}

@test "the four sentences get labels with a confidence from a half to one" {
    tail -n 5 "$BATS_FILE_TMPDIR/one.out" >four
    [ "$(column four text | sed -n 2p)" = 服務很差，態度惡劣，不會再光顧。 ]
    [ "$(column four label | wc -l)" = 4 ]
    column four confidence | awk '!($1 >= 0.5 && $1 <= 1) { bad = 1 } END { exit bad }'
    [ "$(column four label | sed -n 1p)" = positive ]
    [ "$(column four label | sed -n 2p)" = negative ]
}

@test "the same seed gives the same model, whatever the number of threads" {
    (cd "$T/.." && sh "$R/sentiment.sh" segment=word epochs=6 threads=2 out="$BATS_TEST_TMPDIR/two")
    cmp "$one/model.gru" two/model.gru
    cmp "$one/predictions.tsv" two/predictions.tsv
}

@test "raw prediction gives what tokenized prediction gives" {
    # Rows without line feeds or quotes, so that lines and rows are the same.
    { echo text,sentiment; grep -v '"' "$T/reviews.csv" | sed 1d | grep -E ',(positive|negative)$' | head -n 50; } >rows.csv
    sed '1d; s/,[a-z]*$//' rows.csv | gru-predict --raw "$one/model.gru" >raw.tsv
    gru-tokenize --vocab "$one/vocab.tsv" --text text --label sentiment rows.csv | gru-predict "$one/model.gru" >npy.tsv
    [ "$(column raw.tsv score | wc -l)" = 50 ]
    cmp <(column raw.tsv score) <(column npy.tsv score)
}

@test "a file of test rows of its own is used, and the training file not split for it" {
    head -n 300 "$T/reviews.csv" >train.csv
    { head -n 1 "$T/reviews.csv"; grep -v '"' "$T/reviews.csv" | tail -n 60; } >test.csv
    (cd "$T/.." && sh "$R/sentiment.sh" input="$BATS_TEST_TMPDIR/train.csv" test="$BATS_TEST_TMPDIR/test.csv" \
        epochs=1 out="$BATS_TEST_TMPDIR/own")
    [ "$(tail -n +2 own/predictions.tsv | wc -l)" = 60 ]
}

@test "softmax over two classes, and a single layer" {
    (cd "$T/.." && sh "$R/sentiment-softmax.sh" epochs=1 out="$BATS_TEST_TMPDIR/softmax")
    head -n 1 softmax/predictions.tsv | grep -q 'p_negative.*p_positive'
    awk -F '\t' 'NR > 1 { s = $(NF - 1) + $NF - 1; if (!(s < 1e-5 && s > -1e-5)) bad = 1 } END { exit bad }' softmax/predictions.tsv
    (cd "$T/.." && sh "$R/sentiment-single.sh" epochs=1 out="$BATS_TEST_TMPDIR/single")
    [ -s single/model.gru ]
}

@test "three classes and sentences of one's own, from any directory" {
    awk 'BEGIN { print "text,sentiment"
        split("bad good so-so", class); split("awful lovely middling", word)
        for (i = 0; i < 240; i++) print "a film " word[i % 3 + 1] "," class[i % 3 + 1] }' >three.csv
    printf 'a lovely film\nan awful film\n' >mine.txt
    sh "$R/sentiment-softmax.sh" input=three.csv sentences=mine.txt epochs=1 out=three >out
    head -n 1 three/predictions.tsv | grep -q 'p_bad.*p_good.*p_so-so'
    [ "$(tail -n 3 out | cut -f 6)" = "$(printf 'text\na lovely film\nan awful film')" ]
    # One's own file in out= is not emptied, and - is read.
    sh "$R/sentiment-softmax.sh" input=- sentences=three/sentences.txt epochs=1 out=three <three.csv >again
    cmp out again
    run sh "$R/sentiment.sh" input=three.csv epochs=1 out=two
    [ "$status" = 1 ]
    [[ $output == *'sentiment has 3 classes; sentiment-softmax.sh'* ]]
    run sh "$R/sentiment.sh" input=three.csv sentences=none out=none
    [ "$status" = 1 ]
    [ ! -e none/vocab.tsv ]
}

@test "for accuracy: 400 words, none seen once, weights that decay, and at least 85 % right" {
    (cd "$T/.." && sh "$R/sentiment-long.sh" epochs=30 threads=1 out="$BATS_TEST_TMPDIR/long")
    accuracy long/predictions.tsv | awk '{ exit !($1 >= 0.85) }'
    grep -q -x '#min-count 2' long/vocab.tsv
    gru-model show long/model.gru >shown
    grep -q '^input.*400 steps' shown
    grep -q 'adamw:.*weight-decay=0.3$' shown
    grep -q 'schedule.kind cosine' shown
}

@test "the Makefile makes it once, and again when the input changed" {
    cp "$T/reviews.csv" in.csv
    run make -f "$R/sentiment.mk" INPUT=in.csv OUT=made EPOCHS=1
    [ "$status" = 0 ]
    run make -q -f "$R/sentiment.mk" INPUT=in.csv OUT=made EPOCHS=1 made/report.txt
    [ "$status" = 0 ]
    touch -d '1 hour' in.csv
    run make -q -f "$R/sentiment.mk" INPUT=in.csv OUT=made EPOCHS=1 made/report.txt
    [ "$status" = 1 ]
    # Few epochs are too few for an average over one.
    make -n -B -f "$R/sentiment.mk" INPUT=in.csv OUT=made EPOCHS=4 | grep -q -e '--average 0 '
    make -n -B -f "$R/sentiment.mk" INPUT=in.csv OUT=made EPOCHS=5 | grep -q -e '--average 1 '
    # Elsewhere than in the source's root, and without GRU_BIN, the tools are those of its build.
    run env -u GRU_BIN make -n -p -f "$R/sentiment.mk" OUT=elsewhere
    [[ $output == *"PATH := $(cd "$R/../.." && pwd)/build:"* ]]
    [ "$status" = 0 ]
}

@test "the Makefile takes names with blanks" {
    sed '1s/text/the text/; 1s/sentiment/what it says/' "$T/reviews.csv" >in.csv
    make -f "$R/sentiment.mk" INPUT=in.csv OUT=made TEXT='the text' LABEL='what it says' EPOCHS=1
    [ -s made/report.txt ]
}

@test "a misspelt argument is refused" {
    run sh "$R/sentiment.sh" epoch=3
    [ "$status" = 2 ]
    [[ $output == *epoch=3* ]]
}
