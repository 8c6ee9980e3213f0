#!/usr/bin/env bats
# gru-plot as its user meets it: each figure on each canvas, and every bad input.

bats_require_minimum_version 1.5.0

setup() {
    PATH="${GRU_BIN:-$BATS_TEST_DIRNAME/../build}:$PATH"
    cd "$BATS_TEST_TMPDIR"
    command -v gnuplot >/dev/null || [[ "$BATS_TEST_DESCRIPTION" == "a missing gnuplot"* ]] || skip 'no gnuplot'
    T=$BATS_TEST_DIRNAME/../testdata
    G=$T/golden/metrics
    printf 'epoch\tloss\tval_loss\taccuracy\tval_accuracy\tlr\tseconds\n1\t.9\t.8\t.6\t.5\t.1\t1\n2\t.7\t.6\t.7\t.6\t.1\t1\n3\t.5\t.7\t.8\t.6\t.1\t1\n' >history.tsv
    printf 'id,y_true,y_pred\n2024-01-30,10,11\n2024-01-31,12,11\n2024-02-01,13,12\n' >prices.csv
    printf 'id,step,weight\na,1,.2\na,2,.8\nb,1,.6\nb,2,.4\n' >attention.csv
    printf 'id,step,unit_1,unit_2\na,1,.2,-.1\na,2,.8,.3\nb,1,9,9\n' >states.csv
}

fails() {
    [ "$status" -eq 1 ] && [ "${#lines[@]}" -eq 1 ] && [[ "$output" == "gru-plot: "*"$1"* ]]
}

png_size() { od -An -tu1 -j16 -N8 "$1" | awk '{ print $3 * 256 + $4 "x" $7 * 256 + $8 }'; }

@test "every figure as PNG, SVG and PDF" {
    while read -r kind file; do
        for end in png svg pdf; do
            gru-plot "$kind" -o "$kind.$end" "$file"
        done
        [ "$(head -c 4 "$kind.png" | od -An -c | tr -d ' ')" = '211PNG' ]
        grep -q '</svg>' "$kind.svg"
        [ "$(head -c 5 "$kind.pdf")" = '%PDF-' ]
    done <<END
history history.tsv
confusion $G/multiclass.tsv
roc $G/multiclass.tsv
series prices.csv
scatter prices.csv
distribution $G/binary.tsv
attention attention.csv
states states.csv
END
}

@test "every figure into the terminal, 79 by 24 in a pipe" {
    gru-plot history history.tsv >got
    grep -q 'lowest validation loss: epoch 2' got
    [ "$(awk 'length > 79' got | wc -l)" -eq 0 ]
    [ "$(wc -l <got)" -le 25 ]
    gru-plot series prices.csv | grep -q predicted
    gru-plot confusion "$G/binary.tsv" | grep -q positive
    gru-plot distribution prices.csv | grep -q Errors
    gru-plot attention attention.csv | awk 'length > 79 { exit 1 } END { exit NR > 24 }'
    gru-plot states states.csv | grep -q units
    gru-plot --size 60x15 roc "$G/binary.tsv" | grep -q 'area 0\.'
}

@test "attention and states have the terminal's --size: cells grow, or share a character" {
    gru-plot attention --size 21x9 attention.csv >got
    [ "$(wc -l <got)" -eq 9 ]
    # .2 .8 / .6 .4 in the shades " .:-=+*#%@" of .2 to .8
    [ "$(sed -n 1,4p got | sort -u)" = '          @@@@@@@@@@' ]
    [ "$(sed -n 5,8p got | sort -u)" = '**********----------' ]
    awk 'BEGIN { print "id,step,weight"; for (i = 1; i <= 40; i++) for (t = 1; t <= 100; t++) print i "," t "," (t > 50) }' |
        gru-plot attention --title A --size 20x8 >got
    [ "$(wc -l <got)" -eq 8 ]
    [ "$(sed -n 2,7p got | sort -u)" = '          @@@@@@@@@@' ]
    [ "$(gru-plot states --size 22x9 states.csv | awk 'NR < 9 && length == 22' | wc -l)" -eq 8 ]
}

@test "groups have lines, and samples, of their own" {
    printf 'id,group,y_true,y_pred\n2024-01-01,a,1,1\n2024-01-01,b,9,9\n2024-01-02,a,1,1\n2024-01-02,b,9,9\n' >g.csv
    gru-plot series -o g.svg g.csv
    # the values are level, so no stroke of a curve may rise or fall
    grep -o "rgb( *31, *95, *168)'  d='[^']*" g.svg | sed "s/.*d='M//" | tr M '\n' |
        awk -F'[, L]+' '{ strokes++; if ($2 != $4) exit 1 } END { if (strokes < 3) exit 1 }'
    printf 'id,group,step,weight\nd,a,1,.2\nd,a,2,.8\nd,b,1,.6\nd,b,2,.4\n' >w.csv
    gru-plot attention -o w.svg w.csv
    grep -q 'd a<' w.svg
    grep -q 'd b<' w.svg
}

@test "steps, units and samples are whole numbers on the axes" {
    gru-plot attention -o a.svg attention.csv
    gru-plot states -o s.svg states.csv
    for figure in a s; do
        sed -n 's|.*<text> *\([0-9.]*\)</text>.*|\1|p' $figure.svg >ticks
        grep -qx 1 ticks
        grep -qx 2 ticks
        run ! grep -qx '[12]\.5' ticks
    done
}

@test "samples without an id have numbers of their own, however many lines each takes" {
    printf 'token,a,b\n"two\nlines",.1,.2\nz,.3,.4\n' | gru-plot attention -o n.svg
    sed -n 's|.*<text> *\([0-9.]*\)</text>.*|\1|p' n.svg >ticks
    grep -qx 2 ticks
    ! grep -qx 3 ticks
}

@test "a curve near 0 shows above the terminal's axis" {
    printf 'epoch\tloss\tval_loss\n1\t.9\t.02\n2\t.7\t.01\n3\t.5\t.001\n' | gru-plot history --size 60x20 >got
    [ "$(tr -cd '#' <got | wc -c)" -gt 30 ]
}

@test "standard input, gzip, title, size, values" {
    gzip -c prices.csv | gru-plot series --title 'Prices of A' --values 'Close (dollars)' -o a.svg
    grep -q 'Prices of A' a.svg
    grep -q 'Close (dollars)' a.svg
    grep -q '2024-01-3' a.svg
    gru-plot series --size 640x400 -o a.png prices.csv
    [ "$(png_size a.png)" = 640x400 ]
}

@test "confusion counts are the table's" {
    gru-plot confusion -o c.svg "$G/binary.tsv"
    gru-eval --tsv "$G/binary.tsv" | awk '$1 == "confusion" { print $4 }' | while read -r count; do
        grep -q ">$count<" c.svg
    done
}

@test "Chinese labels are written as they are" {
    gru-plot confusion -o c.svg "$G/binary_zh.tsv"
    grep -q 負面 c.svg
    gru-plot confusion -o c.png "$G/binary_zh.tsv"
}

@test "labels can't run commands" {
    cat >evil.csv <<'END'
y_true,label
it's `touch pwned`,"a"" ; system(\""touch pwned\"")"
"x
END_OF_DATA
system(""touch pwned"")",x
END
    gru-plot confusion --title 'it`touch pwned`' -o evil.png evil.csv
    gru-plot confusion --title 'it`touch pwned`' evil.csv >/dev/null
    printf 'y_true,label\na%%sd,b%%\n' | gru-plot confusion -o tick.svg
    grep -q 'a%sd<' tick.svg
    printf 'id,step,weight\n`touch pwned`,1,.2\n' | gru-plot attention -o evil.png
    gru-plot series --title "'; system('touch pwned'); '" --font "'; system('touch pwned')" -o evil.svg prices.csv
    [ ! -e pwned ]
}

@test "a missing gnuplot is named with its package" {
    mkdir bin
    ln -s "$(command -v gru-plot)" bin
    run env PATH="$PWD/bin" gru-plot series -o a.png prices.csv
    fails 'gnuplot is not installed (Debian: apt-get install gnuplot-nox)'
    [ ! -e a.png ]
}

@test "gnuplot's own complaint is passed on" {
    mkdir bin
    printf '#!/bin/sh\necho "line 3: no such terminal" >&2\nexit 1\n' >bin/gnuplot
    chmod +x bin/gnuplot
    PATH=$PWD/bin:$PATH run gru-plot series -o a.png prices.csv
    fails 'gnuplot failed: no such terminal'
    [ ! -e a.png ]
}

@test "--font's size is a number of points" {
    for font in Sans,0 Sans,nan Sans,-1 Sans,1e9 Sans,; do
        run gru-plot series --font "$font" -o p.svg prices.csv
        [ "$status" -eq 2 ]
        [[ "$output" == *"--font: '$font' has no size from 1 to 200 points"* ]]
    done
}

@test "without a Chinese font the package to install is named" {
    mkdir bin
    printf '#!/bin/sh\n' >bin/fc-list
    chmod +x bin/fc-list
    PATH=$PWD/bin:$PATH run -0 --separate-stderr gru-plot confusion -o c.png "$G/binary_zh.tsv"
    [[ "$stderr" == *fonts-noto-cjk* ]]
}

@test "a wrong command line is status 2" {
    run -2 gru-plot
    run -2 gru-plot pie history.tsv
    run -2 gru-plot history --nonsense history.tsv
    run -2 gru-plot history -o a.jpg history.tsv
    run -2 gru-plot history --size 10 history.tsv
    run -2 gru-plot history --size 99999x99999 -o a.png history.tsv
    run -2 gru-plot history --size 800x600x -o a.png history.tsv
    [ ! -e a.png ]
}

@test "bad tables: empty, header only, columns missing, words, ragged, bad UTF-8" {
    run gru-plot series -o a.png </dev/null
    fails 'empty'
    run gru-plot series -o a.png <<<'id,y_true,y_pred'
    fails 'only a header'
    run gru-plot history -o a.png <<<'epoch,loss'
    fails 'only a header'
    run gru-plot history -o a.png prices.csv
    fails "no column 'epoch'; there are id, y_true, y_pred"
    run gru-plot history -o a.png <<<$'epoch,step,back,norm\n1,1,0,.5'
    fails 'standard input: a table with steps, not a history, which has one row an epoch'
    run gru-plot confusion -o a.png prices.csv
    fails "no column 'label'; there are id, y_true, y_pred"
    run gru-plot series -o a.png "$G/binary.tsv"
    fails "no column 'y_pred'"
    run gru-plot roc -o a.png <<<$'y_true,label\na,a'
    fails "a column 'score'"
    run gru-plot roc -o a.png <<<$'y_true,label,score\na,a,.9'
    fails 'one class only'
    run gru-plot series -o a.png <<<$'y_true,y_pred\n1,x'
    fails "standard input:2: column 'y_pred': 'x' is not a number"
    run gru-plot history -o a.png <<<$'epoch,loss\n1,x'
    fails "standard input:2: column 'loss': 'x' is not a number"
    run gru-plot series -o a.png <<<$'y_true,y_pred\n1'
    fails 'standard input:2'
    run gru-plot confusion -o a.png <<<$'y_true,label\na,\xff'
    fails 'standard input:2'
    [ ! -e a.png ]
}

@test "temporary files go to TMPDIR" {
    TMPDIR=nowhere run gru-plot series -o a.svg prices.csv
    fails "temporary file in 'nowhere': cannot create: No such file or directory"
}

@test "a full disk, a closed pipe, a missing directory" {
    run bash -c 'gru-plot series prices.csv > /dev/full'
    fails 'No space left'
    run -0 --separate-stderr bash -c 'gru-plot series prices.csv | :'
    [ -z "$stderr" ]
    run gru-plot series -o nowhere/a.png prices.csv
    fails 'nowhere'
}
