# Time against rows, steps and units: whether anything grows faster than it should. Sourced by
# scripts/bench. The smallest of the rounds is kept, and of the repetitions in a round: whatever else
# the machine does disturbs what takes milliseconds more than what takes seconds, and so would bend
# the curve.
# shellcheck shell=sh disable=SC2034,SC2154 # variables of scripts/bench

if [ "$quick" ]; then
    row_counts='1000 4000' step_counts='10 40' unit_counts='16 64' repetitions=1
else
    row_counts='1000 10000 100000 316000 1000000' step_counts='10 32 100 316 1000'
    unit_counts='16 32 64 128 256 512 1024' repetitions=5
fi
network=stock # for column
stock=$(column 6)

# Whether a command was run often enough, or for long enough.
repeated() {
    awk -v most="$repetitions" '{ spent += $2 } END { exit !(NR >= most || spent > 2) }' "$work/took"
}

least_of() { # COLUMN
    cut -f "$1" "$work/took" | sort -n | head -n 1
}

# Figures rows (processor seconds) and memory of a whole process that reads this many rows.
process() { # WHAT COMMAND...
    what=$1
    shift
    : >"$work/took"
    until repeated; do "$bin/bench/run" "$work/took" "$@"; done
    record rows "$count" "$what" "$(least_of 2)"
    record memory "$count" "$what" "$(least_of 3)"
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

# Seconds of the fastest epoch of this many.
fastest_epoch() { # ARCH EPOCHS
    "$bin/gru-train" -q --arch "$1" --epochs "$2" --history "$work/history.tsv" -o "$work/model.gru" "$work/data.npy" >&2
    awk -F '\t' '
        NR == 1 { for (i = 1; i <= NF; i++) if ($i == "seconds") c = i; next }
        NR == 2 || $c < least { least = $c }
        END { print least }' "$work/history.tsv"
}

# Seconds of an epoch of 512 rows and of predicting one, by figure steps or units. EPOCHS take about
# a second, whatever the size.
grow_network() { # FIGURE ARCH STEPS FEATURES EPOCHS
    epochs=$5
    [ "$epochs" -le 100 ] || epochs=100
    [ ! "$quick" ] || epochs=1
    "$bin/bench/data" series 512 "$3" "$4" 0 "$work/data.npy"
    for _ in $(seq "$rounds"); do
        record "$1" "$count" train "$(fastest_epoch "$2" "$epochs")"
        for _ in $(seq "$repetitions"); do
            "$bin/bench/predict" "$work/model.gru" "$work/data.npy" "$(awk -v s="$least" -v n="$repetitions" 'BEGIN { print s / n }')" >"$work/predicted"
            record "$1" "$count" predict "$(awk '{ print 512 / $1 }' "$work/predicted")"
            record "$1" "$count" single "$(awk '{ print $2 / 1e3 }' "$work/predicted")"
        done
    done
}

for count in $row_counts; do
    say "$count rows"
    grow_rows
done
for count in $step_counts; do
    say "$count steps"
    grow_network steps 'gru 32; dense 1' "$count" 8 $((10000 / count))
done
for count in $unit_counts; do
    say "$count units"
    grow_network units "gru $count; dense 1" 20 16 $((2048 / count))
done
