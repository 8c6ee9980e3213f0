#!/usr/bin/env bats
# gru-eval as its user meets it: scikit-learn's figures and layout, requirements, and bad input.

bats_require_minimum_version 1.5.0

setup() {
    PATH="${GRU_BIN:-$BATS_TEST_DIRNAME/../build}:$PATH"
    cd "$BATS_TEST_TMPDIR"
    T=$BATS_TEST_DIRNAME/../testdata
    G=$T/golden/metrics
}

fails() {
    [ "$status" -eq 1 ] && [ "${#lines[@]}" -eq 1 ] && [[ "$output" == *"$1"* ]]
}

# Every figure of NAME.expected is in the table within a millionth (relative, at least absolute).
agrees() {
    gru-eval --tsv "$G/$1.tsv" | awk -F '\t' '
        NR == FNR { want[$1] = $2; next }
        $2 == "" && $1 in want { got[$1] = $4 }
        END {
            for (m in want) {
                d = got[m] - want[m]; if (d < 0) d = -d
                size = want[m] < 0 ? -want[m] : want[m]
                if (!(m in got) || !(d <= 1e-6 * (size > 1 ? size : 1))) { print m, want[m], got[m]; bad = 1 }
                n++
            }
            exit bad || n < 5
        }' "$G/$1.expected" -
}

# The lines of NAME.report are in the report as they stand.
lays_out() {
    gru-eval "$G/$1.tsv" >report
    while IFS= read -r line; do
        [ -z "$line" ] || grep -qxF -e "$line" report || { echo "missing: $line" && return 1; }
    done <"$G/$1.report"
}

@test "figures of a yes/no answer are scikit-learn's" { agrees binary; agrees binary_zh; }
@test "figures of several classes are scikit-learn's" { agrees multiclass; agrees zero; }
@test "figures of numbers are scikit-learn's, the naive forecast's too" { agrees regression; }
@test "the report is laid out as scikit-learn's" { lays_out binary; lays_out multiclass; lays_out zero; }

@test "Chinese labels keep the columns in line" {
    gru-eval "$G/binary_zh.tsv" | grep -q '負面 *0.94 *0.88 *0.91 *33'
}

@test "standard input and file give the same; -o writes the same bytes" {
    gru-eval "$G/binary.tsv" >a
    gru-eval <"$G/binary.tsv" | cmp - a
    gru-eval -o b "$G/binary.tsv"
    cmp a b
}

@test "JSON has the figures and the matrix" {
    gru-eval --json "$G/binary.tsv" | tr -d ' \n' >j
    grep -q '"task":"binary","samples":200' j
    grep -q '"accuracy":0.79,' j
    grep -q '"confusion":\[\[' j
}

@test "a requirement that is met gives 0, one that isn't 3 with its figures, an unknown one 2" {
    gru-eval --require 'accuracy>=0.79' "$G/binary.tsv"
    run -3 --separate-stderr gru-eval --require 'accuracy>=0.8' "$G/binary.tsv"
    [[ "$stderr" == *accuracy* ]]
    [[ "$output" == *precision* ]]
    run -2 gru-eval --require 'acuracy>=0.8' "$G/binary.tsv"
    run -2 gru-eval --require 'accuracy' "$G/binary.tsv"
}

@test "the naive forecast is said to be better where it is" {
    printf 'id\ty_true\ty_pred\ty_naive\na\t1\t3\t1.1\nb\t2\t5\t1\n' | gru-eval | grep -q 'naive forecast.*better'
}

@test "the worst mistakes are listed with their ids" {
    printf 'id\ty_true\ty_pred\ta\nx\t1\t1\t0\nfar\t2\t9\t0\n' | gru-eval --errors 1 | grep -q far
}

@test "bad input: one line, exit 1, no file" {
    run gru-eval -o out /dev/null
    [ "$status" -eq 1 ] && [ ! -e out ]
    printf 'id\ty_true\ty_pred\n' >head.tsv
    run gru-eval -o out head.tsv
    [ "$status" -eq 1 ] && [ "${#lines[@]}" -eq 1 ] && [ ! -e out ]
    printf 'id\tprice\na\t1\n' >none.tsv
    run gru-eval -o out none.tsv
    fails "price"
    printf 'id\ty_true\ty_pred\na\t1\t2\nb\tabc\t3\n' >word.tsv
    run gru-eval -o out word.tsv
    fails "word.tsv:3"
    printf 'id\ty_true\ty_pred\na\t1\n' >ragged.tsv
    run gru-eval -o out ragged.tsv
    fails "ragged.tsv:2"
    printf 'id\ty_true\ty_pred\na\t1\t\xff\n' >bytes.tsv
    run gru-eval -o out bytes.tsv
    fails "bytes.tsv:2"
    run gru-eval -o out missing.tsv
    fails "missing.tsv"
    run gru-eval -o no/such/out "$G/binary.tsv"
    [ "$status" -eq 1 ] && [ "${#lines[@]}" -eq 1 ]
    [ ! -e out ]
}

@test "bad options are exit 2" {
    run -2 gru-eval --no-such-option
    run -2 gru-eval --json --tsv "$G/binary.tsv"
    run -2 gru-eval --task sorcery "$G/binary.tsv"
}

@test "a full disk is an error, a closed pipe is quiet" {
    run -1 --separate-stderr bash -c "gru-eval '$G/binary.tsv' >/dev/full"
    [ "${#stderr_lines[@]}" -eq 1 ]
    run --separate-stderr bash -c "gru-eval --errors 100 '$G/multiclass.tsv' | head -c 1"
    [ -z "$stderr" ]
}

@test "any number of threads gives the same" {
    cmp <(gru-eval --threads 1 "$G/multiclass.tsv") <(gru-eval --threads 2 "$G/multiclass.tsv")
}
