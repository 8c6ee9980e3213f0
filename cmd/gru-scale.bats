#!/usr/bin/env bats
# gru-scale as its user meets it: definitions, the way back, and every bad input.

bats_require_minimum_version 1.5.0

setup() {
    PATH="${GRU_BIN:-$BATS_TEST_DIRNAME/../build}:$PATH"
    cd "$BATS_TEST_TMPDIR"
    T=$BATS_TEST_DIRNAME/../testdata
    printf 'Date,Close,Name\n2024-01-01,10,a\n2024-01-02,,b\n2024-01-03,20,c\n2024-01-04,30,d\n' > p.csv
}

# fails FILE-LESS: exit status 1, one line on standard error that holds $1
fails() {
    [ "$status" -eq 1 ] && [ "${#lines[@]}" -eq 1 ] && [[ "$output" == *"$1"* ]]
}

@test "minmax keeps missing values, other columns and the order" {
    run -0 gru-scale -q p.csv
    [ "$output" = "$(printf 'Date\tClose\tName\n2024-01-01\t0\ta\n2024-01-02\t\tb\n2024-01-03\t0.5\tc\n2024-01-04\t1\td')" ]
}

@test "standard, robust, maxabs and log are scikit-learn's and NumPy's" {
    printf 'v\n1\n2\n3\n10\n' > v.tsv
    [[ "$(gru-scale -q --method standard v.tsv | sed -n 2p)" == -0.8485281374238* ]]
    [ "$(gru-scale -q --method robust v.tsv | tail -1)" = 2.5 ]
    [ "$(gru-scale -q --method maxabs v.tsv | sed -n 3p)" = 0.2 ]
    [ "$(gru-scale -q --method log v.tsv | sed -n 3p)" = 0.6931472 ]
    [ "$(gru-scale -q --range=-1,3 v.tsv | tail -1)" = 3 ]
}

@test "what is fitted on the first rows is applied to all, and inverts to what was read" {
    gru-scale --fit s.tsv --fit-rows 75% --columns Close p.csv > scaled.tsv
    grep -qx '#rows 3' s.tsv
    grep -q "^Close$(printf '\t')10$(printf '\t')10$(printf '\t')2" s.tsv
    [ "$(tail -1 scaled.tsv | cut -f2)" = 2 ]
    cmp scaled.tsv <(gru-scale --apply s.tsv < p.csv)
    gru-scale --invert s.tsv --csv scaled.tsv | cmp - p.csv
}

@test "prices come back as the same numbers, whatever the method" {
    for m in minmax standard robust maxabs log; do
        gru-scale -q --method $m --columns Close,Open --fit s.tsv "$T/prices.csv" -o a.tsv
        gru-scale --invert s.tsv a.tsv -o once.tsv
        gru-scale --apply s.tsv once.tsv | cmp - a.tsv
    done
}

@test "whole numbers midway between two floats come back as the one they were read as" {
    awk 'BEGIN { print "v"; for (i = 0; i < 2000; i++) print 16777217 + 97002 * i }' >v.tsv
    # a scaler that changes nothing writes what a float makes of them
    printf '#tool gru-scale\n#method maxabs\n#rows 1\n#total 1\n' >one.tsv
    printf 'column\tcenter\tscale\tcount\tmin\tmax\nv\t0\t1\t1\t0\t1\n' >>one.tsv
    gru-scale --invert one.tsv -o floats.tsv v.tsv
    for o in --range=0,1 --range=-1,1 --method=standard --method=robust --method=maxabs --method=log; do
        gru-scale -q $o --fit s.tsv v.tsv | gru-scale --invert s.tsv | cmp - floats.tsv
    done
}

@test "a constant column becomes 0" {
    [ "$(printf 'v\n7\n7\n' | gru-scale -q --method standard | tail -1)" = 0 ]
    [ "$(printf 'v\n7\n7\n' | gru-scale -q | tail -1)" = 0 ]
}

@test "a long constant column becomes 0 too, and a 0 comes back as 0" {
    [ "$(awk 'BEGIN { print "v"; for (i = 0; i < 56; i++) print "333333333.3333333" }' |
        gru-scale -q --method standard | sort -u)" = $'0\nv' ]
    printf 'v\n-3\n0\n1\n4\n12\n' >z.tsv
    for o in --method=standard --method=minmax --range=-1,1 --method=robust; do
        gru-scale -q $o --fit s.tsv z.tsv | gru-scale -q --invert s.tsv | cmp - z.tsv
    done
}

@test "without --columns a note says which columns were scaled" {
    run -0 --separate-stderr gru-scale p.csv
    [ "$stderr" = "gru-scale: scaling Close" ]
}

@test "another column can be treated as one that was fitted" {
    gru-scale --fit s.tsv --columns Close p.csv > /dev/null
    [ "$(printf 'y_pred\n0.5\n' | gru-scale --invert s.tsv --columns y_pred=Close | tail -1)" = 20 ]
}

@test "bad data: one line, exit 1, no file" {
    run gru-scale -o out.tsv /dev/null
    [ "$status" -eq 1 ] && [ ! -e out.tsv ]
    printf 'a,b\n' > head.csv
    run gru-scale -o out.tsv head.csv
    fails "no rows"
    run gru-scale --columns Clse -o out.tsv p.csv
    fails "Date, Close, Name"
    run gru-scale --columns Name -o out.tsv p.csv
    fails "p.csv:2: column 'Name': 'a' is not a number"
    printf 'a,b\n1,2\n3\n' > ragged.csv
    run gru-scale -o out.tsv ragged.csv
    fails "ragged.csv:3"
    printf 'a,b\n1,\xff\n' > bytes.csv
    run gru-scale -o out.tsv bytes.csv
    fails "bytes.csv:2"
    run gru-scale -q --lossy bytes.csv
    [ "$status" -eq 0 ]
    printf 'a,b\n1,"2\n' > quote.csv
    run gru-scale -o out.tsv quote.csv
    [ "$status" -eq 1 ]
    printf 'v\n1\ninf\n' > inf.tsv
    run gru-scale --columns v --fit s.tsv -o out.tsv inf.tsv
    fails "'inf' is not a number"
    printf 'v\n1\n0\n' > zero.tsv
    run gru-scale --method log --columns v --fit-rows 1 --fit s.tsv -o out.tsv zero.tsv
    fails "zero.tsv:3: column 'v': '0' has no logarithm"
    printf 'v,v\n1,5\n2,9\n' > twice.csv
    run gru-scale -q -o out.tsv twice.csv
    fails "more than one column is called 'v'"
    run gru-scale --columns Close --fit-rows 9 --fit s.tsv -o out.tsv p.csv
    [ "$status" -eq 2 ] && [[ "$output" == "gru-scale: --fit-rows: 9 rows asked for, 4 are there"* ]]
    run gru-scale --columns Close --fit s.tsv -o none/out.tsv p.csv
    [ "$status" -eq 1 ] && [ ! -e s.tsv ]
    [ ! -e out.tsv ]
}

@test "a fitted file that is none is refused" {
    gru-scale --fit s.tsv --columns Close p.csv > /dev/null
    run gru-scale --apply p.csv p.csv
    fails "not made by gru-scale"
    sed 's/^Close	10/Close	ten/' s.tsv > bad.tsv
    run gru-scale --apply bad.tsv p.csv
    fails "'ten' is not a number"
    run gru-scale --apply missing.tsv p.csv
    fails "missing.tsv"
    printf 'x\n1\n' > x.tsv
    run gru-scale --apply s.tsv x.tsv
    fails "no column 'Close'"
}

@test "a wrong command line: exit 2" {
    for o in --nonsense --method=none --range=1,1 --range=1 --fit-rows=0 "--fit a --apply b" \
        "--apply a --method log" "--method log --range 0,1" "--fit p.csv"; do
        # shellcheck disable=SC2086
        run gru-scale $o p.csv
        [ "$status" -eq 2 ]
    done
}

@test "a full disk is an error, a closed pipe is none" {
    run gru-scale --columns Close -o /dev/full p.csv
    [ "$status" -eq 1 ]
    run sh -c 'gru-scale --columns Close p.csv > /dev/full'
    [ "$status" -eq 1 ]
    run sh -c "gru-scale -q --columns Close '$T/prices.csv' | head -1"
    [ "$status" -eq 0 ] && [ "${#lines[@]}" -eq 1 ]
}

@test "a limit of file sizes is an error, and nothing is left" {
    run bash -c "ulimit -f 8; gru-scale -q --columns Close -o big.tsv '$T/prices.csv'"
    fails 'big.tsv: cannot write: File too large'
    [ "$(ls -A)" = p.csv ]
    run bash -c "ulimit -f 8; gru-scale -q --columns Close '$T/prices.csv' >big.tsv"
    fails 'standard output: cannot write: File too large'
}

@test "--fit is not the output" {
    run gru-scale --columns a --fit f.tsv -o ./f.tsv <<<$'a\n1\n2\n3'
    [ "$status" = 2 ]
    [[ "$output" = *"-o and --fit would both write 'f.tsv'"* ]]
    [ ! -e f.tsv ]
    run gru-scale --columns a --fit - <<<$'a\n1\n2\n3'
    [ "$status" = 2 ]
}

@test "tables with semicolons are read; decimals with a comma are refused with a hint" {
    printf 'Datum;Kurs\n2024-01-02;1.5\n2024-01-03;2.5\n' >s.csv
    printf 'Datum,Kurs\n2024-01-02,1.5\n2024-01-03,2.5\n' >c.csv
    gru-scale --fit a.tsv --columns Kurs s.csv >a
    gru-scale --fit b.tsv --columns Kurs c.csv >b
    cmp a b
    for number in '1,5' '"1.234,56"' '1 234,56'; do
        printf 'Datum;Kurs\n2024-01-02;%s\n' "$number" >s.csv
        run gru-scale --fit x.tsv --columns Kurs s.csv
        fails 'is not a number; decimals need a point, and thousands no mark (1234.56)'
        run gru-scale --apply a.tsv s.csv
        fails 'decimals need a point'
    done
    run gru-scale --fit x.tsv --columns Kurs <<<$'Kurs\n"a,b"'
    fails "'a,b' is not a number"
    [[ "$output" != *decimals* ]]
}
