#!/bin/sh
# Polyphonic music: at each step predict which of 88 notes sound at the next, with one layer of 46 GRUs (as
# in Chung, Gulcehre, Cho and Bengio 2014). The figure is the negative log-likelihood per step: summed over
# the notes, averaged over all steps of all pieces; 61 is a coin for each note.
#
#     sh scripts/recipes/music.sh                     # pieces of two simple voices, made here
#     sh scripts/recipes/music.sh input=chorales.csv  # piece,n1,…,n88: a row a step, 0 or 1
#     sh scripts/recipes/music.sh train=a.npy validation=b.npy test=c.npy
#     sh scripts/recipes/music.sh --tiny
#
# Tensor streams have x and y <f4 (T,88), y one step ahead of x, and len <i4 where pieces were padded.
# Arguments are name=value; what they mean and their defaults:
input=          # a table of pieces; without it two voices are made up
pieces=400      # of those
train=          # tensor streams instead of a table
validation=
test=
arch='gru 46; dense 88 sigmoid'
epochs=200      # at most; training stops 10 epochs after the validation loss was lowest
lr=0.01         # learning rate of Adam
seed=42         # of the split, the weights and the shuffling
threads=        # of work, unless all processors; the result is the same
out=build/music # everything made goes here
for argument; do
    case $argument in
    --tiny) pieces=120 epochs=80 ;;
    input=* | pieces=* | train=* | validation=* | test=* | arch=* | epochs=* | lr=* | seed=* | \
        threads=* | out=*)
        export "${argument?}"
        ;;
    *)
        echo "music.sh: $argument: no such argument; see the top of the script" >&2
        exit 2
        ;;
    esac
done

set -eu
here=$(dirname "$0")
PATH=${GRU_BIN:-$here/../../build}:$PATH
mkdir -p "$out"

# 1. A piece is a sample: x its notes, y the notes one step later, len its steps; the rest is padding.
if [ -z "$train" ]; then
    if [ -z "$input" ]; then
        input=$out/pieces.csv
        "$here/../make-music" "$pieces" >"$input"
    fi
    train=$out/train.npy validation=$out/validation.npy test=$out/test.npy
    gru-window --sequences --group piece --target "$(seq -f n%.0f -s , 88)" "$input" |
        gru-split -q --order random --test 20% --validation 10% --seed "$seed" "$train" "$validation" "$test"
elif [ -z "$validation" ] || [ -z "$test" ]; then
    echo 'music.sh: train=FILE needs validation=FILE and test=FILE beside it' >&2
    exit 2
fi

# 2. Training; the loss counts the steps that are there.
gru-train -q --arch "$arch" --lr "$lr" --clip-norm 1 --batch-size 8 --epochs "$epochs" --seed "$seed" \
    ${threads:+--threads "$threads"} --validation "$validation" \
    --early-stopping patience=10,restore-best --history "$out/history.tsv" -o "$out/model.gru" "$train"
gru-plot history -o "$out/history.png" "$out/history.tsv" 2>/dev/null || :

# 3. The report on the test pieces; nll_per_step is the figure.
gru-predict -o "$out/predictions.tsv" "$out/model.gru" "$test"
gru-eval -o "$out/report.txt" "$out/predictions.tsv"
cat "$out/report.txt"
