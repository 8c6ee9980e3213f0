# Time against rows, steps and units: whether anything grows faster than it should. Sourced by
# scripts/bench. The smallest of the rounds is kept.
# shellcheck shell=sh disable=SC2034,SC2154 # variables of scripts/bench

if [ "$quick" ]; then
    row_counts='1000 4000' step_counts='10 40' unit_counts='16 64'
else
    row_counts='1000 10000 100000 316000 1000000' step_counts='10 32 100 316 1000'
    unit_counts='16 32 64 128 256 512 1024'
fi
epochs=1 # of epoch_seconds
network=stock # for column
stock=$(column 6)

# Figures rows (processor seconds) and memory of a whole process that reads this many rows.
process() { # WHAT COMMAND...
    what=$1
    shift
    rm -f "$work/took"
    "$bin/bench/run" "$work/took" "$@"
    record rows "$count" "$what" "$(cut -f 2 "$work/took")"
    record memory "$count" "$what" "$(cut -f 3 "$work/took")"
}

grow_rows() {
    "$bin/bench/data" text "$count" 20 100000 "$work/texts.csv"
    "$bin/bench/data" prices "$count" "$work/prices.csv"
    "$bin/bench/data" series "$count" 10 1 0 "$work/data.npy"
    for round in $(seq "$rounds"); do
        process tokenize "$bin/gru-tokenize" --text text --label sentiment --max-len 20 \
            --fit "$work/vocab.tsv" -o "$work/ids.npy" "$work/texts.csv"
        process clean "$bin/gru-clean" --do outliers=iqr:1.5 --columns Close -o "$work/clean.tsv" "$work/prices.csv"
        process scale "$bin/gru-scale" --fit "$work/scaler.tsv" --columns Close -o "$work/scaled.tsv" "$work/prices.csv"
        process window "$bin/gru-window" --fit "$work/window.tsv" --length 60 --features Close --target Close \
            --index Day -o "$work/windows.npy" "$work/scaled.tsv"
        process split "$bin/gru-split" --order random --test 20% --input "$work/windows.npy" "$work/a.npy" "$work/b.npy"
        process train "$bin/gru-train" -q --arch 'gru 16; dense 1' --epochs 1 -o "$work/model.gru" "$work/data.npy"
        # windows beyond 64 MiB are read from their file
        process tiny "$bin/gru-train" -q --arch 'gru 1; dense 1' --epochs 1 -o "$work/tiny.gru" "$work/windows.npy"
        # a minute for a million rows, and steady: once is enough
        if [ "$round" = 1 ] || [ "$count" -lt 100000 ]; then
            process stock "$bin/gru-train" -q --arch "$stock" --epochs 1 -o "$work/stock.gru" "$work/windows.npy"
        fi
        process predict "$bin/gru-predict" -o "$work/predicted.tsv" "$work/model.gru" "$work/data.npy"
        process eval "$bin/gru-eval" -o "$work/report.txt" "$work/predicted.tsv"
    done
}

# Seconds of an epoch of 512 rows and of predicting one, by figure steps or units.
grow_network() { # FIGURE ARCH STEPS FEATURES
    "$bin/bench/data" series 512 "$3" "$4" 0 "$work/data.npy"
    for _ in $(seq "$rounds"); do
        record "$1" "$count" train "$(epoch_seconds model "$2" "$work/data.npy")"
        "$bin/bench/predict" "$work/model.gru" "$work/data.npy" "$least" >"$work/predicted"
        record "$1" "$count" predict "$(awk '{ print 512 / $1 }' "$work/predicted")"
        record "$1" "$count" single "$(awk '{ print $2 / 1e3 }' "$work/predicted")"
    done
}

for count in $row_counts; do
    say "$count rows"
    grow_rows
done
for count in $step_counts; do
    say "$count steps"
    grow_network steps 'gru 32; dense 1' "$count" 8
done
for count in $unit_counts; do
    say "$count units"
    grow_network units "gru $count; dense 1" 20 16
done
