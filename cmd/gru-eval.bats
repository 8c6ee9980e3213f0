#!/usr/bin/env bats
# gru-eval as its user meets it: scikit-learn's figures and report, thresholds, and every bad input.

bats_require_minimum_version 1.5.0

setup() {
    PATH="${GRU_BIN:-$BATS_TEST_DIRNAME/../build}:$PATH"
    cd "$BATS_TEST_TMPDIR"
    T=$BATS_TEST_DIRNAME/../testdata
    G=$T/golden/metrics
}

# fails TEXT: exit status 1, one line on standard error that holds it
fails() {
    [ "$status" -eq 1 ] && [ "${#lines[@]}" -eq 1 ] && [[ "$output" == "gru-eval: "*"$1"* ]]
}

# agrees NAME: every figure of NAME.expected, to 1e-9
agrees() {
    gru-eval --tsv "$G/$1.tsv" >got.tsv
    awk -F'\t' 'NR == FNR { if ($2 == "") got[$1] = $4; next }
        { n++; d = got[$1] - $2; if (d < 0) d = -d; m = $2 < 0 ? -$2 : $2
          if (!($1 in got) || !(d <= 1e-9 * (m > 1 ? m : 1))) { print $1, $2, got[$1]; bad = 1 } }
        END { exit bad || n < 5 }' got.tsv "$G/$1.expected"
}

# reports NAME: the classification report, byte for byte
reports() {
    gru-eval "$G/$1.tsv" | sed -n "3,$(($(wc -l <"$G/$1.report") + 2))p" | cmp - "$G/$1.report"
}

@test "two classes: scikit-learn's figures and report" {
    agrees binary
    reports binary
    agrees binary_zh
    reports binary_zh
    gru-eval "$G/binary_zh.tsv" | grep -q "positive class '非常正面的評論意見與回饋'"
}

@test "several classes: scikit-learn's figures and report" {
    agrees multiclass
    reports multiclass
}

@test "a class that is never predicted counts 0" {
    agrees zero
    reports zero
}

@test "numbers: scikit-learn's figures, the naive forecast's and the skill" {
    agrees regression
}

@test "CSV, gzip, standard input and -o give the same report" {
    gru-eval "$G/binary.tsv" >want
    tr '\t' , <"$G/binary.tsv" | gru-eval | cmp - want
    gzip -c "$G/binary.tsv" | gru-eval - | cmp - want
    gru-eval -o got "$G/binary.tsv"
    cmp got want
}

@test "the verdict on the naive forecast is in words" {
    printf 'id,y_true,y_pred\n1,10,10\n2,11,11\n3,13,13\n' | gru-eval | grep -q 'beats the naive forecast'
    printf 'id,y_true,y_pred\n1,10,14\n2,11,17\n3,13,19\n' | gru-eval >worse
    grep -q 'The naive forecast (tomorrow = today) is better by' worse
    grep -q 'MAPE .* %' worse
    printf 'id,y_true,y_pred,y_naive\n7,10,14,9\n2,11,17,9\n' | gru-eval | grep -q 'naive forecast'
    printf 'id,y_true,y_pred\n7,10,14\n2,11,17\n' | gru-eval | grep -q 'no naive forecast'
}

@test "several steps ahead have figures each" {
    printf 'id,y_true_1,y_true_2,y_pred_1,y_pred_2\n1,1,2,1,4\n2,2,3,3,3\n' | gru-eval --tsv >got
    grep -qx "mse$(printf '\t')2$(printf '\t\t')2" got
    grep -qx "naive_mse$(printf '\t')2$(printf '\t\t')4" got
}

# has METRIC GROUP VALUE: a line of the file got, the value to 1e-9
has() {
    awk -F'\t' -v m="$1" -v g="$2" -v v="$3" \
        '$1 == m && $2 == g { d = $4 - v; ok = d < 1e-9 && -d < 1e-9 } END { exit !ok }' got
}

@test "quantiles: pinball loss, calibration, and the interval between them" {
    # by hand: losses of 0.1 are .1 .1 .2 .9, of 0.9 are .1 .1 .9 .2
    printf 'y_true,y_pred_q0.1,y_pred_q0.9\n1,0,2\n2,1,3\n3,1,2\n4,5,6\n' >t.csv
    gru-eval --tsv t.csv >got
    has pinball q0.1 .325 && has pinball q0.9 .325 && has pinball '' .325
    has below q0.1 .25 && has below q0.9 .75
    has coverage '' .5 && has nominal_coverage '' .8 && has width '' 1.5
    # the row before as the forecast of both quantiles: .1 and .9 of each rise of 1
    has naive_pinball '' .5 && has pinball_skill '' "$(awk 'BEGIN { print 1 - (.1 + .1 + .2 + .9 + .9 + .2) / 3 }')"
    has mae '' 1.25 # of quantile 0.1
    gru-eval --json t.csv | grep -q '"q0.1": {"below": 0.25, "pinball": 0.325'
    gru-eval t.csv >text
    grep -q 'are of quantile 0.1, the nearest to the median' text
    grep -q '50.0 % of the true values, 80.0 % if calibrated' text
    run gru-eval --require 'coverage>=0.6' t.csv
    [ "$status" = 3 ]
}

@test "quantiles of several numbers, with the median as the forecast" {
    printf 'y_true_1,y_true_2,y_pred_1_q0.5,y_pred_1_q0.8,y_pred_2_q0.5,y_pred_2_q0.8\n1,2,2,3,2,2\n2,4,2,3,2,3\n' |
        gru-eval --tsv >got
    has pinball 1 .275 && has coverage 1 .5 && has width 1 1 # .5 0 .4 .2
    has pinball 2 .45 && has coverage 2 .5 && has below q0.5 .75 && has mae 2 1
    run gru-eval <<<$'y_true_1,y_true_2,y_pred_1_q0.1,y_pred_1_q0.9,y_pred_2_q0.1\n1,2,3,4,5'
    fails 'not each number has the same quantiles'
    run gru-eval <<<$'y_true,y_pred_q0.9,y_pred_q0.1\n1,2,3'
    fails 'the quantiles y_pred_q… do not rise'
    run gru-eval <<<$'y_true,y_pred_q0.1,y_pred_q0.9\n1,2,x'
    fails "column 'y_pred_q0.9': 'x' is not a number"
}

@test "labels per step, yes/no values per step, next tokens" {
    printf 'id,step,y_true,label\na,1,N,N\na,2,V,N\nb,1,N,N\n' | gru-eval --tsv >got
    grep -qx "sequence_accuracy$(printf '\t\t\t')0.5" got
    printf 'id,step,y_true_1,y_true_2,y_pred_1,y_pred_2\na,1,1,0,.5,.5\n' |
        gru-eval --task labelling --tsv | grep -q '^nll_per_step.*1.386294'
    printf 'step,y_true,label,p_a,p_b\n1,a,a,.5,.5\n2,b,a,.5,.5\n' |
        gru-eval --task language --tsv | grep -q "^perplexity$(printf '\t\t\t')2"
}

@test "--errors lists the most confident mistakes with their ids" {
    printf 'id,y_true,label,score\nr1,no,yes,.6\nr2,no,yes,.9\nr3,no,no,.1\nr4,yes,yes,.8\n' >t.csv
    gru-eval --errors 1 t.csv >got
    grep -q 'r2 .*0.9' got
    run ! grep -q r1 got
    gru-eval --errors 2 --json t.csv | tr -d ' \n' | grep -q '"errors":\[{"line":3,"id":"r2"'
}

@test "groups have naive forecasts of their own" {
    # by date, a rises by 1 and b by 10; and one group after the other
    printf 'id,group,y_true,y_pred\n2024-01-01,a,1,1\n2024-01-01,b,100,9\n2024-01-02,a,2,2\n2024-01-02,b,110,9\n2024-01-03,a,3,3\n2024-01-03,b,120,9\n' >t.csv
    { head -n 1 t.csv; grep ,a, t.csv; grep ,b, t.csv; } >stacked.csv
    for table in t stacked; do
        gru-eval --tsv --errors 1 $table.csv | grep -qx "naive_mse$(printf '\t\t\t')50.5"
    done
    gru-eval --errors 1 t.csv | grep -q '7  2024-01-03 b  '
    gru-eval --errors 1 --json t.csv | tr -d ' \n' | grep -q '"errors":\[{"line":7,"id":"2024-01-03","group":"b"'
    # without ids the rows of a group are taken as they come
    cut -d, -f2- t.csv | gru-eval --tsv | grep -qx "naive_mse$(printf '\t\t\t')50.5"
}

@test "rows without a y_true are left out and counted" {
    printf 'id,y_true,y_pred\n1,1,1\n2,,2\n' | gru-eval | grep -q '1 without y_true left out'
}

@test "--require sets the exit status and says which was not met" {
    run -0 gru-eval --require 'accuracy>=0.5,roc_auc>0.5' "$G/binary.tsv"
    run -3 --separate-stderr gru-eval --require 'accuracy>=0.5,mcc>=0.99,log_loss<0.01' "$G/binary.tsv"
    [[ "$stderr" == *"mcc is "*", required is >= 0.99; log_loss is "*", required is < 0.01" ]]
    [[ "$output" == *"weighted avg"* ]]
    run -0 gru-eval --require 'f1:positive>0.1' "$G/binary.tsv"
    run -2 gru-eval --require 'colour>=1' "$G/binary.tsv"
    [[ "$output" == *"no metric 'colour'"*"accuracy"* ]]
    run -2 gru-eval --require 'accuracy' "$G/binary.tsv"
    run -2 gru-eval --require 'accuracy>=high' "$G/binary.tsv"
}

@test "a wrong command line is status 2" {
    run -2 gru-eval --nonsense
    run -2 gru-eval --task guess "$G/binary.tsv"
    run -2 gru-eval --json --tsv "$G/binary.tsv"
    run -2 gru-eval a b
    run -2 gru-eval --errors -1 "$G/binary.tsv"
}

@test "empty input, a header only, a missing file" {
    run gru-eval </dev/null
    fails 'empty'
    run gru-eval <<<'id,y_true,y_pred'
    fails 'only a header'
    run gru-eval nothing.tsv
    fails 'nothing.tsv'
    run gru-eval .
    fails 'directory'
}

@test "missing columns are named with those there are" {
    run gru-eval <<<$'id,y_pred\n1,2'
    fails "no column 'y_true' to compare the predictions with; there are id, y_pred"
    run gru-eval <<<$'a,b\n1,2'
    fails 'there are a, b'
    run gru-eval --task regression <<<$'y_true,label\n1,2'
    fails "no column 'y_pred'"
    run gru-eval <<<$'y_true,y_pred_1,y_pred_2\n1,2,3'
    fails '2 columns y_pred'
}

@test "words for numbers, NaN, infinity, ragged rows, bad UTF-8, open quotes" {
    run gru-eval <<<$'y_true,y_pred\n1,1\n1,abc'
    fails "standard input:3: column 'y_pred': 'abc' is not a number"
    run gru-eval <<<$'y_true,y_pred\n1,nan'
    fails "standard input:2: column 'y_pred'"
    run gru-eval <<<$'y_true,y_pred\n1,inf'
    fails "standard input:2: column 'y_pred'"
    run gru-eval <<<$'y_true,y_pred\n1'
    fails 'standard input:2'
    run gru-eval <<<$'y_true,label\na,\xff'
    fails 'standard input:2'
    run gru-eval <<<$'y_true,label\na,"b'
    fails 'quote'
}

@test "probabilities and labels that can't be" {
    run gru-eval <<<$'y_true,label,score\na,b,1.5'
    fails "column 'score': 1.5 is not a probability"
    run gru-eval <<<$'id,step,y_true_1,y_true_2,y_pred_1,y_pred_2\na,1,9.5,1,.5,.5'
    fails "column 'y_true_1': 9.5 is not a yes/no value's probability (0 to 1); numbers at each step need --task regression"
    run gru-eval <<<$'y_true,label,p_a,p_b,p_c\na,a,.5,.5,.5'
    fails 'add up to 1.5'
    run gru-eval <<<$'y_true,label,p_a,p_b\nz,a,.5,.5'
    fails "'z' is not one of the classes a, b"
    run gru-eval <<<$'y_true,label,score\na,a,.1\nb,b,.9\nc,a,.2'
    fails "standard input:4: column 'y_true': 'c' is a third label"
    run gru-eval <<<$'y_true,label,score\na,a,.7\nb,b,.3\nb,a,.1'
    fails '--positive'
}

@test "a truncated gzip file is an error" {
    gzip -c "$G/binary.tsv" | head -c 300 >cut.gz
    run gru-eval cut.gz
    [ "$status" -eq 1 ]
}

@test "a full disk, a closed pipe, a missing directory; no file after a failure" {
    run gru-eval -o /dev/full "$G/binary.tsv"
    fails 'No space left'
    run bash -c "gru-eval '$G/binary.tsv' > /dev/full"
    fails 'No space left'
    run -0 --separate-stderr bash -c "gru-eval '$G/binary.tsv' | :"
    [ -z "$stderr" ]
    run gru-eval -o nowhere/report "$G/binary.tsv"
    fails 'nowhere'
    run gru-eval -o report <<<$'y_true,y_pred\n1,x'
    [ "$status" -eq 1 ]
    [ ! -e report ]
}

@test "--help fits 80 columns" {
    run -0 gru-eval --help
    [ "$(gru-eval --help | awk 'length > 80' | wc -l)" -eq 0 ]
}

@test "any number of threads gives the same" {
    cmp <(gru-eval --threads 1 "$G/multiclass.tsv") <(gru-eval --threads 2 "$G/multiclass.tsv")
}

@test "steps ahead stand under their names" {
    printf 'y_true_1,y_true_2,y_pred_1,y_pred_2,y_naive\n1,2,1,2,1\n2,3,2,3,3\n' | gru-eval >report
    grep -q '^2.\{68\}1 ' report
    # R² takes two columns in three bytes, so 71 bytes are as wide as the 70 of the line below
    [ "$(sed -n 's/^\(ahead.*R²\).*/\1/p' report | tr -d '\n' | wc -c)" -eq 71 ]
}
