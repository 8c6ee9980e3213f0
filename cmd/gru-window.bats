#!/usr/bin/env bats
# gru-window as its user meets it. Samples are read back with od: x, y and id follow the header.

bats_require_minimum_version 1.5.0

setup() {
    PATH="${GRU_BIN:-$BATS_TEST_DIRNAME/../build}:$PATH"
    cd "$BATS_TEST_TMPDIR"
    T=$BATS_TEST_DIRNAME/../testdata
    printf 'Date,A,B\n2024-01-01,1,10\n2024-01-02,2,20\n2024-01-03,3,30\n2024-01-04,4,40\n2024-01-05,5,50\n' > p.csv
}

fails() {
    [ "$status" -eq 1 ] && [ "${#lines[@]}" -eq 1 ] && [[ "$output" == *"$1"* ]]
}

# floats FILE RECORD_BYTES FLOATS: the numbers of each record, one record a line
floats() {
    tail -c +"$(($(od -An -tu2 -j8 -N2 "$1") + 11))" "$1" |
        od -An -v -tf4 -w"$2" | awk -v n="$3" '{ for (i = 1; i <= n; i++) printf "%g%s", $i, i < n ? " " : "\n" }'
}

@test "x is s[i:i+T], y is s[i+T], id is the index of y's row" {
    gru-window --length 3 --target A --index Date p.csv > w.npy
    [ "$(floats w.npy 40 4)" = "$(printf '1 2 3 4\n2 3 4 5')" ]
    grep -aq "2024-01-04" w.npy
    grep -aq "2024-01-05" w.npy
    grep -aq "(3, 1)" w.npy
}

@test "features, horizon and stride" {
    gru-window --length 2 --features B,A --target A --horizon 2 --stride 1 p.csv > w.npy
    [ "$(floats w.npy 48 6)" = "$(printf '10 1 20 2 3 4\n20 2 30 3 4 5')" ]
    gru-window --length 2 --target A --stride 2 -o w.npy p.csv
    [ "$(floats w.npy 36 3)" = "$(printf '1 2 3\n3 4 5')" ]
}

@test "windows stay within their group, also where groups alternate" {
    printf 'g,v\na,1\nb,10\na,2\nb,20\na,3\nb,30\n' > g.csv
    gru-window --length 2 --target v --group g g.csv > w.npy
    [ "$(floats w.npy 100 3)" = "$(printf '1 2 3\n10 20 30')" ]
}

@test "a window bears its group's name" {
    long=$(printf 'x%.0s' {1..70})
    printf 'g,v\n台積電,1\nb,10\n台積電,2\nb,20\n台積電,3\nb,30\n' > g.csv
    gru-window --length 2 --target v --group g g.csv > w.npy
    grep -aq "('id', '|S24'), ('group', '|S64')" w.npy
    [ "$(tail -c 200 w.npy | head -c 100 | tail -c 64 | tr -d '\0')" = 台積電 ]
    [ "$(tail -c 64 w.npy | tr -d '\0')" = b ]
    gru-split --order time --test 1 train.npy test.npy < w.npy
    [ "$(tail -c 64 test.npy | tr -d '\0')" = b ]
    # without --group there is no such field
    gru-window --length 2 --target v g.csv > w.npy
    run ! grep -aq "'group'" w.npy
    printf 'g,v\n%s,1\n%s,2\n%s,3\n' "$long" "$long" "$long" > long.csv
    gru-window --length 2 --target v --group g long.csv | tail -c 140 | tr -d '\0' | grep -qx "$long"
    { cat g.csv; tail -n 1 long.csv; } > mixed.csv
    run gru-window --length 2 --target v --group g -o m.npy mixed.csv
    [ "$status" -eq 1 ]
    [[ "$output" == "gru-window: mixed.csv: column 'g': the name 'xxx"*"longer than the 64 bytes"* ]]
    [ ! -e m.npy ]
}

@test "what --fit writes, --apply reads" {
    gru-window --fit w.tsv --length 3 --target A --features A,B --index Date p.csv > a.npy
    grep -qx '#windows 2' w.tsv
    gru-window --apply w.tsv < p.csv | cmp - a.npy
}

@test "an index that runs backwards is a warning, read day-first where it must be" {
    printf 'd,v\n30-01-2024,1\n31-01-2024,2\n01-02-2024,3\n' > ok.csv
    run -0 --separate-stderr gru-window --length 2 --target v --index d -o w.npy ok.csv
    [ -z "$stderr" ]
    printf 'd,v\n31-01-2024,1\n30-01-2024,2\n01-02-2024,3\n' > bad.csv
    run -0 --separate-stderr gru-window --length 2 --target v --index d -o w.npy bad.csv
    [[ "$stderr" == *"bad.csv:3: column 'd' runs backwards"* ]]
}

@test "groups one after the other are a warning where they have an index, groups by date are none" {
    printf 'd,g,v\n1,a,1\n2,a,2\n3,a,3\n1,b,10\n2,b,20\n3,b,30\n' > stack.csv
    run -0 --separate-stderr gru-window --length 2 --target v --index d --group g -o w.npy stack.csv
    [ "${#stderr_lines[@]}" -eq 1 ]
    [[ "$stderr" == *"stack.csv:5: column 'd' begins again with another 'g'; sort the rows"* ]]
    run -0 --separate-stderr gru-window --length 2 --target v --group g -o w.npy stack.csv
    [ -z "$stderr" ]
    { head -n 1 stack.csv && tail -n +2 stack.csv | sort -t, -k1,1; } > dates.csv
    run -0 --separate-stderr gru-window --length 2 --target v --index d --group g -o w.npy dates.csv
    [ -z "$stderr" ]
}

@test "bad data: one line, exit 1, no file" {
    run gru-window --length 2 --target A -o out.npy /dev/null
    [ "$status" -eq 1 ]
    printf 'Date,A\n' > head.csv
    run gru-window --length 2 --target A -o out.npy head.csv
    fails "no rows"
    run gru-window --length 5 --target A --fit w.tsv -o out.npy p.csv
    fails "5 rows, but one window needs 6 (length 5 + horizon 1)"
    run gru-window --length 900000000 --target A -o out.npy p.csv
    fails "too large"
    run gru-window --length 2 --target C -o out.npy p.csv
    fails "Date, A, B"
    run gru-window --length 2 --target Date -o out.npy p.csv
    fails "p.csv:2: column 'Date'"
    printf 'v\n1\n2\n\n3\n' > gap.csv
    sed 's/^$/NA/' gap.csv > na.csv
    run gru-window --length 2 --target v -o out.npy na.csv
    fails "na.csv:4: column 'v': the value is missing"
    printf 'v\n1\n2\n1e300\n' > big.csv
    run gru-window --length 2 --target v -o out.npy big.csv
    fails "too large for a float"
    run gru-window --length 2 --target A -o none/out.npy p.csv
    [ "$status" -eq 1 ]
    run gru-window --apply p.csv -o out.npy p.csv
    fails "not made by gru-window"
    [ ! -e out.npy ]
    [ ! -e w.tsv ]
}

@test "a wrong command line: exit 2" {
    for o in --nonsense "--length 0 --target A" "--length 2" "--target A" \
        "--apply w.tsv --length 2" "--apply a --model b" \
        "--length 2 --target A --fit p.csv"; do
        # shellcheck disable=SC2086
        run gru-window $o p.csv
        [ "$status" -eq 2 ]
    done
}

@test "temporary files go to TMPDIR, which a failure names" {
    run bash -c "set -o pipefail; TMPDIR=nowhere gru-window --length 2 --target A p.csv | cat"
    [ "$status" -eq 1 ]
    [[ "$output" = *"temporary file in 'nowhere': cannot create: No such file or directory (TMPDIR names"* ]]
}

@test "a full disk is an error, a closed pipe is none" {
    run gru-window --length 2 --target A -o /dev/full p.csv
    [ "$status" -eq 1 ]
    run sh -c "gru-window --length 60 --target Close '$T/prices.csv' | head -c 10 | wc -c"
    [ "$output" -eq 10 ]
}

# Every sample on a line: the file's body as 4-byte numbers, $2 floats (x, y) then len.
body() { # FILE BYTES-OF-A-RECORD
    tail -c +"$(($(head -c 10 "$1" | tail -c 2 | od -An -tu2) + 11))" "$1" | od -An -v -w"$2" -t"$3"
}

@test "--sequences: a sample a group, targets one row down, padding and len" {
    printf 'piece,low,high\nb,0,1\nb,2,3\na,8,9\nb,4,5\na,6,7\n' >pieces.csv
    gru-window --sequences --group piece --target low,high -o s.npy pieces.csv
    head -c 256 s.npy | grep -aq "('x', '<f4', (2, 2)), ('y', '<f4', (2, 2)), ('len', '<i4'), ('id', '|S4')"
    # x, y of the first sample, its len; then the second's, padded
    [ "$(body s.npy 40 f4 | awk '{ print $1, $2, $3, $4, $5, $6, $7, $8 }' | tr '\n' ';')" = \
        '0 1 2 3 2 3 4 5;8 9 0 0 6 7 0 0;' ]
    [ "$(body s.npy 40 d4 | awk '{ print $9 }' | tr '\n' ' ')" = '2 1 ' ]
    body s.npy 40 c | awk '{ print $37 }' | tr '\n' ' ' | grep -q '^b a $'
}

@test "--sequences: the own row's targets, other features, a given length, one sequence" {
    printf 't,x,y\n1,5,0\n2,6,1\n3,7,1\n' >one.csv
    gru-window --sequences --horizon 0 --features x,t --target y --length 4 -o s.npy one.csv
    head -c 256 s.npy | grep -aq "('x', '<f4', (4, 2)), ('y', '<f4', (4, 1)), ('len', '<i4')\]"
    [ "$(body s.npy 52 f4 | awk '{ $13 = ""; print }')" = '5 1 6 2 7 3 0 0 0 1 1 0 ' ]
    [ "$(body s.npy 52 d4 | awk '{ print $13 }')" = 3 ]
    gru-window --sequences --target x <one.csv | cmp - <(gru-window --sequences --features x --target x one.csv)
}

@test "--sequences: what --fit wrote, --apply and --model do again" {
    printf 'piece,low,high\nb,0,1\nb,2,3\na,8,9\nb,4,5\na,6,7\n' >pieces.csv
    gru-window --sequences --group piece --features high --target low,high --horizon 0 --fit w.tsv \
        -o s.npy pieces.csv
    [ "$(sed '/^#version/d' w.tsv | tr '\n' ';')" = '#tool gru-window;#sequences yes;#length 0;#horizon 0;#stride 1;#target low,high;#group piece;#rows 5;#windows 2;feature;high;' ]
    gru-window --apply w.tsv pieces.csv | cmp - s.npy
    gru-train -q --arch 'gru 2; dense 2' --attach w.tsv --epochs 1 -o m.gru s.npy
    gru-window --model m.gru pieces.csv | cmp - s.npy
    run gru-window --apply w.tsv <<<'piece,low'
    [ "$status" -eq 1 ]
    [[ "$output" == *"no column 'high'"* ]]
    gru-window --sequences --group piece --target low --length 2 --fit w2.tsv -o s.npy pieces.csv
    run gru-window --apply w2.tsv -o n.npy <<<$'low,piece\n1,a\n2,a\n3,a\n4,a'
    [ "$status" -eq 1 ]
    [[ "$output" == *"has 3 steps, more than --length 2"* ]]
}

@test "--sequences: bad tables and options" {
    printf 'p,v\na,1\na,2\na,3\nb,4\n' >p.csv
    run gru-window --sequences --group p --target v -o s.npy p.csv
    [ "$status" -eq 0 ]
    [ "$output" = "gru-window: p.csv: 1 of 2 sequences are left out: fewer than 2 rows" ]
    rm s.npy
    run gru-window --sequences --group p --target v --length 1 -o s.npy p.csv
    [ "$status" -eq 1 ]
    [[ "$output" == *"p.csv: the sequence 'a' has 2 steps, more than --length 1" ]]
    run gru-window --sequences --group p --target v --horizon 3 -o s.npy p.csv
    [ "$status" -eq 1 ]
    [[ "$output" == *"no sequence has a step"* ]]
    run gru-window --sequences --target v -o s.npy <<<$'v\n1\nx'
    [ "$status" -eq 1 ]
    [[ "$output" == *":3: column 'v': 'x' is not a number"* ]]
    run gru-window --sequences --target v -o s.npy <<<$'v\n1\nNA'
    [ "$status" -eq 1 ]
    [[ "$output" == *":3: column 'v': the value is missing"* ]]
    run gru-window --sequences --target v,w -o s.npy p.csv
    [ "$status" -eq 1 ]
    run gru-window --sequences --target v -o s.npy <<<v
    [ "$status" -eq 1 ]
    for bad in --stride=2 --index=p --apply=w.tsv; do
        run gru-window --sequences --target v "$bad" p.csv
        [ "$status" -eq 2 ]
    done
    run gru-window --sequences p.csv
    [ "$status" -eq 2 ]
    run gru-window --horizon 0 --length 1 --target v p.csv
    [ "$status" -eq 2 ]
    run gru-window --sequences --target v --length 1000000000 --features "$(printf 'v,%.0s' {1..3000})v" -o s.npy p.csv
    [ "$status" -eq 1 ]
    [ ! -e s.npy ]
    run bash -c 'gru-window --sequences --target v p.csv >/dev/full'
    [ "$status" -eq 1 ]
}

@test "--fit is not the output" {
    run gru-window --length 1 --target a --fit f.tsv -o ./f.tsv <<<$'a\n1\n2\n3'
    [ "$status" = 2 ]
    [[ "$output" = *"-o and --fit would both write 'f.tsv'"* ]]
    [ ! -e f.tsv ]
    run gru-window --length 1 --target a --fit - <<<$'a\n1\n2\n3'
    [ "$status" = 2 ]
}
