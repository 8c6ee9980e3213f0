#!/bin/sh
# The adding problem: two of many numbers are marked, and their sum is to be found at the end. Guessing 1
# always has a mean squared error of 0.167. A tanh network does no better where the sequences are long;
# GRU and LSTM keep what was marked. The gradients show why: back in time the tanh network's vanishes.
#
#     sh scripts/recipes/adding.sh
#     sh scripts/recipes/adding.sh steps=400 epochs=60
#     sh scripts/recipes/adding.sh --tiny
#
# Arguments are name=value; what they mean and their defaults:
steps=200       # of a sequence
sequences=10000 # to train on; a tenth as many to validate on, a fifth to test
epochs=25       # of training; the weights of the best one on the validation data are kept
units=32        # of the one recurrent layer
cells='rnn lstm gru'
lr=0.01         # learning rate of Adam
seed=42         # of the weights and the shuffling
threads=        # of work, unless all processors; the result is the same
out=build/adding # everything made goes here
for argument; do
    case $argument in
    --tiny) steps=50 sequences=4000 epochs=15 ;;
    steps=* | sequences=* | epochs=* | units=* | cells=* | lr=* | seed=* | threads=* | out=*)
        export "${argument?}"
        ;;
    *)
        echo "adding.sh: $argument: no such argument; see the top of the script" >&2
        exit 2
        ;;
    esac
done

set -eu
here=$(dirname "$0")
PATH=${GRU_BIN:-$here/../../build}:$PATH
mkdir -p "$out"

# 1. Each sequence is a window of two features, the number and its mark; the row after it has the sum.
samples() { # SEQUENCES SEED
    "$here/../make-adding" "$1" "$steps" "$2" |
        gru-window --length "$steps" --features value,mark --target sum --group sequence
}
samples "$sequences" 1 >"$out/train.npy"
samples $((sequences / 10)) 2 >"$out/validation.npy"
samples $((sequences / 5)) 3 >"$out/test.npy"

# 2. The same training for each cell; the norm of its gradient at each step back in time goes to a table.
for cell in $cells; do
    gru-train -q --arch "$cell $units; dense 1" --lr "$lr" --clip-norm 1 --batch-size 50 \
        --epochs "$epochs" --seed "$seed" ${threads:+--threads "$threads"} \
        --validation "$out/validation.npy" --early-stopping "patience=$epochs,restore-best" \
        --history "$out/$cell-history.tsv" --gradients "$out/$cell-gradients.tsv" \
        -o "$out/$cell.gru" "$out/train.npy"
    gru-predict "$out/$cell.gru" "$out/test.npy" |
        gru-eval --json -o "$out/$cell-report.json"
    gru-plot history -o "$out/$cell-history.png" "$out/$cell-history.tsv" 2>/dev/null || :
done

# 3. The curves, beside each other: the mean squared error on the validation data after each epoch.
set --
for cell in $cells; do
    awk -F '\t' -v cell="$cell" 'NR == 1 { print cell; next } { printf "%.6f\n", $3 }' "$out/$cell-history.tsv" \
        >"$out/$cell-curve.tsv"
    set -- "$@" "$out/$cell-curve.tsv"
done
{ echo epoch && seq "$epochs"; } | paste - "$@" | tee "$out/curves.tsv"

# 4. How much of the gradient at the last step is left at the first, after all epochs, and the error on
#    the test data.
for cell in $cells; do
    left=$(awk -F '\t' '$3 == 0 { last = $4 } $2 == 1 { first = $4 }
        END { printf "%.2g", (last > 0 ? first / last : 0) }' "$out/$cell-gradients.tsv")
    mse=$(tr -d ' \n' <"$out/$cell-report.json" | sed 's/.*"mse":\([-0-9.e]*\).*/\1/')
    printf '%s\t%s\t%s\n' "$cell" "$left" "$mse"
done | {
    printf 'cell\tgradient_left\ttest_mse\n'
    cat
} | tee "$out/results.tsv"
