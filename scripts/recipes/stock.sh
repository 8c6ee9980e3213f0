#!/bin/sh
# Stock: from a CSV of prices to a model, its errors beside those of the naive forecast, and the next days.
#
#     sh scripts/recipes/stock.sh
#     sh scripts/recipes/stock.sh input=aapl.csv out=/tmp/aapl
here=$(dirname "$0")

# Arguments are name=value; what they mean and their defaults:
input=$here/../../testdata/prices.csv # table with a header line, oldest row first; - is fine
column=Close                          # what is predicted
features=                             # columns the network sees; without it only the one that is predicted
index=Date                            # the column that names a row
fit_rows=80%                          # rows the scaler may see; 100% lets it peek at the test rows
arch=stock.arch                       # the network; a file beside this script, or anywhere
average=                              # epochs of weights that are averaged; without it a twelfth, at most 4; 0: the last ones
epochs=50                             # at most; training stops 10 epochs after the validation loss was lowest
seed=42                               # of the weights and the shuffling
threads=                              # of work, unless all processors; the result is the same
steps=                                # days to forecast after the last row; without it 5, but 1 with other columns
out=build/stock                       # everything made goes here
for argument; do
    case $argument in
    input=* | column=* | features=* | index=* | fit_rows=* | arch=* | average=* | epochs=* | seed=* | \
        threads=* | steps=* | out=*)
        export "${argument?}"
        ;;
    *)
        echo "stock.sh: $argument: no such argument; see the top of the script" >&2
        exit 2
        ;;
    esac
done

set -eu
PATH=${GRU_BIN:-$here/../../build}:$PATH
[ -f "$arch" ] || arch=$here/$arch
features=${features:-$column}
[ -n "$average" ] || average=$(awk -v n="$epochs" 'BEGIN { print n < 48 ? int(n / 12) : 4 }')
[ -n "$steps" ] || { [ "$features" = "$column" ] && steps=5 || steps=1; }
mkdir -p "$out"

# The first step reads the table and the last one does; what comes through a pipe is there once only.
if [ "$input" = - ] || [ -p "$input" ] || [ -c "$input" ]; then
    cat "$input" >"$out/input.csv"
    input=$out/input.csv
fi

# 1. Each column is scaled to [0,1] by its lowest and highest value in the training rows.
# 2. Windows of 60 days, each with the day that follows as its target.
# 3. The first 80 % of the windows are for training and the last 20 % for testing, in time order.
gru-scale --fit "$out/scaler.tsv" --fit-rows "$fit_rows" --method minmax --range 0,1 \
    --columns "$features,$column" "$input" |
    gru-window --fit "$out/window.tsv" --length 60 --features "$features" --target "$column" \
        --index "$index" |
    gru-split --order time --test 20% "$out/train.npy" "$out/test.npy"

# 4. Training; the last 10 % of the training windows tell when to stop and which weights were best. These
#    are a moving average: from batch to batch the last ones waver about it, and forecasts with them.
#    Scaler and windows go into the model, so that one file is all that prediction needs.
gru-train --arch "$arch" --attach "$out/scaler.tsv" --attach "$out/window.tsv" --summary \
    --loss mse --optimizer adam --average "$average" --batch-size 32 --epochs "$epochs" --seed "$seed" \
    ${threads:+--threads "$threads"} \
    --validation-split 10% --monitor val_loss --early-stopping patience=10,restore-best \
    --history "$out/history.tsv" -o "$out/model.gru" "$out/train.npy"

# 5. Predictions in the prices' own unit with their dates, and the errors beside the naive forecast's
#    (tomorrow = today), which is hard to beat.
gru-predict -o "$out/predictions.tsv" "$out/model.gru" "$out/test.npy"
gru-eval -o "$out/report.txt" "$out/predictions.tsv"
cat "$out/report.txt"

# 6. Figures. Without gnuplot there are none, and nothing else is missing.
gru-plot history -o "$out/history.png" "$out/history.tsv" || :
gru-plot series --values "$column" -o "$out/series.png" "$out/predictions.tsv" || :

# 7. The days after the last row, from the raw file: the line for cron.
gru-predict --raw --steps "$steps" "$out/model.gru" "$input"
