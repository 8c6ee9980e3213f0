#!/usr/bin/env bats
# gru-train as its user meets it.

setup() {
    PATH="${GRU_BIN:-$BATS_TEST_DIRNAME/../build}:$PATH"
    cd "$BATS_TEST_TMPDIR"
    T=$BATS_TEST_DIRNAME/../testdata
}

reviews() { # train.npy, val.npy, test.npy, vocab.tsv
    gru-tokenize --fit vocab.tsv --text text --label sentiment --vocab-size 2000 --max-len 20 \
        "$T/reviews.csv" |
        gru-split -q --order random --test 20% --validation 10% --seed 42 train.npy val.npy test.npy
}

prices() { # stock.npy, scaler.tsv, window.tsv
    gru-scale --fit scaler.tsv --columns Close "$T/prices.csv" |
        gru-window --fit window.tsv --length 10 --target Close --index Date -o stock.npy
}

sentiment='embedding 2000 8; gru 8 dropout=0.1; dropout 0.3; dense 1 sigmoid'

# The metadata of a model file, as text.
metadata() {
    head -c 100000 "$1" | tr -d '\0' | head -c 8000
}

@test "three points to near zero loss" {
    gru-window --fit w.tsv --length 2 --features v --target y -o toy.npy <<'END'
v,y
0.1,0
0.2,0
0.3,0.1
0.4,0.2
0.5,0.3
END
    gru-train -q --arch 'gru 16; dense 1' --epochs 800 --lr 0.01 --history h.tsv -o toy.gru toy.npy
    run tail -n 1 h.tsv
    loss=$(printf '%s' "$output" | cut -f2)
    awk -v loss="$loss" 'BEGIN { exit !(loss < 1e-4) }'
    [ "$(gru-predict toy.gru toy.npy | wc -l)" -eq 4 ]
}

@test "learns sentiment and writes model, history and one line an epoch" {
    reviews
    run gru-train --arch "$sentiment" --attach vocab.tsv --validation val.npy --epochs 6 --lr 0.005 \
        --history h.tsv -o m.gru train.npy
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 6 ]
    [[ "${lines[5]}" == "gru-train: epoch 6/6  loss "*"  accuracy "*"  val_loss "*"  val_accuracy "* ]]
    [ "$(head -n 1 h.tsv)" = "$(printf 'epoch\tloss\tval_loss\taccuracy\tval_accuracy\tlr\tseconds')" ]
    [ "$(wc -l <h.tsv)" -eq 7 ]
    awk -F'\t' 'NR == 7 { exit !($5 > 0.75) }' h.tsv
    metadata m.gru | grep -q '"classes":"negative\\npositive\\n"'
    metadata m.gru | grep -q '"best_epoch'
}

@test "regression has mae in its history; validation is the last share" {
    prices
    gru-train -q --arch 'gru 4; dense 1' --validation-split 10% --epochs 1 --history h.tsv -o m.gru stock.npy
    [ "$(head -n 1 h.tsv)" = "$(printf 'epoch\tloss\tval_loss\tmae\tval_mae\tlr\tseconds')" ]
    metadata m.gru | grep -q 'validation_samples\\":149'
}

@test "class weights count in training, not in the validation loss" {
    reviews
    for w in 1,1 3,0.5; do # at a rate that changes nothing
        gru-train -q --arch 'embedding 2000 4; gru 4; dense 1 sigmoid' --optimizer sgd --lr 1e-9 --epochs 1 \
            --class-weight "$w" --validation val.npy --history h.tsv -o m.gru train.npy
        tail -n 1 h.tsv >>both.tsv
    done
    awk -F'\t' '{ loss[NR] = $2; val[NR] = $3 }
        END { exit !(loss[2] > 1.5 * loss[1] && (d = val[2] - val[1]) < 1e-5 && d > -1e-5) }' both.tsv
}

# loss WEIGHTS: of an epoch that changes nothing
loss() {
    gru-train -q --arch "$arch" --loss "$name" --optimizer sgd --lr 1e-9 --epochs 1 --class-weight "$1" \
        --history h.tsv -o m.gru y.npy
    tail -n 1 h.tsv | cut -f 2
}

@test "class weights of one-hot targets, and of 0 and 1 as numbers" {
    awk 'BEGIN { print "x,y"; for (i = 0; i < 93; i++) print i % 7 "," (i % 3 == 0) }' >t.csv
    # a horizon of three of 1, 0, 0, 1, 0, 0 … is one-hot, each class as often
    gru-window --fit w.tsv --length 1 --horizon 3 --features x --target y -o y.npy t.csv
    arch='gru 3; dense 3 softmax' name=categorical-crossentropy
    a=$(loss 1,0,0) b=$(loss 0,1,0) c=$(loss 0,0,1) all=$(loss 1,1,1) auto=$(loss auto)
    awk -v a="$a" -v b="$b" -v c="$c" -v all="$all" -v auto="$auto" 'BEGIN {
        d = a + b + c - all; e = auto - all
        exit !(a > 0 && b > 0 && c > 0 && d < 1e-5 && -d < 1e-5 && e < 1e-5 && -e < 1e-5) }'
    # of 92 numbers 30 are 1
    gru-window --fit w1.tsv --length 1 --features x --target y -o y.npy t.csv
    arch='gru 3; dense 1 sigmoid' name=binary-crossentropy
    a=$(loss 1,0) b=$(loss 0,1) all=$(loss 1,1) auto=$(loss auto)
    awk -v a="$a" -v b="$b" -v all="$all" -v auto="$auto" 'BEGIN {
        d = a + b - all; e = auto - 92 * (a / 62 + b / 30) / 2
        exit !(a > 0 && b > 0 && d < 1e-5 && -d < 1e-5 && e < 1e-5 && -e < 1e-5) }'
    run gru-train --arch 'gru 2; dense 1' --class-weight auto -o m.gru y.npy
    [ "$status" -eq 2 ]
    [[ "$output" = *'--class-weight: the target is not a class'* ]]
}

@test "same bits with one thread and with two, from a file and from a pipe" {
    reviews
    gru-train -q --threads 1 --arch "$sentiment" --epochs 2 -o one.gru train.npy
    gru-train -q --threads 2 --arch "$sentiment" --epochs 2 -o two.gru train.npy
    cat train.npy | gru-train -q --arch "$sentiment" --epochs 2 >pipe.gru
    gzip -c train.npy >train.npy.gz
    gru-train -q --arch "$sentiment" --epochs 2 -o gz.gru train.npy.gz
    cmp one.gru two.gru
    cmp one.gru pipe.gru
    cmp one.gru gz.gru
    gru-train -q --seed 7 --arch "$sentiment" --epochs 2 -o other.gru train.npy
    run cmp -s one.gru other.gru
    [ "$status" -eq 1 ]
}

# 120 texts of 1 to 20 words, most of them short.
uneven() {
    awk 'BEGIN {
        print "text\tsentiment"
        for (i = 0; i < 120; i++) {
            line = ""
            for (n = 1 + (i * i * i) % 20; n > 0; n--)
                line = line " w" (i * 7 + n * n) % 50
            print line "\t" i % 2
        }
    }' | gru-tokenize --fit uneven.tsv --text text --label sentiment --max-len 20 -o uneven.npy
}

@test "--bucket computes little padding, with the same bits for any threads and after resuming" {
    uneven
    set -- --arch 'embedding 100 8 mask; gru 8 dropout=0.1; dense 1 sigmoid' --bucket \
        --batch-size 16 --validation-split 20% --epochs 4
    run gru-train -v "$@" --threads 1 --history h.tsv -o one.gru uneven.npy
    [ "$status" -eq 0 ]
    [[ "$output" =~ epoch\ 1:\ ([0-9]+)\.[0-9]\ %\ of\ the\ computed\ steps\ are\ useful,\ ([0-9]+) ]]
    [ "${BASH_REMATCH[1]}" -ge 80 ]
    [ "${BASH_REMATCH[2]}" -le 70 ]
    gru-train -q "$@" --threads 3 -o three.gru uneven.npy
    cmp one.gru three.gru
    gru-train -q "$@" --epochs 2 --checkpoint c -o half.gru uneven.npy
    gru-train -q "$@" --resume c -o resumed.gru uneven.npy
    cmp one.gru resumed.gru
    run gru-train -q --resume c --epochs 4 --batch-size 16 --validation-split 20% -o x.gru uneven.npy
    [ "$status" -eq 1 ]
    [[ "$output" == *bucketed* ]]
}

@test "--bucket wants samples that differ in length, and no order to be kept" {
    prices
    run gru-train --bucket --arch 'gru 4; dense 1' -o x.gru stock.npy
    [ "$status" -eq 2 ]
    [[ "$output" == *"all samples are as long"* ]]
    run gru-train --bucket --no-shuffle --arch 'gru 4; dense 1' -o x.gru stock.npy
    [ "$status" -eq 2 ]
    uneven
    run gru-train --bucket --arch 'embedding 100 8 mask; gru 4 stateful; dense 1 sigmoid' -o x.gru uneven.npy
    [ "$status" -eq 2 ]
    [[ "$output" == *stateful* ]]
}

@test "a resumed run gives the same bits as one that never stopped" {
    reviews
    set -- --arch "$sentiment" --validation val.npy --early-stopping patience=3,restore-best \
        --reduce-lr factor=0.5,patience=1 --lr-step drop=0.8,every=2
    gru-train -q "$@" --epochs 5 -o whole.gru train.npy
    gru-train -q "$@" --epochs 2 --checkpoint c -o part.gru train.npy
    gru-train -q "$@" --epochs 5 --resume c --history h.tsv -o resumed.gru train.npy
    cmp whole.gru resumed.gru
    [ "$(wc -l <h.tsv)" -eq 6 ]
    set -- --arch "$sentiment" --average 1.5
    for optimizer in adam sgd; do
        gru-train -q "$@" --optimizer $optimizer --epochs 5 -o whole.gru train.npy
        gru-train -q "$@" --optimizer $optimizer --epochs 2 --checkpoint c -o part.gru train.npy
        gru-train -q "$@" --optimizer $optimizer --epochs 5 --resume c -o resumed.gru train.npy
        cmp whole.gru resumed.gru
        cmp part.gru <(gru-train -q "$@" --optimizer $optimizer --epochs 2 --resume c -o - train.npy)
    done
    run gru-train -q --arch "$sentiment" --resume c --average 2 -o n.gru train.npy
    [ "$status" -eq 1 ]
    [[ "$output" == *"optimizer is "*average=* ]]
}

@test "with --average the weights' average is validated and kept" {
    reviews
    set -- --arch "$sentiment" --seed 1 --epochs 3 --validation val.npy
    gru-train -q "$@" --history plain.tsv -o plain.gru train.npy
    gru-train -q "$@" --average 2 --history h.tsv -o m.gru train.npy
    # what is trained on is the same, what is kept is not
    cmp <(cut -f 1,2,4,6 plain.tsv) <(cut -f 1,2,4,6 h.tsv)
    [ "$(cut -f 3 plain.tsv)" != "$(cut -f 3 h.tsv)" ]
    gru-predict m.gru val.npy | gru-eval - | awk '/^log_loss/ { print $2 }' >loss
    awk -v want="$(tail -n 1 h.tsv | cut -f 3)" \
        '{ exit !($1 - want < 1e-4 && want - $1 < 1e-4) }' loss
    samples=$(metadata m.gru | grep -o 'samples[^0-9]*[0-9]*' | head -n 1 | tr -cd 0-9)
    momentum=$(metadata m.gru | grep -o 'unbiased-average=[0-9.]*' | cut -d = -f 2)
    awk -v n="$samples" -v m="$momentum" \
        'BEGIN { d = m - (1 - 1 / (2 * int((n + 31) / 32))); exit !(d < 1e-9 && d > -1e-9) }'
    # over epochs it is of the steps so far; a momentum's begins with the first step's weights
    gru-train -q "$@" --average "$momentum" --history biased.tsv -o biased.gru train.npy
    metadata biased.gru | grep -q '[^-]average='
    paste h.tsv biased.tsv | awk 'NR > 1 && !($3 < $10) { exit 1 }'
    gru-train -q "$@" --average 0 -o zero.gru train.npy
    cmp plain.gru zero.gru
    run gru-train "$@" --average -1 train.npy
    [ "$status" -eq 2 ]
    [[ "$output" == *--average* ]]
}

@test "a resumed run keeps what was attached" {
    reviews
    gru-train -q --arch "$sentiment" --attach vocab.tsv --epochs 1 --checkpoint c -o m.gru train.npy
    gru-train -q --epochs 2 --resume c -o bare.gru train.npy
    gru-train -q --epochs 2 --resume c --attach vocab.tsv -o given.gru train.npy
    cmp bare.gru given.gru
    gru-predict --raw bare.gru <<<'good' | grep -Eq '^(posi|nega)tive'
}

@test "SIGINT and SIGTERM finish the batch, save and exit 130 and 143; resuming loses nothing" {
    reviews
    for try in INT:130 TERM:143; do
        rm -f c
        gru-train -q --arch "$sentiment" --epochs 100000 --checkpoint c -o m.gru train.npy &
        pid=$!
        while [ ! -s c ]; do sleep 0.02; done
        kill "-${try%:*}" "$pid"
        status=0
        wait "$pid" || status=$?
        [ "$status" -eq "${try#*:}" ]
        [ ! -e m.gru ]
    done
    gru-predict c test.npy >/dev/null
    # where it stopped depends on the machine; the bits may not
    run gru-train --arch "$sentiment" --epochs 1 --resume c -o x.gru train.npy
    [ "$status" -eq 0 ]
    done=$(printf '%s\n' "$output" | sed -n 's/.*after epoch \([0-9]*\),.*/\1/p')
    [ "$done" -lt 3000 ] || skip "too fast a machine to repeat it"
    n=$((done + 1))
    gru-train -q --arch "$sentiment" --epochs $n --resume c -o resumed.gru train.npy
    gru-train -q --arch "$sentiment" --epochs $n -o whole.gru train.npy
    cmp whole.gru resumed.gru
}

@test "the data is never replaced" {
    prices
    cp stock.npy copy.npy
    ln -s stock.npy link.npy
    for option in -o --history --gradients --checkpoint; do
        run gru-train -q --arch 'gru 2; dense 1' -o m.gru "$option" link.npy stock.npy
        [ "$status" -eq 2 ]
        [[ "$output" == "gru-train: $option would replace 'stock.npy', which is read;"* ]]
        run gru-train -q --arch 'gru 2; dense 1' -o m.gru --validation stock.npy "$option" ./stock.npy copy.npy
        [ "$status" -eq 2 ]
    done
    cmp copy.npy stock.npy
}

@test "a history that cannot be written does not cost the model" {
    prices
    gru-train -q --arch 'gru 2; dense 1' --epochs 1 -o want.gru stock.npy
    run gru-train -q --arch 'gru 2; dense 1' --epochs 1 --history /dev/full -o m.gru stock.npy
    [ "$status" -eq 1 ]
    [ "$output" = 'gru-train: /dev/full: cannot write: No space left on device' ]
    cmp want.gru m.gru
}

@test "progress is drawn on a terminal, not on a dumb one" {
    script -qec true /dev/null </dev/null >/dev/null 2>&1 || skip 'no terminal can be made here'
    prices
    train="gru-train --arch 'gru 1; dense 1' --epochs 1 -o m.gru stock.npy"
    TERM=vt100 script -qec "$train" /dev/null </dev/null >drawn
    grep -q $'\033\\[K' drawn
    TERM=dumb script -qec "$train" /dev/null </dev/null >plain
    [ "$(grep -c $'\033' plain)" -eq 0 ]
    [ "$(wc -l <plain)" -eq 1 ]
}

# hung_up HOW: the exit status of a run that is sent SIGHUP, then SIGTERM
hung_up() {
    rm -f m.gru log
    "$@" gru-train --arch 'gru 1; dense 1' --epochs 1000000 -o m.gru stock.npy 2>log &
    pid=$!
    while ! grep -q 'epoch 1/' log; do sleep 0.02; done
    kill -HUP "$pid"
    for i in $(seq 50); do ! kill -0 "$pid" 2>/dev/null || sleep 0.01; done
    kill -TERM "$pid" 2>/dev/null || true
    status=0
    wait "$pid" || status=$?
}

@test "SIGHUP saves what there is; nohup is obeyed" {
    prices
    hung_up env --default-signal=HUP
    [ "$status" -eq 129 ]
    gru-predict m.gru stock.npy >/dev/null
    hung_up nohup
    [ "$status" -eq 143 ]
}

@test "at every step the epoch's loss is the mean of the batches', as in Keras" {
    awk 'BEGIN { print "g,v,y"; for (g = 1; g < 9; g++) for (t = 0; t < g; t++) print g "," t "," g * t % 7 }' >v.csv
    gru-window --sequences --features v --target y --horizon 0 --group g -o v.npy v.csv
    set -- --arch 'gru 2; dense 1' --optimizer sgd --lr 0 --epochs 1 --no-shuffle --validation v.npy
    for n in 1 3 8; do
        gru-train -q "$@" --batch-size $n --history h$n.tsv -o m.gru v.npy
        # of each batch the mean over its steps, weighed by its samples
        gru-predict m.gru v.npy | awk -F'\t' -v n=$n '
            NR > 1 { b = int(($1 - 1) / n); sum[b] += ($3 - $4) ^ 2; steps[b]++; if (!seen[$1]++) rows[b]++ }
            END { for (b in sum) { total += sum[b] / steps[b] * rows[b]; all += rows[b] } print total / all }' >want
        awk -F'\t' -v want="$(cat want)" 'NR == 2 { print $2, $3, want; exit !($2 - want < 1e-3 && want - $2 < 1e-3 && $3 - want < 1e-3 && want - $3 < 1e-3) }' h$n.tsv
    done
    [ "$(cut -f2 h1.tsv)" != "$(cut -f2 h8.tsv)" ]
}

@test "a signal while the input is read ends the tool: there is nothing to save" {
    prices
    mkfifo pipe
    gru-train -q --arch 'gru 1; dense 1' -o m.gru pipe &
    pid=$!
    exec 9>pipe
    head -c 300 stock.npy >&9
    sleep 0.3
    kill -TERM $pid
    status=0
    wait $pid || status=$?
    exec 9>&-
    [ "$status" -eq 143 ]
    [ ! -e m.gru ]
}

@test "an attached vocabulary that does not go with the network is refused before training" {
    reviews
    run gru-train -q --arch 'embedding 20 4; gru 2; dense 1 sigmoid' --attach vocab.tsv -o x.gru train.npy
    [ "$status" -eq 1 ]
    sed '/^#class positive/a #class third' vocab.tsv >three.tsv
    run gru-train -q --arch "$sentiment" --attach three.tsv -o x.gru train.npy
    [ "$status" -eq 1 ]
    [[ "$output" == *"the attached vocab.tsv names 3 classes, the network has 2" ]]
    printf '2000\tmore\t1\t1\n' | cat vocab.tsv - | sed 's/^#vocab-size .*/#vocab-size 0/' >long.tsv
    rows=$(grep -vc '^#' vocab.tsv)
    run gru-train -q --arch "embedding $rows 4; gru 2; dense 1 sigmoid" --attach long.tsv -o x.gru train.npy
    [ "$status" -eq 1 ]
    run gru-train --arch 'embedding 2000 4; gru 2; dense 3 softmax' --epochs 1 --attach vocab.tsv -o m.gru train.npy
    [ "$status" -eq 0 ]
    [[ "$output" == *"names 2 classes, the network has 3"* ]]
    run gru-model convert --attach three.tsv -o x.gru m.gru
    [ "$status" -eq 0 ]
    prices
    run gru-train -q --arch 'gru 2; dense 1' --attach vocab.tsv -o x.gru stock.npy
    [ "$status" -eq 1 ]
    [[ "$output" == *"a vocab.tsv is attached, but the network reads numbers" ]]
}

@test "a class without a name is called by its number, unless another is called so" {
    printf 'text,stars\nbad,1\nso so,2\ngood,3\nbetter,4\n' |
        gru-tokenize -q --text text --label stars --fit stars.tsv -o stars.npy
    run gru-train -q --arch 'embedding 9 2; gru 2; dense 6 softmax' --epochs 1 --attach stars.tsv -o m.gru stars.npy
    [ "$status" -eq 0 ]
    [ "$(gru-model show --get classes m.gru | paste -sd ,)" = "1,2,3,4,class 4,5" ]
    gru-predict m.gru stars.npy | gru-eval | grep -q '^accuracy'
}

@test "resuming with another schedule or stopping rule goes on, with a warning" {
    reviews
    set -- --arch "$sentiment" --epochs 2 -o n.gru train.npy
    gru-train -q "$@" --epochs 1 --checkpoint c --early-stopping patience=1 --monitor loss
    run gru-train "$@" --resume c --lr-cosine end=0 --monitor loss
    [ "$status" -eq 0 ]
    [[ "$output" == *"another schedule"*"another early-stopping"* ]]
    run gru-train "$@" --resume c --early-stopping patience=1 --monitor loss
    [ "$status" -eq 0 ]
    [[ "$output" != *another* ]]
}

@test "resuming with other options or another file says what differs" {
    reviews
    gru-train -q --arch "$sentiment" --epochs 1 --checkpoint c -o m.gru train.npy
    run gru-train -q --arch "$sentiment" --resume c --lr 0.1 -o n.gru train.npy
    [ "$status" -eq 1 ]
    [[ "$output" == *"c: the checkpoint's optimizer is 'adam:"* ]]
    run gru-train -q --arch "$sentiment" --resume c --batch-size 8 -o n.gru train.npy
    [ "$status" -eq 1 ]
    [[ "$output" == *"batch 32"*"batch 8"* ]]
    run gru-train -q --arch "$sentiment" --resume c --loss mse -o n.gru train.npy
    [ "$status" -eq 1 ]
    [[ "$output" == *"the loss binary-crossentropy; this one has the loss mse"* ]]
    run gru-train -q --arch "$sentiment" --resume c --class-weight 1,9 -o n.gru train.npy
    [ "$status" -eq 1 ]
    [[ "$output" == *"no class weights; this one has the class weights 1 9"* ]]
    run gru-train -q --arch "$sentiment" --resume c --init m.gru -o n.gru train.npy
    [ "$status" -eq 2 ]
    # as many rows, in another order
    gru-split --order random --test 50% --seed 9 --input train.npy a.npy b.npy
    gru-train -q --arch "$sentiment" --epochs 1 --checkpoint half -o m.gru a.npy
    run gru-train -q --arch "$sentiment" --resume half -o n.gru b.npy
    [ "$status" -eq 1 ]
    [[ "$output" == *"data of checksum"* ]]
    run gru-train -q --arch 'embedding 2000 8; gru 4; dense 1 sigmoid' --resume c -o n.gru train.npy
    [ "$status" -eq 1 ]
    run gru-train -q --arch "$sentiment" --resume m.gru -o n.gru train.npy
    [ "$status" -eq 1 ]
    [[ "$output" == *"not a checkpoint"* ]]
    [ ! -e n.gru ]
}

@test "accumulated batches make the step of the large batch" {
    prices
    gru-train -q --no-shuffle --arch 'gru 4; dense 1' --batch-size 64 --epochs 1 --history a.tsv -o a.gru stock.npy
    gru-train -q --no-shuffle --arch 'gru 4; dense 1' --batch-size 16 --accumulate 4 --epochs 1 --history b.tsv -o b.gru stock.npy
    paste a.tsv b.tsv | awk -F'\t' 'NR == 2 { d = $2 - $7; exit !(d < 1e-5 * $2 && d > -1e-5 * $2) }'
}

@test "--init takes the layers that fit and says which" {
    reviews
    gru-train -q --arch "$sentiment" --epochs 1 -o m.gru train.npy
    run gru-train --arch 'embedding 2000 8; gru 8; dense 2 softmax' --init m.gru --epochs 1 -o n.gru train.npy
    [ "$status" -eq 0 ]
    [[ "${lines[0]}" == *"m.gru: layer 0 (embedding 2000 8): taken" ]]
    [[ "${lines[1]}" == *"layer 1 (gru 8): taken" ]]
    [[ "${lines[2]}" == *"layer 2 (dense 2 softmax): not taken"* ]]
}

@test "early stopping ends a run and keeps the best weights" {
    reviews
    run gru-train --arch "$sentiment" --lr 0.02 --validation val.npy --epochs 60 \
        --early-stopping patience=2,restore-best --history h.tsv -o m.gru train.npy
    [ "$status" -eq 0 ]
    [[ "$output" == *"stopped after epoch"* ]]
    [ "$(wc -l <h.tsv)" -lt 61 ]
    best=$(awk -F'\t' 'NR > 1 && (NR == 2 || $3 < best) { best = $3; at = $1 } END { print at }' h.tsv)
    metadata m.gru | grep -q "best_epoch\\\\\":$best,"
}

@test "--summary shows layers, shapes and parameters" {
    reviews
    run gru-train --summary --arch "$sentiment" --epochs 1 -o m.gru train.npy
    [[ "$output" == *"Parameters"* ]]
    [[ "$output" == *"embedding 2000 8"*"(20, 8)"*"16,000"* ]]
    # 16000 + 3·8·(8+8+2) + 9
    [[ "$output" == *"Total parameters"*"16,441"* ]]
}

@test "a loss that is no number stops the run, names the batch and keeps the last good model" {
    prices
    run gru-train -q --arch 'gru 4; dense 1' --optimizer sgd --lr 100000 --epochs 3 -o m.gru stock.npy
    [ "$status" -eq 1 ]
    [[ "$output" == *"not a number any more in epoch 1, batch "*"smaller --lr or clipping"* ]]
    [ ! -e m.gru ]
    # a rate that explodes only in the second epoch
    run gru-train -q --arch 'gru 4; dense 1' --optimizer sgd --lr 0.01 --lr-step drop=1e6,every=1 \
        --epochs 3 --history h.tsv -o m.gru stock.npy
    [ "$status" -eq 1 ]
    [[ "$output" == *"in epoch 2, batch "*"the weights of epoch 1 are kept"* ]]
    gru-predict m.gru stock.npy | awk -F'\t' 'NR == 2 { exit !($3 < 2 && $3 > -2) }'
    [ "$(wc -l <h.tsv)" -eq 2 ]
}

@test "classes that are out of range are named with their row" {
    gru-tokenize --fit v.tsv --text text --label label --max-len 3 -o three.npy <<'END'
text,label
a b,one
b c,three
a c,two
END
    run gru-train -q --arch 'embedding 9 2; gru 2; dense 2 softmax' --epochs 1 -o m.gru three.npy
    [ "$status" -eq 1 ]
    [[ "$output" == *"three.npy: row 3: class 2 is not one of 0 to 1; the network has 2 classes" ]]
    run gru-train -q --arch 'embedding 9 2; gru 2; dense 1 sigmoid' --epochs 1 -o m.gru three.npy
    [ "$status" -eq 1 ]
    [[ "$output" == *"three.npy: row 3: class 2 is not one of 0 to 1; the network has 2 classes" ]]
    [ ! -e m.gru ]
}

@test "targets and lengths that are out of range are named with their row" {
    printf 'v,y\n1,0.5\n2,1\n3,1.5\n' >v.csv
    gru-window --sequences --features v --target y --horizon 0 --group v -o v.npy v.csv
    run gru-train -q --arch 'gru 2; dense 1 sigmoid' --epochs 1 -o m.gru v.npy
    [ "$status" -eq 1 ]
    [[ "$output" == *"v.npy: row 3: the target 1.5 is not from 0 to 1, as a cross-entropy needs" ]]
    gru-train -q --arch 'gru 2; dense 1 sigmoid' --loss mse --epochs 1 -o m.gru v.npy
    # the second record's len, before its id and the third record: 9 steps of 1
    { head -c -24 v.npy && printf '\11\0\0\0' && tail -c 20 v.npy; } >long.npy
    [ "$(wc -c <long.npy)" -eq "$(wc -c <v.npy)" ]
    run gru-train -q --arch 'gru 2; dense 1' --epochs 1 -o n.gru long.npy
    [ "$status" -eq 1 ]
    [[ "$output" == *"long.npy: row 2: len 9 is not one of 0 to 1 steps" ]]
    [ ! -e n.gru ]
    run gru-predict --batch-size 1 m.gru long.npy
    [ "$status" -eq 1 ]
    [[ "$output" == *"long.npy: row 2: len 9 is not one of 0 to 1 steps"* ]]
}

@test "data that does not fit the network: both shapes" {
    reviews
    run gru-train -q --arch 'gru 8; dense 1 sigmoid' -o m.gru train.npy
    [ "$status" -eq 1 ]
    run gru-train -q --arch 'embedding 10 8; gru 8; dense 1 sigmoid' -o m.gru train.npy
    [ "$status" -eq 1 ]
    [[ "$output" == *"train.npy: row "*": token "*" is not one of the embedding's 0 to 9" ]]
    prices
    run gru-train -q --arch 'gru 8; dense 3' -o m.gru stock.npy
    [ "$status" -eq 1 ]
    [[ "$output" == *"3"*"y float32 (1)"* ]]
    for n in 1 3; do # two quantiles of one number are two numbers
        run gru-train -q --arch "gru 4; dense $n" --loss quantile:0.1/0.9 -o m.gru stock.npy
        [ "$status" -eq 1 ]
        [[ "$output" == *"the network gives $n number"*", but 2 quantiles of each target make 2: end it in 'dense 2'; "* ]]
    done
    [ ! -e m.gru ]
}

@test "bad input: empty, truncated, NaN, not a tensor stream, no target" {
    prices
    run gru-train -q --arch 'gru 2; dense 1' -o m.gru </dev/null
    [ "$status" -eq 1 ]
    [[ "$output" == "gru-train: standard input: is empty"* ]]
    head -c 2000 stock.npy >cut.npy
    run gru-train -q --arch 'gru 2; dense 1' -o m.gru cut.npy
    [ "$status" -eq 1 ]
    run gru-train -q --arch 'gru 2; dense 1' -o m.gru "$T/prices.csv"
    [ "$status" -eq 1 ]
    # a NaN where the last target was
    head -c -4 stock.npy >nan.npy
    size=$(stat -c %s stock.npy)
    { head -c $((size - 32)) stock.npy; printf '\0\0\300\177'; tail -c 28 stock.npy; } >nan.npy
    [ "$(stat -c %s nan.npy)" -eq "$size" ]
    run gru-train -q --arch 'gru 2; dense 1' -o m.gru nan.npy
    [ "$status" -eq 1 ]
    [[ "$output" == *"not finite"* ]]
    run gru-train -q --arch 'gru 2; dense 1' -o m.gru <nan.npy
    [ "$status" -eq 1 ]
    [[ "$output" == *"not finite"* ]]
    gzip -c stock.npy | head -c 500 >cut.npy.gz
    run gru-train -q --arch 'gru 2; dense 1' -o m.gru cut.npy.gz
    [ "$status" -eq 1 ]
    [ ! -e m.gru ]
}

@test "mistakes of the command line are told before the input is read, with status 2" {
    for bad in "--optimizer foo" "--optimizer adam:foo=1" "--lr x" "--epochs 0" --checkpoint-best \
        "--early-stopping min-delta=1" "--reduce-lr factor=2" "--lr-step drop=1" \
        "--lr-step drop=1,every=2 --lr-exponential rate=0.9" "--clip-norm 1 --clip-value 1" \
        "--max-time soon" "--validation a --validation-split 0.1" "--no-such-option" \
        "--loss foo"; do
        run gru-train -q --arch 'gru 2; dense 1' $bad -o m.gru /nonexistent
        [ "$status" -eq 2 ] || { echo "$bad: $status $output"; false; }
        [ "${#lines[@]}" -eq 1 ]
    done
    run gru-train -o m.gru /nonexistent
    [ "$status" -eq 2 ]
    [[ "$output" == *"--arch is missing"* ]]
    run gru-train --arch 'grue 3' -o m.gru /nonexistent
    [ "$status" -ne 0 ]
    [[ "$output" == *"grue"* ]]
}

@test "outputs that cannot be written are told before training" {
    prices
    run gru-train --arch 'gru 2; dense 1' -o nowhere/m.gru stock.npy
    [ "$status" -eq 1 ]
    [[ "$output" == *"nowhere"* ]]
    [ "${#lines[@]}" -eq 1 ]
    run gru-train --arch 'gru 2; dense 1' --history nowhere/h.tsv -o m.gru stock.npy
    [ "$status" -eq 1 ]
    run gru-train -q --arch 'gru 2; dense 1' --epochs 1 -o /dev/full stock.npy
    [ "$status" -eq 1 ]
    [[ "$output" == *"No space left on device"* ]]
    run bash -c "gru-train -q --arch 'gru 2; dense 1' --epochs 1 stock.npy >/dev/full"
    [ "$status" -eq 1 ]
    [ ! -e m.gru ]
}

@test "a closed pipe ends it quietly" {
    prices
    run bash -c "set -o pipefail; gru-train -q --arch 'gru 200; dense 1' --max-time 1s --epochs 1 --batch-size 1000 stock.npy | head -c 10 >/dev/null"
    [ "$status" -eq 141 ] || [ "$status" -eq 0 ]
    [ -z "$output" ]
}

@test "only fitted files can be attached, one of each" {
    prices
    run gru-train -q --arch 'gru 2; dense 1' --attach "$T/prices.csv" --epochs 1 -o m.gru stock.npy
    [ "$status" -eq 1 ]
    [[ "$output" == *"prices.csv: not a file that gru-tokenize, gru-scale or gru-window fitted" ]]
    run gru-train -q --arch 'gru 2; dense 1' --attach scaler.tsv --attach scaler.tsv -o m.gru stock.npy
    [ "$status" -eq 1 ]
    [[ "$output" == *"a second scaler.tsv"* ]]
    [ ! -e m.gru ]
}

@test "files made by the same pipeline are attached" {
    gru-scale --fit s.tsv --columns Close "$T/prices.csv" |
        gru-window --fit w.tsv --length 10 --target Close |
        gru-train -q --arch 'gru 2; dense 1' --attach s.tsv --attach w.tsv --epochs 1 -o m.gru
    metadata m.gru | grep -q '"scaler.tsv":"#tool gru-scale'
    metadata m.gru | grep -q '"window.tsv":"#tool gru-window'
}

@test "--gradients: the norm at each step back in time" {
    printf 'x,y\n0.3,0\n-0.5,0\n0.9,0\n0.2,0\n0,1\n' |
        gru-window --length 4 --features x --target y -o one.npy
    gru-train -q --arch 'rnn 1; dense 1' --lr 0 --epochs 2 --gradients g.tsv -o m.gru one.npy
    [ "$(cut -f 1-3 g.tsv | tr '\t\n' ',;')" = 'epoch,step,back;1,1,3;1,2,2;1,3,1;1,4,0;2,1,3;2,2,2;2,3,1;2,4,0;' ]
    # One unit with an orthogonal recurrent kernel, 1 or -1: the gradient shrinks by 1 - h² a step.
    gru-predict --states states.tsv m.gru one.npy >/dev/null
    paste g.tsv states.tsv | awk -F'\t' '
        NR > 1 && NR < 6 { g[NR] = $4; h[NR] = $7 }
        END { for (i = 3; i < 6; i++) {
                  d = g[i - 1] / g[i] - (1 - h[i] * h[i])
                  if (!(d < 1e-5 && d > -1e-5)) exit 1
              } }'
    # At a rate of 0 the epochs are alike.
    [ "$(sed -n '2,5p' g.tsv | cut -f 2-)" = "$(sed -n '6,9p' g.tsv | cut -f 2-)" ]
}

@test "--gradients: padding is not counted, whichever side it lies on" {
    printf 'text,label\na b c d,x\nd a,y\nc,x\nb b a,y\n' >words.csv
    for how in 'pre 4' 'pre 7' 'post 4' 'post 7'; do
        gru-tokenize --fit v.tsv --text text --label label --segment space --vocab-size 9 \
            --padding "${how% *}" --max-len "${how#* }" -o t.npy words.csv
        gru-train -q --arch 'embedding 9 3 mask; gru 2; dense 1 sigmoid' --lr 0 --epochs 1 \
            --gradients - -o m.gru t.npy | tail -n +2 | cut -f 3,4 | sort -n >"g ${how}.tsv"
        # One row has four words, so that further back there is nothing.
        awk '$1 < 4 ? $2 <= 0 : $2 > 0 { exit 1 }' "g ${how}.tsv"
    done
    [ "$(wc -l <'g post 7.tsv')" -eq 7 ]
    for how in 'pre 7' 'post 4' 'post 7'; do
        head -n 4 "g ${how}.tsv" | paste - 'g pre 4.tsv' |
            awk '{ d = $2 / $4 - 1; if (!(d < 1e-5 && d > -1e-5)) exit 1 }'
    done
}

@test "--gradients: what cannot be written is an error before training" {
    prices
    run gru-train -q --arch 'gru 2; dense 1' --gradients - stock.npy
    [ "$status" -eq 2 ]
    [[ "$output" == *"-o and --gradients would both write to standard output"* ]]
    run gru-train -q --arch 'gru 2; dense 1' --gradients nowhere/g.tsv -o m.gru stock.npy
    [ "$status" -eq 1 ]
    run gru-train -q --arch 'pool last; dense 1' --gradients g.tsv -o m.gru stock.npy
    [ "$status" -eq 2 ]
    [[ "$output" == *"no recurrent layer"* ]]
    [ ! -e m.gru ]
    [ ! -e g.tsv ]
    run bash -c "gru-train -q --arch 'gru 2; dense 1' --epochs 1 --gradients - -o m.gru stock.npy >/dev/full"
    [ "$status" -eq 1 ]
    gru-train -q --arch 'gru 2; dense 1' --epochs 1 --checkpoint c -o a.gru stock.npy
    gru-train -q --resume c --epochs 2 --gradients g.tsv -o b.gru stock.npy
    [ "$(tail -n +2 g.tsv | cut -f 1 | sort -u)" = 2 ]
}

@test "an embedding begins with the vectors of weights=FILE, text, gzipped or binary" {
    gru-tokenize --fit vocab.tsv --segment space --text text --label sentiment --vocab-size 2000 \
        --max-len 20 -o train.npy "$T/reviews.csv"
    words=$(grep -v '^#' vocab.tsv | sed -n '2,41p' | cut -f2)
    {
        echo "41 2"
        echo "no-such-word 9 9"
        for w in $words; do echo "$w 0.5 -1"; done
    } >v.vec
    sed 1d v.vec | gzip >v.txt.gz
    {
        echo "41 2"
        printf 'no-such-word \0\0\0\0\0\0\0\0\n'
        for w in $words; do printf '%s \0\0\0\077\0\0\200\277\n' "$w"; done
    } >v.bin
    for f in v.vec v.txt.gz v.bin; do
        run gru-train --arch "embedding 2000 2 frozen weights=$f; gru 4; dense 1 sigmoid" \
            --attach vocab.tsv --epochs 1 -o "$f.gru" train.npy
        [ "$status" -eq 0 ]
        [[ "${lines[0]}" == "gru-train: $f: 40 of "*" words found" ]]
        # rows 0, 1 … 40: zeros, then 0.5 and -1; frozen, so they are still that
        gru-model export --to keras -o w.st "$f.gru"
        grep -q '"0.embeddings":{"dtype":"F32","shape":\[2000,2\],"data_offsets":\[0,16000\]' w.st
        tail -c +$((8 + $(od -An -tu8 -N8 w.st) + 1)) w.st | head -c 328 | od -An -v -w8 -tx4 |
            sort | uniq -c | tr -s ' ' >rows
        [ "$(cat rows)" = "$(printf ' 1 00000000 00000000\n 40 3f000000 bf800000')" ]
    done
    rm v.vec
    gru-model show v.vec.gru | grep -q 'embedding 2000 2 frozen weights=v.vec'
    gru-predict v.vec.gru train.npy >/dev/null
}

@test "vectors that don't fit, and vectors without a vocabulary" {
    reviews
    printf '2 3\ngood 1 2 3\nbad 1 x 3\n' >v.vec
    bad() { # ROWS-AND-WIDTH MESSAGE
        run gru-train -q --arch "embedding $1 weights=v.vec; gru 2; dense 1 sigmoid" \
            --attach vocab.tsv -o m.gru train.npy
        [ "$status" -eq 1 ]
        [ "$output" = "gru-train: $2" ]
        [ ! -e m.gru ]
    }
    bad "2000 2" "v.vec: vectors of 3 numbers, but the embedding's have 2"
    bad "2000 3" "v.vec:3: 'x' is not a number"
    rm v.vec
    bad "2000 3" "v.vec: cannot open: No such file or directory"
    run gru-train -q --arch 'embedding 2000 3 weights=v.vec; gru 2; dense 1 sigmoid' -o m.gru train.npy
    [ "$status" -eq 2 ]
    [[ "$output" == *"weights=v.vec needs the vocabulary"*"--attach vocab.tsv"* ]]
}

@test "--profile tells where the time went and changes nothing" {
    prices
    gru-train -q --arch 'gru 4 sequences; lstm 3; dense 1' --epochs 2 -o plain.gru stock.npy
    run gru-train --arch 'gru 4 sequences; lstm 3; dense 1' --epochs 2 --profile -o m.gru stock.npy
    [ "$status" -eq 0 ]
    cmp plain.gru m.gru
    table=$(printf '%s\n' "$output" | sed -n 's/^gru-train: //; /^Milliseconds/,$p')
    printf '%s\n' "$table" | grep -q '^gru 4 sequences .*%'
    printf '%s\n' "$table" | grep -q '^optimizer .*%'
    printf '%s\n' "$table" | grep -Eq '^[0-9]+ batches at .* GFLOP/s'
    printf '%s\n' "$table" | awk '
        $1 == "all" { all = $(NF - 1) + 0 }
        $(NF - 1) ~ /%/ && $1 != "all" { sum += $(NF - 1) }
        END { exit !(all == 100 && sum > 99 && sum < 101) }'
}

@test "the threads are the processors that this process may use" {
    prices
    one=$(sed -n 's/^Cpus_allowed_list:[^0-9]*\([0-9]*\).*/\1/p' /proc/self/status)
    run taskset -c "$one" gru-train -v --arch 'gru 2; dense 1' --epochs 1 -o m.gru stock.npy
    [ "$status" -eq 0 ]
    [[ $output == *" 1 threads, "* ]]
}

@test "two outputs that are one file are refused before anything is read" {
    mkdir folder
    ln -s folder link
    echo old >old.tsv
    ln -s old.tsv other.tsv
    for names in '-o x --history x' '-o x --history ./x' '--history folder/h --gradients link/h -o x' \
        '--checkpoint x -o x' '--history old.tsv --gradients other.tsv -o x' '--history -'; do
        # shellcheck disable=SC2086 # words
        run gru-train --arch 'gru 2; dense 1' $names missing.npy
        [ "$status" -eq 2 ]
        [[ "$output" = *'would both write'* ]]
    done
    [[ "$output" = *'-o and --history would both write to standard output'* ]]
    prices
    gru-train -q --arch 'gru 2; dense 1' --epochs 1 --history /dev/null --gradients /dev/null -o x stock.npy
    gru-train -q --arch 'gru 2; dense 1' --epochs 1 --history x.tsv -o x stock.npy
    mkdir other
    gru-train -q --arch 'gru 2; dense 1' --epochs 1 --history other/x -o x stock.npy
}

@test "-q keeps what --summary and --profile ask for" {
    prices
    run gru-train -q --summary --profile --arch 'gru 2; dense 1' --epochs 1 -o m.gru stock.npy
    [ "$status" -eq 0 ]
    [[ "$output" = *"Total parameters"*"Milliseconds a batch"* ]]
    [[ "$output" != *"epoch 1/1"* ]]
}
