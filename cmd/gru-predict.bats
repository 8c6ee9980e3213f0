#!/usr/bin/env bats
# gru-predict as its user meets it.

bats_require_minimum_version 1.5.0

setup_file() {
    PATH="${GRU_BIN:-$BATS_TEST_DIRNAME/../build}:$PATH"
    T=$BATS_TEST_DIRNAME/../testdata
    cd "$BATS_FILE_TMPDIR"
    gru-tokenize --fit vocab.tsv --text text --label sentiment --vocab-size 2000 --max-len 20 \
        -o reviews.npy "$T/reviews.csv"
    gru-train -q --arch 'embedding 2000 8; gru 8; dense 1 sigmoid' --attach vocab.tsv --epochs 6 \
        --lr 0.005 -o binary.gru reviews.npy
    gru-train -q --arch 'embedding 2000 8; gru 8; attention 4; dense 2 softmax' --attach vocab.tsv \
        --epochs 1 -o classes.gru reviews.npy
    gru-scale --fit scaler.tsv --columns Close "$T/prices.csv" |
        gru-window --fit window.tsv --length 10 --target Close --index Date -o stock.npy
    gru-train -q --arch 'gru 4; dense 1' --attach scaler.tsv --attach window.tsv --epochs 2 \
        -o stock.gru stock.npy
    gru-scale --fit scaler2.tsv --columns Open,Close "$T/prices.csv" |
        gru-window --fit window2.tsv --length 10 --horizon 3 --features Open,Close --target Close \
            --index Date -o ahead.npy
    gru-train -q --arch 'gru 4; dense 3' --attach scaler2.tsv --attach window2.tsv --epochs 1 \
        -o ahead.gru ahead.npy
}

setup() {
    PATH="${GRU_BIN:-$BATS_TEST_DIRNAME/../build}:$PATH"
    T=$BATS_TEST_DIRNAME/../testdata
    F=$BATS_FILE_TMPDIR
    cd "$BATS_TEST_TMPDIR"
}

header() { head -n 1 "$1" | tr '\t' ' '; }

@test "rows of different lengths are answered in their order, whatever shares their batch" {
    awk 'BEGIN {
        print "text\tsentiment"
        for (i = 0; i < 120; i++) {
            line = ""
            for (n = 1 + (i * i * i) % 20; n > 0; n--)
                line = line " w" (i * 7 + n * n) % 50
            print line "\t" i % 2
        }
    }' | gru-tokenize --fit v.tsv --text text --label sentiment --max-len 20 -o x.npy
    gru-train -q --arch 'embedding 100 8 mask; gru 8 sequences; attention 4; dense 1 sigmoid' --epochs 1 -o m.gru x.npy
    gru-predict --attention a.tsv m.gru x.npy >together.tsv
    gru-predict --attention b.tsv --batch-size 16 m.gru x.npy >sixteen.tsv
    cmp together.tsv sixteen.tsv
    cmp a.tsv b.tsv
    gru-predict --batch-size 2 m.gru x.npy >two.tsv
    cmp together.tsv two.tsv
}

@test "two classes: label, confidence, score" {
    gru-predict -o p.tsv "$F/binary.gru" "$F/reviews.npy"
    [ "$(header p.tsv)" = "id y_true label confidence score" ]
    [ "$(wc -l <p.tsv)" -eq 1001 ]
    # the label is the class of the score, the confidence its probability
    awk -F'\t' 'NR > 1 { label = $5 > 0.5 ? "positive" : "negative"; c = $5 > 0.5 ? $5 : 1 - $5
        if (label != $3 || c - $4 > 1e-6 || $4 - c > 1e-6) exit 1
        right += $2 == $3 } END { exit !(right > 800) }' p.tsv
}

@test "several classes: a probability each, which add up to one" {
    gru-predict -o p.tsv "$F/classes.gru" "$F/reviews.npy"
    [ "$(header p.tsv)" = "id y_true label confidence p_negative p_positive" ]
    awk -F'\t' 'NR > 1 { d = $5 + $6 - 1; if (d > 1e-6 || d < -1e-6) exit 1 }' p.tsv
}

@test "numbers come in the user's units, with their dates and the naive forecast" {
    gru-predict -o p.tsv "$F/stock.gru" "$F/stock.npy"
    [ "$(header p.tsv)" = "id y_true y_pred y_naive" ]
    # row 12 of the file is the first target: its date and its price; row 11's price is the naive one
    date=$(sed -n 12p "$T/prices.csv" | cut -d, -f1)
    close=$(sed -n 12p "$T/prices.csv" | cut -d, -f5)
    before=$(sed -n 11p "$T/prices.csv" | cut -d, -f5)
    [ "$(sed -n 2p p.tsv | cut -f1)" = "$date" ]
    awk -F'\t' -v now="$close" -v before="$before" \
        'NR == 2 { exit !($2 - now < 1e-4 && now - $2 < 1e-4 && $4 - before < 1e-4 && before - $4 < 1e-4) }' p.tsv
}

@test "a zero comes back as a zero" {
    awk 'BEGIN { print "v"; for (i = 0; i < 60; i++) print i % 10 == 3 ? 0 : 30 * sin(i) + i / 7 }' >z.csv
    gru-scale --fit s.tsv z.csv | gru-window --fit w.tsv --length 5 --target v -o z.npy
    gru-train -q --arch 'gru 2; dense 1' --epochs 1 --attach s.tsv --attach w.tsv -o z.gru z.npy
    [ "$(gru-predict z.gru z.npy | awk -F'\t' '$1 % 10 == 4 { print $2 }' | sort -u)" = 0 ]
}

@test "a horizon of three has three columns each" {
    gru-predict -o p.tsv "$F/ahead.gru" "$F/ahead.npy"
    [ "$(header p.tsv)" = "id y_true_1 y_true_2 y_true_3 y_pred_1 y_pred_2 y_pred_3 y_naive" ]
}

@test "a horizon's naive forecast is the last known value, whatever the stride" {
    gru-scale --apply "$F/scaler.tsv" "$T/prices.csv" |
        gru-window --fit w.tsv --length 10 --horizon 4 --stride 4 --target Close --index Date -o x.npy
    gru-train -q --arch 'gru 2; dense 4' --attach "$F/scaler.tsv" --attach w.tsv --epochs 1 -o m.gru x.npy
    gru-predict m.gru x.npy >p.tsv
    [ "$(gru-predict --raw m.gru "$T/prices.csv" | cut -f1,2,10)" = "$(cut -f1,2,10 p.tsv)" ]
    # line 11 of the file is the last row of the first window, line 15 of the second
    awk -F'[,\t]' 'NR == FNR { close_[FNR] = $5; next } FNR == 1 { exit $10 != "y_naive" }
        { d = $10 - close_[7 + 4 * (FNR - 1)]; if (!(d < 1e-4 && d > -1e-4)) exit 1 }' "$T/prices.csv" p.tsv
    # every row has one, so the forecast of all four steps is judged on all of them
    want=$(awk -F'\t' 'NR > 1 { for (i = 2; i <= 5; i++) { d = $i - $10; s += d * d } } END { print s / 4 / (NR - 1) }' p.tsv)
    gru-eval --tsv p.tsv | awk -v want="$want" '$1 == "naive_mse" && !all { all = 1; d = $NF / want - 1 }
        END { exit !(all && d < 1e-4 && d > -1e-4) }'
    # without the target among the features there is none
    gru-window --fit w.tsv --length 10 --horizon 4 --stride 4 --features Open --target Close -o x.npy "$T/prices.csv"
    gru-train -q --arch 'gru 2; dense 4' --attach w.tsv --epochs 1 -o m.gru x.npy
    gru-predict -o p.tsv m.gru x.npy
    ! header p.tsv | grep -q naive
}

@test "quantiles have their shares in the columns' names, and the target's units" {
    gru-train -q --arch 'gru 2; dense 2' --loss quantile:0.1/0.9 --epochs 1 --attach "$F/scaler.tsv" \
        --attach "$F/window.tsv" -o q.gru "$F/stock.npy"
    gru-predict -o p.tsv q.gru "$F/stock.npy"
    [ "$(header p.tsv)" = "id y_true y_pred_q0.1 y_pred_q0.9 y_naive" ]
    awk -F'\t' 'NR > 1 && !($2 > 20 && $3 > 20 && $5 > 20) { exit 1 }' p.tsv
    gru-eval p.tsv | grep -q '% if calibrated'
    gru-train -q --arch 'gru 2; dense 6' --loss quantile:0.25/0.75 --epochs 1 -o q.gru "$F/ahead.npy"
    gru-predict -o p.tsv q.gru "$F/ahead.npy"
    [ "$(header p.tsv | tr ' ' '\n' | grep pred | tr '\n' ' ')" = "y_pred_1_q0.25 y_pred_1_q0.75 y_pred_2_q0.25 y_pred_2_q0.75 y_pred_3_q0.25 y_pred_3_q0.75 " ]
    gru-eval --tsv p.tsv | grep -q '^coverage.3.'
}

@test "batches, threads and pipes don't change a bit" {
    gru-predict -o a.tsv "$F/binary.gru" "$F/reviews.npy"
    gru-predict --batch-size 7 --threads 1 -o b.tsv "$F/binary.gru" "$F/reviews.npy"
    gru-predict "$F/binary.gru" <"$F/reviews.npy" >c.tsv
    cmp a.tsv b.tsv
    cmp a.tsv c.tsv
    gru-predict - "$F/reviews.npy" <"$F/binary.gru" | cmp - a.tsv
}

@test "where no thread can be started the answers are the same" {
    limited=()
    [ "$(id -u)" -ne 0 ] || limited=(setpriv --reuid 65534 --regid 65534 --clear-groups) # root has no limit
    # by env, since setpriv itself may still go where only root may
    "${limited[@]}" env gru-predict --version >/dev/null || skip "another user cannot run the tool"
    gru-predict -o a.tsv "$F/binary.gru" "$F/reviews.npy"
    # a search for leaks would want a thread of its own
    "${limited[@]}" env ASAN_OPTIONS=detect_leaks=0 \
        bash -c 'ulimit -u 1; exec gru-predict --threads 4 /dev/fd/3 /dev/fd/4' \
        3<"$F/binary.gru" 4<"$F/reviews.npy" >b.tsv 2>err
    cmp a.tsv b.tsv
    grep -q 'cannot start a thread: .*; batches do not overlap' err
}

@test "what comes before a bad row is answered, and told first if it is bad itself" {
    { head -n 1 "$T/reviews.csv"; for _ in 1 2; do tail -n +2 "$T/reviews.csv"; done; } |
        awk 'NR == 1501 { sub(/(positive|negative)/, "neither") } { print }' >labels.csv
    for threads in 1 2; do
        run --separate-stderr bash -c 'gru-predict --raw --threads "$2" "$1/binary.gru" labels.csv' - "$F" $threads
        [ "$status" -eq 1 ]
        [ "${#lines[@]}" -eq $((1 + 1499 / 256 * 256)) ]
        [[ $stderr == *"labels.csv:1501: label 'neither' is not one of the model's"* ]]
    done
    # row 700 has words that the network has no rows for; row 1100 is cut
    awk 'BEGIN {
        print "text\tsentiment"
        for (i = 1; i <= 1100; i++) {
            line = "w" i % 50
            for (n = 0; i == 700 && n < 60; n++) line = line " rare" n
            print line "\t" i % 2
        }
    }' | gru-tokenize --fit v.tsv --text text --label sentiment --max-len 70 -o x.npy
    awk 'BEGIN { print "text\tsentiment"; for (i = 1; i <= 99; i++) print "w" i % 50 "\t" i % 2 }' |
        gru-tokenize --fit w.tsv --text text --label sentiment --max-len 70 -o y.npy
    gru-train -q --arch 'embedding 100 4; gru 4; dense 1 sigmoid' --epochs 1 -o m.gru y.npy
    for threads in 1 2; do
        run --separate-stderr bash -c 'head -c -5 x.npy | gru-predict --threads "$1" m.gru' - $threads
        [ "$status" -eq 1 ]
        [ "${#lines[@]}" -eq 513 ]
        [[ $stderr == *"standard input: row 700: "* ]]
    done
}

@test "reading goes on while the answers wait for their reader" {
    awk 'BEGIN { for (i = 0; i < 12288; i++) printf "%0100d a word\n", i }' >lines
    { cat lines; touch sent; } | gru-predict --raw --batch-size 4096 "$F/binary.gru" - | {
        for _ in $(seq 200); do [ -e sent ] || sleep 0.1; done
        [ -e sent ] && touch overlapped
        cat >answers
    }
    [ -e overlapped ]
    gru-predict --raw --threads 1 "$F/binary.gru" lines | cmp - answers
}

@test "--raw on lines: one answer a line, also for blank ones" {
    run gru-predict --raw "$F/binary.gru" <<<$'這個產品太棒了，我非常喜歡！\n\nxyzzy'
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 4 ]
    [ "${lines[0]}" = "$(printf 'label\tconfidence\tscore')" ]
    [ "$(gru-predict --raw "$F/binary.gru" <<<'這個產品太棒了，我非常喜歡！' | tail -n 1 | cut -f1)" = positive ]
}

@test "a table with other columns is no lines of text; nor is a table a tensor stream" {
    sed '1s/text/review/' "$T/reviews.csv" >other.csv
    gzip -c other.csv >other.csv.gz
    for file in other.csv other.csv.gz; do
        run gru-predict --raw "$F/binary.gru" $file
        [ "$status" -eq 1 ]
        [ "$output" = "gru-predict: $file: no column 'text'; there are review, sentiment" ]
    done
    run gru-predict "$F/binary.gru" "$T/reviews.csv"
    [ "$status" -eq 1 ]
    [[ "$output" == *"reviews.csv: is not an NPY array; --raw reads texts and tables" ]]
}

@test "--text names a table's column of texts, --id the column that names them" {
    grep -v '"' "$T/reviews.csv" | head -n 4 >plain.csv
    awk 'NR == 1 { print "key,review,sentiment"; next } { print "k" NR "," $0 }' plain.csv >other.csv
    gru-predict --raw "$F/binary.gru" plain.csv >a.tsv
    gru-predict --raw --text review "$F/binary.gru" <other.csv >b.tsv
    cmp a.tsv b.tsv
    gru-predict --raw --text review --id key "$F/binary.gru" other.csv >c.tsv
    [ "$(cut -f1 c.tsv | tr '\n' ' ')" = 'id k2 k3 k4 ' ]
    cut -f2- c.tsv | cmp a.tsv -
    run -1 gru-predict --raw --text nosuch "$F/binary.gru" other.csv
    [ "$output" = "gru-predict: other.csv: no column 'nosuch'; there are key, review, sentiment" ]
    run -1 gru-predict --raw --text review --id nosuch "$F/binary.gru" other.csv
    [[ "$output" == *"no column 'nosuch'"* ]]
    run -1 gru-predict --raw --id key "$F/binary.gru" <<<hello
    [[ "$output" == *"lines of text have no column 'key'"* ]]
    awk -F, '{ gsub("k3", sprintf("%0300d", 3)) } 1' other.csv >long.csv
    run -1 gru-predict --raw --text review --id key "$F/binary.gru" long.csv
    [[ "$output" == *"long.csv:3: the id '000"*"' has more than 256 bytes" ]]
    run -2 gru-predict --text review "$F/binary.gru" "$F/reviews.npy"
    run -2 gru-predict --raw --text Close "$F/stock.gru" "$T/prices.csv"
}

@test "--raw gives the ids that the vocabulary was made with" {
    grep -v '"' "$T/reviews.csv" | head -n 50 >plain.csv
    awk 'NR == 1 { print "key," $0; next } { print "k" NR "," $0 }' plain.csv >keyed.csv
    gru-tokenize --fit v.tsv --id key --text text --label sentiment --max-len 20 -o k.npy keyed.csv
    gru-train -q --arch 'embedding 3000 4; gru 4; dense 1 sigmoid' --attach v.tsv --epochs 1 -o k.gru k.npy
    gru-predict k.gru k.npy >a.tsv
    gru-predict --raw k.gru keyed.csv >b.tsv
    cmp a.tsv b.tsv
    gru-predict --raw k.gru plain.csv >c.tsv
    cut -f2- a.tsv | cmp - c.tsv
    gru-tokenize --vocab v.tsv -o again.npy keyed.csv
    cmp k.npy again.npy
}

@test "a header that is answered as a text, and texts without a known word, are warned of" {
    run --separate-stderr gru-predict --raw "$F/binary.gru" <<<$'label,review\n1,good'
    [ "$status" -eq 0 ]
    [[ "$stderr" == *"the first line, 'label,review', looks like the header of a table"* ]]
    run --separate-stderr gru-predict --raw "$F/binary.gru" <<<$'good, bad\n\n\xe2\x82\xac'
    [ "$status" -eq 0 ]
    [ "$stderr" = 'gru-predict: 1 of 3 texts have no known word; their answers say nothing about them' ]
}

@test "--raw on the table gives what the tensors gave" {
    gru-predict "$F/binary.gru" "$F/reviews.npy" | cut -f2- >a.tsv
    gru-predict --raw "$F/binary.gru" "$T/reviews.csv" >b.tsv
    cmp a.tsv b.tsv
    gru-predict "$F/stock.gru" "$F/stock.npy" >a.tsv
    gru-predict --raw "$F/stock.gru" "$T/prices.csv" >b.tsv
    cmp a.tsv b.tsv
}

@test "--raw on a table whose labels are partly missing: y_true is empty there" {
    printf 'text,sentiment\ngood,positive\nbad,\nfine,negative\n' >part.csv
    gru-predict --raw "$F/binary.gru" part.csv >p.tsv
    [ "$(cut -f1 p.tsv | tr '\n' ,)" = "y_true,positive,,negative," ]
    gru-predict --raw "$F/binary.gru" <<<$'text\ngood\nbad\nfine' >bare.tsv
    diff <(cut -f2- p.tsv) bare.tsv
    gru-eval p.tsv | grep -q '2 rows.*1 without y_true left out'
}

@test "--steps forecasts working days after the last" {
    run gru-predict --raw --steps 5 "$F/stock.gru" "$T/prices.csv"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = "$(printf 'id\ty_pred')" ]
    [ "${#lines[@]}" -eq 6 ]
    last=$(tail -n 1 "$T/prices.csv" | cut -d, -f1)
    for i in 1 2 3 4 5; do
        day=$(printf '%s' "${lines[$i]}" | cut -f1)
        [ "$(date -d "$day" +%u)" -lt 6 ]
        [[ "$day" > "$last" ]]
        last=$day
    done
    # the first step is the prediction of the window that ends the table
    { cat "$T/prices.csv"; printf '2099-01-01,1,1,1,1,1\n'; } >more.csv
    [ "$(gru-predict --raw "$F/stock.gru" more.csv | tail -n 1 | cut -f3)" = \
        "$(printf '%s' "${lines[1]}" | cut -f2)" ]
}

# Fifteen rows named in a form: the names of the last three, from the first twelve, are those that
# predictions of the fifteen have.
keeps_form() { # START STEP-UNIT FORMAT
    for i in $(seq 0 14); do echo "$1 UTC +$((i * ${2%% *})) ${2#* }"; done |
        LC_ALL=C date -u -f - "+$3" | awk 'BEGIN { print "Date\tClose" } { print $0 "\t" 100 + NR % 4 }' >all.tsv
    head -n 13 all.tsv | gru-predict --raw --steps 3 "$F/stock.gru" | sed 1d | cut -f1 >ahead
    tail -n 3 all.tsv | cut -f1 | diff ahead -
    gru-predict --raw "$F/stock.gru" all.tsv | tail -n 3 | cut -f1 | diff ahead -
}

@test "--steps names days as the table does" {
    for form in %Y-%m-%d %Y/%m/%d %Y%m%d %d-%m-%Y %d.%m.%Y %d/%m/%Y %-d/%-m/%Y %m/%d/%Y %d-%b-%Y '%-d %B %Y' \
        %d-%^b-%y '%b %d, %Y' '%b %-d, %Y' '%Y年%-m月%-d日' '%Y-%m-%d 00:00:00'; do
        keeps_form 2024-02-20 '1 day' "$form"
        keeps_form 2023-12-07 '2 days' "$form"
    done
}

@test "--steps names hours as the table does, also at midnight" {
    for form in '%Y-%m-%d %H:%M:%S' '%Y-%m-%d %H:%M' '%d.%m.%Y %H:%M' '%-m/%-d/%Y %-H:%M' %Y-%m-%dT%H:%M:%S \
        %Y-%m-%dT%H:%MZ %Y-%m-%dT%H:%M:%S+01:00 '%Y-%m-%d %H:%M:%S.000'; do
        keeps_form '2018-06-26 10:00' '1 hour' "$form"
        keeps_form '2018-06-26 20:30' '15 minutes' "$form"
    done
}

@test "--steps names months and quarters as the table does" {
    for form in %Y-%m %Y/%m '%b %Y' %Y年%-m月; do
        keeps_form 2008-01-01 '1 month' "$form"
    done
    for form in %Y-Q%q %YQ%q %Y-%m; do
        keeps_form 2021-04-01 '3 months' "$form"
    done
}

@test "--raw on a table that runs backwards warns; --steps would forecast the past and fails" {
    { head -n 1 "$T/prices.csv" && tail -n +2 "$T/prices.csv" | tac; } >back.csv
    run -0 --separate-stderr gru-predict --raw "$F/stock.gru" back.csv
    [[ "$stderr" == *"back.csv:3: column 'Date' runs backwards"* ]]
    run -0 --separate-stderr gru-predict --raw "$F/stock.gru" "$T/prices.csv"
    [ -z "$stderr" ]
    run -1 --separate-stderr gru-predict --raw --steps 2 "$F/stock.gru" back.csv
    [ "$stderr" = "gru-predict: back.csv:3: column 'Date' runs backwards here; a forecast needs the newest row last: sort it first (head -1 FILE; awk 'NR > 1' FILE | tac)" ]
    [ -z "$output" ]
    # what the message says to do, on a file whose last line has no line feed, as downloads have
    truncate -s -1 back.csv
    (head -1 back.csv; awk 'NR > 1' back.csv | tac) | gru-predict --raw --steps 2 "$F/stock.gru" >forward.tsv
    gru-predict --raw --steps 2 "$F/stock.gru" "$T/prices.csv" | cmp - forward.tsv
    # the newest row is last, but two before it are not in order
    awk 'NR == 5 { kept = $0; next } { print } NR == 6 { print kept }' "$T/prices.csv" >swapped.csv
    run -0 --separate-stderr gru-predict --raw --steps 2 "$F/stock.gru" swapped.csv
    [[ "$stderr" == *"swapped.csv:6: column 'Date' runs backwards"* ]]
    [ "${#lines[@]}" -eq 3 ]
}

@test "--steps within the horizon at once; beyond it not without knowing the other columns" {
    run gru-predict --raw --steps 3 "$F/ahead.gru" "$T/prices.csv"
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 4 ]
    run gru-predict --raw --steps 4 "$F/ahead.gru" "$T/prices.csv"
    [ "$status" -eq 1 ]
    [[ "$output" == *"values of the other columns that nobody knows"*"--horizon 4"* ]]
}

@test "numbers and other names are continued too" {
    awk -F, 'NR == 1 { print "Date,Close" } NR > 1 { print NR * 10 "," $5 }' "$T/prices.csv" >n.csv
    last=$(tail -n 1 n.csv | cut -d, -f1)
    run gru-predict --raw --steps 2 "$F/stock.gru" n.csv
    [ "$(printf '%s' "${lines[2]}" | cut -f1)" = $((last + 20)) ]
    awk -F, 'NR == 1 { print "Date,Close" } NR > 1 { print "row" NR "," $5 }' "$T/prices.csv" >n.csv
    run gru-predict --raw --steps 2 "$F/stock.gru" n.csv
    [ "$(printf '%s' "${lines[2]}" | cut -f1)" = +2 ]
}

@test "--attention: weights of each sample's steps add up to one, beside their tokens" {
    gru-predict --attention a.tsv -o p.tsv "$F/classes.gru" "$F/reviews.npy"
    [ "$(header a.tsv)" = "id step token weight" ]
    awk -F'\t' 'NR > 1 { sum[$1] += $4 } END { for (i in sum) { n++; if (sum[i] - 1 > 1e-4 || 1 - sum[i] > 1e-4) exit 1 } exit n != 1000 }' a.tsv
    run gru-predict --attention b.tsv "$F/binary.gru" "$F/reviews.npy"
    [ "$status" -eq 1 ]
    [[ "$output" == *"no attention layer"* ]]
    [ ! -e b.tsv ]
}

@test "--states: a column for each unit, a line for each step" {
    gru-predict --states s.tsv -o p.tsv "$F/stock.gru" "$F/stock.npy"
    [ "$(header s.tsv)" = "id step unit_1 unit_2 unit_3 unit_4" ]
    [ "$(wc -l <s.tsv)" -eq $(($(wc -l <p.tsv) * 10 - 10 + 1)) ]
}

# Rows of s.tsv and g.tsv side by side follow a cell's equation, from each sample's first step on:
# columns 3 … H + 2 are the states, then come id, step and the gates.
follows() { # UNITS EQUATION (an awk expression for the new state of unit u, h being the one before)
    paste s.tsv g.tsv | awk -F'\t' -v H="$1" '
        function gate(k) { return $(H + 4 + (k - 1) * H + u) }
        function tanh(x) { return 1 - 2 / (exp(2 * x) + 1) }
        NR > 1 {
            for (u = 1; u <= H; u++) {
                h = $2 == 1 ? 0 : before[u]
                c = $2 == 1 ? 0 : cell[u]
                d = $(u + 2) - ('"$2"')
                if (d > 1e-5 || d < -1e-5) exit bad = 1
                before[u] = $(u + 2)
                cell[u] = gate(5)
                checked++
            }
        }
        END { exit bad || checked < 40 }'
}

@test "--gates: with the states they follow the equations of the cells" {
    gru-predict --states s.tsv --gates g.tsv -o p.tsv "$F/stock.gru" "$F/stock.npy"
    [ "$(header g.tsv)" = "id step z_1 z_2 z_3 z_4 r_1 r_2 r_3 r_4 n_1 n_2 n_3 n_4" ]
    cut -f1,2 s.tsv >a
    cut -f1,2 g.tsv | cmp a -
    follows 4 'gate(1) * h + (1 - gate(1)) * gate(3)'
    gru-predict -o q.tsv "$F/stock.gru" "$F/stock.npy"
    cmp p.tsv q.tsv
    gru-train -q --arch 'gru 3; gru 5 reset=before update=new; dense 1' --epochs 1 -o b.gru "$F/stock.npy"
    gru-predict --states s.tsv --gates g.tsv -o p.tsv b.gru "$F/stock.npy"
    follows 5 '(1 - gate(1)) * h + gate(1) * gate(3)'
    gru-train -q --arch 'lstm 6; dense 1' --epochs 1 -o l.gru "$F/stock.npy"
    gru-predict --states s.tsv --gates g.tsv -o p.tsv l.gru "$F/stock.npy"
    [[ "$(header g.tsv)" == "id step i_1 "*" f_1 "*" g_1 "*" o_1 "*" c_1 "*" c_6" ]]
    follows 6 'gate(4) * tanh(gate(2) * c + gate(1) * gate(3))'
}

@test "--gates of both ways, at the steps that count; an rnn has none" {
    gru-train -q --arch 'embedding 2000 8 mask; gru 3 bidirectional; dense 1 sigmoid' --epochs 1 -o m.gru "$F/reviews.npy"
    gru-predict --states s.tsv --gates g.tsv -o p.tsv m.gru "$F/reviews.npy"
    [[ "$(header g.tsv)" == "id step z_1 "*" z_6 r_1 "*" n_6" ]]
    # backward in time the state before is the one of the row below
    paste s.tsv g.tsv | tac | awk -F'\t' '
        NF && $1 != "id" {
            h = $1 == id ? before : 0
            d = $6 - ($(10 + 4) * h + (1 - $(10 + 4)) * $(10 + 12 + 4))
            if (d > 1e-5 || d < -1e-5) exit bad = 1
            before = $6; id = $1; checked++
        }
        END { exit bad || checked < 1000 }'
    gru-train -q --arch 'rnn 3; dense 1' --epochs 1 -o r.gru "$F/stock.npy"
    run -1 gru-predict --gates g.tsv r.gru "$F/stock.npy"
    [[ "$output" == *"--gates: the last recurrent layer has none" ]]
    run -2 gru-predict --raw --steps 2 --gates g.tsv "$F/stock.gru" "$T/prices.csv"
}

@test "data that does not fit the model: both shapes" {
    run gru-predict -o p.tsv "$F/binary.gru" "$F/stock.npy"
    [ "$status" -eq 1 ]
    [[ "$output" == *"the model takes x int32 (steps), the data has x float32 (10, 1)"* ]]
    run gru-predict -o p.tsv "$F/stock.gru" "$F/ahead.npy"
    [ "$status" -eq 1 ]
    [[ "$output" == *"x float32 (steps, 1)"*"x float32 (10, 2)"* ]]
    [ ! -e p.tsv ]
}

@test "no model, a cut one, a damaged one" {
    run gru-predict "$T/prices.csv" "$F/stock.npy"
    [ "$status" -eq 1 ]
    head -c 1000 "$F/stock.gru" >cut.gru
    run gru-predict cut.gru "$F/stock.npy"
    [ "$status" -eq 1 ]
    [[ "$output" == *"cut.gru"* ]]
    { head -c -1 "$F/stock.gru"; printf 'x'; } >bad.gru
    run gru-predict bad.gru "$F/stock.npy"
    [ "$status" -eq 1 ]
    [[ "$output" == *"bad.gru"* ]]
    run gru-predict nowhere.gru "$F/stock.npy"
    [ "$status" -eq 1 ]
}

@test "--raw at every step gives what the tensors gave, in each target's units" {
    awk -F, 'BEGIN { print "stock,Open,High,Low" } NR > 1 && NR < 60 { print NR % 3, $2, $3, $4 }' \
        OFS=, "$T/prices.csv" >s.csv
    gru-scale --fit scaler.tsv --columns Open,High,Low s.csv |
        gru-window --sequences --fit window.tsv --features Open --target High,Low --horizon 0 \
            --group stock -o s.npy
    gru-train -q --arch 'gru 4; dense 2' --attach scaler.tsv --attach window.tsv --epochs 3 -o s.gru s.npy
    gru-predict -o a.tsv s.gru s.npy
    gru-predict --raw -o b.tsv s.gru s.csv
    cmp a.tsv b.tsv
    [ "$(header a.tsv)" = "id step y_true_1 y_true_2 y_pred_1 y_pred_2" ]
    [ "$(wc -l <a.tsv)" -eq 59 ]
    # the first group's first row: its High and its Low
    sed -n 2p s.csv | tr , '\t' | paste - <(sed -n 2p a.tsv) |
        awk '{ exit !($3 - $7 < 1e-4 && $7 - $3 < 1e-4 && $4 - $8 < 1e-4 && $8 - $4 < 1e-4) }'
    # unknown targets: the same answers, without the truth
    cut -d, -f1-2 s.csv | gru-predict --raw s.gru | cmp - <(cut -f 1,2,5,6 a.tsv)
    # longer sequences than those of the training, and one without a group
    cut -d, -f2 s.csv | sed 's/$/,1/; 1s/1$/stock/' | gru-predict --raw s.gru | tail -n 1 | grep -q '^1.58'
    run gru-predict --raw s.gru <<<'Open'
    [ "$status" -eq 1 ]
    [[ "$output" == *"no column 'stock'"* ]]
    run gru-predict --raw --steps 2 s.gru s.csv
    [ "$status" -eq 1 ]
    [[ "$output" == *"--steps: the model does not forecast numbers"* ]]
    run gru-predict --raw s.gru <<<$'stock,Open\n1,x'
    [[ "$output" == *":2: column 'Open': 'x' is not a number"* ]]
    gru-window --length 1 --target Open --fit other.tsv s.csv >o.npy
    gru-train -q --arch 'gru 4; dense 2' --attach other.tsv --epochs 1 -o o.gru s.npy
    run gru-predict --raw o.gru s.csv
    [ "$status" -eq 1 ]
    [[ "$output" == *"the model answers at every step, but its window.tsv makes windows"* ]]
}

@test "--raw one row ahead at every step: steps whose target is not there yet are left out" {
    printf 'v\n1\n2\n3\n4\n' >v.csv
    gru-window --sequences --target v --fit window.tsv -o v.npy v.csv
    gru-train -q --arch 'gru 2; dense 1' --attach window.tsv --epochs 1 -o v.gru v.npy
    gru-predict --raw v.gru v.csv 2>/dev/null | cut -f 1,2 | tr '\n\t' ';,' | grep -qx 'step,y_true;1,2;2,3;3,4;'
}

@test "--raw without what it needs says what is missing" {
    gru-train -q --arch 'gru 2; dense 1' --epochs 1 -o bare.gru "$F/stock.npy"
    run gru-predict --raw bare.gru "$T/prices.csv"
    [ "$status" -eq 1 ]
    [[ "$output" == *"no window.tsv is attached"* ]]
    gru-train -q --arch 'embedding 2000 2; gru 2; dense 1 sigmoid' --epochs 1 -o bare.gru "$F/reviews.npy"
    run gru-predict --raw bare.gru <<<text
    [ "$status" -eq 1 ]
    [[ "$output" == *"no vocab.tsv is attached"* ]]
}

@test "bad raw input: empty, header only, missing column, a word for a number, UTF-8, labels, quotes" {
    run gru-predict --raw "$F/binary.gru" </dev/null
    [ "$status" -eq 1 ]
    run gru-predict --raw "$F/stock.gru" <<<'Date,Close'
    [ "$status" -eq 1 ]
    run gru-predict --raw "$F/stock.gru" <<<$'Date,Open\n1,2'
    [ "$status" -eq 1 ]
    [[ "$output" == *"no column 'Close'; there are Date, Open"* ]]
    run gru-predict --raw "$F/stock.gru" <<<$'Date,Close\n2020-01-01,abc'
    [ "$status" -eq 1 ]
    [[ "$output" == *"standard input:2: column 'Close': 'abc' is not a number" ]]
    run gru-predict --raw "$F/stock.gru" <<<$'Date,Close\n2020-01-01,1,2'
    [ "$status" -eq 1 ]
    run gru-predict --raw "$F/stock.gru" <<<$'Date,Close\n2020-01-01,'
    [ "$status" -eq 1 ]
    [[ "$output" == *"missing"* ]]
    run gru-predict --raw "$F/binary.gru" < <(printf 'good\nb\377d\n')
    [ "$status" -eq 1 ]
    [[ "$output" == *"standard input:2:"* ]]
    run gru-predict --raw --lossy "$F/binary.gru" < <(printf 'good\nb\377d\n')
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 3 ]
    run gru-predict --raw "$F/binary.gru" <<<$'text,sentiment\nfine,excellent'
    [ "$status" -eq 1 ]
    [[ "$output" == *"standard input:2: label 'excellent' is not one of the model's" ]]
    run gru-predict --raw "$F/binary.gru" <<<$'text,sentiment\n"never closed,positive'
    [ "$status" -eq 1 ]
}

@test "wrong command lines" {
    run gru-predict
    [ "$status" -eq 2 ]
    run gru-predict --no-such-option "$F/binary.gru"
    [ "$status" -eq 2 ]
    run gru-predict --steps 3 "$F/stock.gru" "$F/stock.npy"
    [ "$status" -eq 2 ]
    [[ "$output" == *"--steps needs --raw"* ]]
    run gru-predict --steps 0 --raw "$F/stock.gru"
    [ "$status" -eq 2 ]
    run gru-predict --batch-size 0 "$F/stock.gru"
    [ "$status" -eq 2 ]
}

@test "full disks, missing directories, closed pipes" {
    run gru-predict -o /dev/full "$F/binary.gru" "$F/reviews.npy"
    [ "$status" -eq 1 ]
    run bash -c 'gru-predict "$1/binary.gru" "$1/reviews.npy" >/dev/full' - "$F"
    [ "$status" -eq 1 ]
    run gru-predict -o nowhere/p.tsv "$F/binary.gru" "$F/reviews.npy"
    [ "$status" -eq 1 ]
    run bash -c 'gru-predict "$1/binary.gru" "$1/reviews.npy" | head -n 1' - "$F"
    [ "${#lines[@]}" -eq 1 ]
}

@test "two outputs that are one file are refused" {
    run gru-predict -o p.tsv --attention ./p.tsv "$F/classes.gru" "$F/reviews.npy"
    [ "$status" = 2 ]
    [[ "$output" = *"-o and --attention would both write './p.tsv'"* ]]
    run gru-predict --states - "$F/classes.gru" "$F/reviews.npy"
    [ "$status" = 2 ]
}

@test "an .npz is refused with what to do" {
    printf 'PK\003\004\024\000\000\000\000\000' >a.npz
    run gru-predict "$F/stock.gru" a.npz
    [ "$status" = 1 ]
    [[ "$output" = *'a.npz: is a ZIP archive; of an .npz, unpack the arrays (unzip), or put x and y'* ]]
    run gru-train --arch 'gru 2; dense 1' -o m.gru a.npz
    [ "$status" = 1 ]
    [[ "$output" = *'a.npz: is a ZIP archive; of an .npz'* ]]
    run gru-predict --raw "$F/stock.gru" a.npz
    [[ "$output" = *'a.npz: is a ZIP archive (.npz, .xlsx, .zip), not a table'* ]]
}

@test "--raw tells a table with semicolons from lines" {
    printf 'sentiment;text\npositive;good film\n' | gru-predict --raw "$F/binary.gru" >a.tsv
    printf 'sentiment,text\npositive,good film\n' | gru-predict --raw "$F/binary.gru" >b.tsv
    cmp a.tsv b.tsv
    [ "$(printf 'bad film; but good\nbad\n' | gru-predict --raw "$F/binary.gru" | wc -l)" = 3 ]
}

# Two tickers by date, the second one's prices twice the first's.
two_groups() {
    awk -F, -v OFS=, 'NR == 1 { print "ticker", $0; next }
        { print "AAA", $0; print "BBB", $1, 2 * $2, 2 * $3, 2 * $4, 2 * $5, $6 }' "$T/prices.csv" >two.csv
    gru-scale --fit s.tsv --columns Close two.csv |
        gru-window --fit w.tsv --length 10 --target Close --index Date --group ticker -o two.npy
    gru-train -q --arch "${1:-gru 4; dense 1}" --attach s.tsv --attach w.tsv --epochs 1 -o two.gru two.npy
}

@test "rows of several groups are told apart, from tensors and from the table" {
    two_groups 'gru 4; attention 2; dense 1'
    gru-predict --states states.tsv --attention weights.tsv two.gru two.npy >p.tsv
    [ "$(header p.tsv)" = "id group y_true y_pred y_naive" ]
    [ "$(header states.tsv)" = "id group step unit_1 unit_2 unit_3 unit_4" ]
    [ "$(header weights.tsv)" = "id group step weight" ]
    gru-predict --raw two.gru two.csv | cmp - p.tsv
    date=$(sed -n 12p "$T/prices.csv" | cut -d, -f1)
    [ "$(sed -n 2,3p p.tsv | cut -f1,2 | tr '\t\n' '  ')" = "$date AAA $date BBB " ]
    # each group's naive forecast is its own: half, or twice, the other's
    awk -F'\t' 'NR > 1 { if ($2 == "BBB") { d = $5 / last - 2; if (!(d < 1e-4 && d > -1e-4)) exit 1 } last = $5 }' p.tsv
    gru-eval p.tsv >/dev/null
}

@test "--steps forecasts one group after the other" {
    two_groups 'gru 4 stateful; dense 1'
    gru-predict --raw --steps 2 two.gru two.csv >both.tsv
    [ "$(header both.tsv)" = "id group y_pred" ]
    [ "$(cut -f2 both.tsv | tr '\n' ' ')" = "group AAA AAA BBB BBB " ]
    # a table of one group, wherever it stands in the other
    for group in AAA BBB; do
        grep -E "^(ticker|$group)," two.csv | gru-predict --raw --steps 2 two.gru >one.tsv
        grep -E "^id|$group" both.tsv | cmp - one.tsv
    done
    last=$(tail -n 1 "$T/prices.csv" | cut -d, -f1)
    [[ "$(sed -n 2p both.tsv)" > "$last" ]]
    # the first step is the prediction of the window that ends the group's rows
    { cat two.csv; printf 'BBB,2099-01-01,1,1,1,1,1\n'; } >more.csv
    gru-train -q --arch 'gru 4; dense 1' --attach s.tsv --attach w.tsv --epochs 1 -o plain.gru two.npy
    { gru-predict --raw plain.gru more.csv | tail -n 1 | cut -f2,4
      gru-predict --raw --steps 1 plain.gru two.csv | tail -n 1 | cut -f2,3; } |
        awk 'NR == 1 { group = $1; y = $2 } NR == 2 { d = $2 / y - 1; exit !(group == $1 && d < 1e-5 && d > -1e-5) }'
}

@test "--steps leaves out groups that are too short, and says so" {
    two_groups
    { cat two.csv; printf 'NEW,2023-10-25,1,1,1,1,1\n'; } >short.csv
    run -0 --separate-stderr gru-predict --raw --steps 1 two.gru short.csv
    [ "${#lines[@]}" -eq 3 ]
    [[ "$stderr" == *"short.csv: 1 of 3 groups are left out: fewer than 10 rows" ]]
    head -n 13 two.csv >none.csv
    run -1 gru-predict --raw --steps 1 two.gru none.csv
    [[ "$output" == *"none.csv: 12 rows in 2 groups, and no group has the 10 rows of one window" ]]
    head -n 25 two.csv | sed '12s/,[0-9.]*,\([0-9]*\)$/,x,\1/' >word.csv
    run -1 gru-predict --raw --steps 1 two.gru word.csv
    [[ "$output" == "gru-predict: word.csv:12: column 'Close': 'x' is not a number" ]]
    run -1 gru-predict --raw --steps 1 two.gru "$T/prices.csv"
    [[ "$output" == *"no column 'ticker'"* ]]
}

@test "--steps gives quantiles as far as the horizon goes" {
    gru-train -q --arch 'gru 2; dense 6' --loss quantile:0.1/0.9 --epochs 1 --attach "$F/scaler2.tsv" \
        --attach "$F/window2.tsv" -o q.gru "$F/ahead.npy"
    gru-predict --raw --steps 2 q.gru "$T/prices.csv" >two.tsv
    [ "$(header two.tsv)" = "id y_pred_q0.1 y_pred_q0.9" ]
    [ "$(wc -l <two.tsv)" = 3 ]
    gru-predict --raw --steps 3 q.gru "$T/prices.csv" | head -n 3 | cmp - two.tsv
    # The last row's window is also what --raw answers once a row more is known.
    (cat "$T/prices.csv"; for day in 1 2 3; do echo "2030-01-0$day,1,1,1,1,1"; done) >more.csv
    gru-predict --raw q.gru more.csv | tail -n 1 | cut -f 5-8 | tr '\t' '\n' >want
    # One row alone is summed in another order, so the last digit may differ.
    sed 1d two.tsv | cut -f 2,3 | tr '\t' '\n' | paste want - |
        awk '{ d = ($1 - $2) / $1; near += d * d <= 1e-12 } END { exit !(NR == 4 && near == 4) }'
    run gru-predict --raw --steps 4 q.gru "$T/prices.csv"
    [ "$status" = 1 ]
    [[ "$output" = *'gives quantiles of 3 values'*'train with gru-window --horizon 4' ]]
}
