#!/usr/bin/env bats
# gru-clean as its user meets it. Expected numbers: worked out by hand, quartiles as numpy.percentile.

setup() {
    PATH="${GRU_BIN:-$BATS_TEST_DIRNAME/../build}:$PATH"
    cd "$BATS_TEST_TMPDIR"
    T=$BATS_TEST_DIRNAME/../testdata
    printf 'Date,v,Name\n2024-01-01,,a\n2024-01-02,2,b\n2024-01-04,NA,c\n2024-01-08,8,d\n2024-02-01,,e\n' >g.csv
}

# The column v after the steps, on one line; a gap is a dash.
v() { # STEPS VALUES…
    local steps=() s
    for s in $1; do steps+=(--do "$s"); done
    shift
    printf '%s\n' v "$@" >v.tsv
    gru-clean "${steps[@]}" --columns v v.tsv | sed 1d | sed 's/^$/-/' | tr '\n' ' '
}

fails() { # exit 1, one line with this text, no output file
    [ "$status" -eq 1 ] && [ "${#lines[@]}" -eq 1 ] && [[ "$output" == *"$1"* ]] && [ ! -e out.tsv ]
}

@test "gaps are filled in each way" {
    [ "$(v impute=linear NA 2 NA NA 8 NA)" = "- 2 4 6 8 - " ]
    [ "$(v impute=forward NA 2 NA 8 NA)" = "- 2 2 8 8 " ]
    [ "$(v impute=backward NA 2 NA 8 NA)" = "2 2 8 8 - " ]
    [ "$(v impute=mean NA 2 NA 8 5)" = "5 2 5 8 5 " ]
    [ "$(v impute=median NA 1 2 9)" = "2 1 2 9 " ]
    [ "$(v impute=zero NA 2)" = "0 2 " ]
    [ "$(v impute=drop NA 2 NA 8)" = "2 8 " ]
    [ "$(v "impute=linear impute=backward impute=forward" NA 2 NA 8 NA)" = "2 2 5 8 8 " ]
}

@test "outliers are brought to the fence, or become gaps" {
    # quartiles 2 and 4: fences -1 and 7
    [ "$(v outliers=iqr:1.5 1 2 3 4 100)" = "1 2 3 4 7 " ]
    [ "$(v outliers=iqr:1.5:missing 1 2 3 4 100)" = "1 2 3 4 - " ]
    [ "$(v outliers=iqr:1.5:missing 1 NA 2 3 4 -100 5 4)" = "1 - 2 3 4 - 5 4 " ]
    # mean 2, deviation 4
    [ "$(v outliers=zscore:1.5 0 0 0 0 10)" = "0 0 0 0 8 " ]
}

@test "a mean of equal numbers is that number" {
    [ "$(v "smooth=mean:56 difference=1" $(yes 333333333.3333333 | head -60) | tr ' ' '\n' | sort -u)" = 0 ]
}

@test "smoothing looks back only" {
    [ "$(v smooth=mean:3 1 2 6 10)" = "1 1.5 3 6 " ]
    [ "$(v smooth=median:3 1 9 2 3)" = "1 5 2 3 " ]
    [ "$(v smooth=mean:2 1 NA 5 7)" = "1 - 5 6 " ]
}

@test "differences; the rows without a row before them go" {
    [ "$(v difference=1 1 4 2)" = "3 -2 " ]
    [ "$(v difference=2 1 4 2 10)" = "1 6 " ]
    [ "$(v "difference=1 difference=1" 1 4 2 10)" = "-5 10 " ]
    [ "$(v difference=1 1 NA 2 3)" = "- - 1 " ]
}

@test "other periods: each row has its period's last date and text" {
    printf 'Date\tv\tw\tName\n2024-01-01\t1\t5\ta\n2024-01-07\t3\t\tb\n2024-01-08\t9\t2\tc\n2024-02-01\t4\t2\td\n' >d.tsv
    [ "$(gru-clean --index Date --do resample=week:last d.tsv | tr '\t\n' ',;')" = \
        "Date,v,w,Name;2024-01-07,3,5,b;2024-01-08,9,2,c;2024-02-01,4,2,d;" ]
    months() { gru-clean --index Date --columns v --do "resample=month:$1" d.tsv | sed 1d | cut -f2 | tr '\n' ' '; }
    [ "$(months last)" = "9 4 " ]
    [ "$(months first)" = "1 4 " ]
    [ "$(months min)" = "1 4 " ]
    [ "$(months max)" = "9 4 " ]
    [ "$(months sum)" = "13 4 " ]
    [ "$(months mean | cut -c1-5)" = "4.333" ]
    [ "$(gru-clean --index Date --do resample=day:sum d.tsv | wc -l)" -eq 5 ]
    # day-first dates are told from the whole column
    printf 'Date,v\n30/1/2024,1\n31/1/2024,2\n1/2/2024,3\n' |
        gru-clean --index Date --do resample=month:sum | sed 1d >m.tsv
    [ "$(tr '\t\n' ',;' <m.tsv)" = "31/1/2024,3;1/2/2024,3;" ]
}

@test "steps are taken in the order given" {
    [ "$(v "difference=1 outliers=iqr:1.5" 0 1 2 3 4 104)" = "1 1 1 1 1 " ]
    [ "$(v "outliers=iqr:1.5 difference=1" 0 1 2 3 4 104)" != "1 1 1 1 1 " ]
}

@test "other columns pass; CSV, gzip, pipes and files" {
    gru-clean --csv --do impute=zero g.csv >a.csv
    [ "$(head -3 a.csv | tr '\n' ';')" = "Date,v,Name;2024-01-01,0,a;2024-01-02,2,b;" ]
    gzip <g.csv | gru-clean --csv --do impute=zero -o b.csv.gz
    gzip -dc b.csv.gz | cmp - a.csv
    gru-clean --do impute=linear --do smooth=mean:5 --index Date --do resample=week:last "$T/prices.csv" >w.tsv
    [ "$(wc -l <w.tsv)" -gt 200 ]
    gru-window --fit w --length 10 --target Close --index Date -o w.npy w.tsv
}

@test "a column that is left alone for one cell is named" {
    printf 'a,b,c\n1,1,x\n2,"1,234",y\n4,3,z\n' >stray.csv
    gru-clean --do difference=1 -o out.tsv stray.csv 2>warned
    [ "$(cat warned)" = "gru-clean: stray.csv:3: column 'b' is left as it is: '1,234' is not a number" ]
}

@test "bad data: one line, exit 1, no file" {
    run gru-clean --do impute=zero -o out.tsv /dev/null
    [ "$status" -eq 1 ] && [ ! -e out.tsv ]
    printf 'a,b\n' >head.csv
    run gru-clean --do impute=zero -o out.tsv head.csv
    fails "head.csv: no rows"
    run gru-clean --do impute=zero --columns u -o out.tsv g.csv
    fails "no column 'u'; there are Date, v, Name"
    run gru-clean --do impute=zero --columns Name -o out.tsv g.csv
    fails "g.csv:2: column 'Name': 'a' is not a number"
    printf 'a,b\nx,y\n' >text.csv
    run gru-clean --do impute=zero -o out.tsv text.csv
    fails "text.csv: no column of numbers; with --columns A"
    printf 'a,b\n1,2\n3\n' >ragged.csv
    run gru-clean --do impute=zero -o out.tsv ragged.csv
    fails "ragged.csv:3"
    printf 'a,b\n1,\xff\n' >bytes.csv
    run gru-clean --do impute=zero -o out.tsv bytes.csv
    fails "bytes.csv:2"
    gru-clean --lossy --do impute=zero bytes.csv >/dev/null
    printf 'a,b\n1,"2\n' >quote.csv
    run gru-clean --do impute=zero -o out.tsv quote.csv
    [ "$status" -eq 1 ]
    printf 'v\ninf\n' >inf.tsv
    run gru-clean --columns v --do impute=zero -o out.tsv inf.tsv
    fails "'inf' is not a number"
    printf 'v\n-1.7e308\n1.7e308\n' >huge.tsv
    run gru-clean --do difference=1 -o out.tsv huge.tsv
    fails "huge.tsv:3: column 'v': a step makes too large a number"
    run gru-clean --do difference=5 -o out.tsv g.csv
    fails "difference=5 leaves nothing of 5 rows"
    printf 'v\tw\n1\t\n\t1\n' >holes.tsv
    run gru-clean --do impute=drop -o out.tsv holes.tsv
    fails "left no rows"
    run gru-clean --index Name --do resample=week:last -o out.tsv g.csv
    fails "g.csv:2: column 'Name': 'a' is not a date"
    printf 'Date,v\n2024-01-02,1\n2024-01-01,2\n' >back.csv
    run gru-clean --index Date --do resample=week:last -o out.tsv back.csv
    fails "back.csv:3: column 'Date' runs backwards"
    run gru-clean --do impute=zero -o none/out.tsv g.csv
    [ "$status" -eq 1 ]
    run gru-clean --do impute=zero missing.csv
    fails "missing.csv"
}

@test "a wrong command line: exit 2" {
    run gru-clean g.csv
    [ "$status" -eq 2 ]
    [[ "$output" == *"--do is missing"* ]]
    for s in x impute impute= impute=best impute=zero:1 outliers=iqr outliers=iqr:0 outliers=iqr:x \
        outliers=iqr:1:gone smooth=mean smooth=mean:0 smooth=mean:1.5 smooth=mean:1:missing \
        resample=week resample=year:last resample=week:best difference=0 difference=-1 \
        difference=; do
        run gru-clean --do "$s" g.csv
        [ "$status" -eq 2 ] || { echo "$s: $status $output"; false; }
        [[ "$output" == *"--do '$s': expected"* ]]
    done
    run gru-clean --do resample=week:last g.csv
    [ "$status" -eq 2 ]
    [[ "$output" == *"--index"* ]]
    run gru-clean --no-such-option g.csv
    [ "$status" -eq 2 ]
}

@test "a full disk is an error, a closed pipe is none" {
    run gru-clean --do impute=zero -o /dev/full g.csv
    [ "$status" -eq 1 ]
    run sh -c 'gru-clean --do impute=zero g.csv >/dev/full'
    [ "$status" -eq 1 ]
    run sh -c "gru-clean --do impute=zero '$T/prices.csv' | head -1"
    [ "$status" -eq 0 ] && [ "${#lines[@]}" -eq 1 ]
}
