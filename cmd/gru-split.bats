#!/usr/bin/env bats
# gru-split as its user meets it; lib/train/split_test.c holds the rows to scikit-learn's.

bats_require_minimum_version 1.5.0

setup() {
    PATH="${GRU_BIN:-$BATS_TEST_DIRNAME/../build}:$PATH"
    cd "$BATS_TEST_TMPDIR"
    T=$BATS_TEST_DIRNAME/../testdata
    (echo 'n,c'; for i in 0 1 2 3 4 5 6 7 8 9; do echo "$i,$((i % 2))"; done) > n.csv
    (echo v; seq 1 12) > v.tsv
    gru-window --length 2 --target v v.tsv > w.npy
}

fails() {
    [ "$status" -eq 1 ] && [ "${#lines[@]}" -eq 1 ] && [[ "$output" == *"$1"* ]]
}

rows() {
    tail -n +2 "$1" | cut -f1 | tr '\n' ' '
}

@test "time order: the last rows test, those before them validate" {
    gru-split --test 20% --validation 2 a v b < n.csv
    [ "$(rows a)" = "0 1 2 3 4 5 " ]
    [ "$(rows v)" = "6 7 " ]
    [ "$(rows b)" = "8 9 " ]
}

@test "random rows are those of train_test_split(random_state=42)" {
    gru-split --order random --test 0.3 --seed 42 --input n.csv a b
    [ "$(rows b)" = "8 1 5 " ]
    [ "$(rows a)" = "0 7 2 9 4 3 6 " ]
}

@test "stratified keeps the classes' shares" {
    gru-split --order stratified --label c --test 40% --input n.csv a b
    [ "$(cut -f2 b | grep -c 1)" -eq 2 ]
    [ "$(cut -f2 a | grep -c 1)" -eq 3 ]
}

@test "folds and forward chaining" {
    gru-split --folds 5 --fold 2 --input n.csv a b
    [ "$(rows b)" = "2 3 " ]
    gru-split --folds 4 --fold 2 --forward-chaining --input n.csv a b
    [ "$(rows a)" = "0 1 2 3 " ]
    [ "$(rows b)" = "4 5 " ]
    gru-split --folds 4 --fold 2 --forward-chaining --sliding --input n.csv a b
    [ "$(rows a)" = "2 3 " ]
}

@test "a tensor stream from a pipe and from a file divide alike, gzip and all" {
    gru-split --order random --test 3 --input w.npy a.npy b.npy
    cat w.npy | gru-split --order random --test 3 c.npy d.npy
    cmp a.npy c.npy
    cmp b.npy d.npy
    gzip -k w.npy
    gru-split --order random --test 3 --input w.npy.gz e.npy f.npy
    cmp b.npy f.npy
    [ "$(($(wc -c < a.npy) - $(wc -c < b.npy)))" -eq $((4 * 36)) ]
}

@test "a file of several megabytes divides as from a pipe, in time order and in every other" {
    (echo v; seq 1 12000) | gru-window --length 90 --target v > w.npy
    for how in "--test 10% --validation 20% --gap 3" "--order random --test 10% --validation 20%"; do
        gru-split $how --input w.npy a v b
        cat w.npy | gru-split $how c w d
        cmp a c
        cmp v w
        cmp b d
    done
    gru-split --folds 3 --fold 2 --input w.npy a b
    cat w.npy | gru-split --folds 3 --fold 2 c d
    cmp a c
    cmp b d
}

@test "names that end in .csv are CSV, others TSV" {
    gru-split --test 2 --input n.csv a.csv b.tsv
    [ "$(head -1 a.csv)" = n,c ]
    [ "$(head -1 b.tsv)" = "$(printf 'n\tc')" ]
}

@test "bad data: one line, exit 1, no file" {
    run gru-split --test 20% --input /dev/null a b
    [ "$status" -eq 1 ]
    run gru-split --order stratified --test 20% a b < /dev/null
    fails "standard input: is empty"
    echo n,c > head.csv
    run gru-split --test 20% --input head.csv a b
    fails "no rows"
    run gru-split --test 10 --input n.csv a b
    fails "10 of 10 rows"
    run gru-split --order stratified --label d --test 20% --input n.csv a b
    fails "n, c"
    run gru-split --order stratified --label n --test 20% --input n.csv a b
    fails "only 1 row"
    head -c -5 w.npy > cut.npy
    run gru-split --test 20% --input cut.npy a b
    [ "$status" -eq 1 ]
    run gru-split --test 20% a b < cut.npy
    [ "$status" -eq 1 ]
    run gru-split --test 20% --input missing a b
    fails "missing"
    run gru-split --test 20% --input n.csv a none/b
    [ "$status" -eq 1 ]
    run gru-split --test 20% --input n.csv a /dev/full
    [ "$status" -eq 1 ]
    [ ! -e a ]
    [ ! -e b ]
}

@test "a number that is not finite is refused, from a file as from a pipe" {
    # y of the last of ten records of 36 bytes: x, y, id
    printf '\0\0\300\177' | dd of=w.npy bs=1 seek=$(($(wc -c < w.npy) - 28)) conv=notrunc status=none
    for order in time random stratified; do
        run gru-split --order $order --test 20% --input w.npy a b
        fails "w.npy: row 10: field 'y' has a value that is not finite"
        run bash -c "cat w.npy | gru-split --order $order --test 20% a b"
        fails "row 10: field 'y'"
        [ ! -e a ]
    done
}

@test "a wrong command line: exit 2, and nothing is read" {
    for o in "--test 20% a" "--test 20% a v b" "--test 20% --validation 10% a b" "a b" \
        "--folds 3 a b" "--fold 1 --test 2 a b" "--folds 3 --fold 4 a b" "--test 2 --sliding a b" \
        "--test 20% --order sorted a b" "--test 20% --seed 99999999999 a b" \
        "--order random --gap 2 --test 2 a b"; do
        # shellcheck disable=SC2086
        run gru-split $o < n.csv
        [ "$status" -eq 2 ]
    done
    run gru-split --test 20% a a < n.csv
    [ "$status" -eq 2 ]
    run gru-split --test 20% --order stratified a b < n.csv
    [ "$status" -eq 2 ]
    [ ! -e a ]
}

@test "two parts that are one file are refused" {
    for names in 'a.tsv ./a.tsv' '- -'; do
        # shellcheck disable=SC2086 # words
        run gru-split --order time --test 50% $names <<<$'a\n1\n2\n3'
        [ "$status" = 2 ]
        [[ "$output" = *'TRAIN and TEST would both write'* ]]
    done
    [ ! -e a.tsv ]
}
