# Whole processes, as a shell starts them, and reading tables. Sourced by scripts/bench.
# shellcheck shell=sh disable=SC2034,SC2154 # variables of scripts/bench

# Figures `seconds` and `process` (MiB) of a command.
process() { # NAME COMMAND...
    name=$1
    shift
    "$bin/bench/run" "$work/took" "$@"
    record seconds "$name" gru "$(tail -n 1 "$work/took" | cut -f 1)"
    record process "$name" gru "$(tail -n 1 "$work/took" | cut -f 3)"
}

fit_vocabulary() { # NAME IDS.npy TABLE
    process "$1" "$bin/gru-tokenize" --text text --label sentiment --max-len 100 --vocab-size 10000 \
        --fit "$work/vocab.tsv" -o "$2" "$3"
}

# One sentence for the sentiment network, its vocabulary in the model.
predict_sentence() {
    network=sentiment # for column
    "$bin/bench/data" text 300 300 20000 "$work/some.csv"
    fit_vocabulary 'tokenize 300 texts' "$work/some.npy" "$work/some.csv"
    "$bin/gru-train" -q --arch "$(column 6)" --epochs 1 --attach "$work/vocab.tsv" \
        -o "$work/some.gru" "$work/some.npy"
    echo 'a film of b and c, and never of d' >"$work/sentence"
    for _ in 1 2 3 4 5 6 7 8 9 10 11; do
        process 'predict one sentence' "$bin/gru-predict" --raw -o "$work/answer" "$work/some.gru" "$work/sentence"
    done
}

make_tables() {
    case $reviews in
    '') "$bin/bench/data" text $((rows * 25 / 8)) 230 100000 "$work/reviews.csv" ;;
    *.gz) gzip -dc "$reviews" >"$work/reviews.csv" ;;
    *) cp "$reviews" "$work/reviews.csv" ;;
    esac
    "$bin/bench/data" prices $((rows * 25)) "$work/prices.csv"
}

peer_seconds() { # MEASURE NAME
    if runs tables && ask tables "$1"; then record seconds "$2" peer "$said"; fi
}

measure_tables() {
    start_peer tables "$work/reviews.csv" "$work/prices.csv" 10000 100
    round=1
    while [ $round -le "$rounds" ]; do
        fit_vocabulary 'tokenize the reviews' "$work/ids.npy" "$work/reviews.csv"
        peer_seconds tokenize 'tokenize the reviews'
        record seconds 'read the reviews' gru "$("$bin/bench/table" "$work/reviews.csv")"
        peer_seconds reviews 'read the reviews'
        record seconds 'read numbers' gru "$("$bin/bench/table" "$work/prices.csv" numbers)"
        peer_seconds prices 'read numbers'
        round=$((round + 1))
    done
    end_peers
}

# All tools and the library they share, stripped.
measure_size() {
    make -s BUILD="$bin" bench-shared >&2
    record size 'all tools and libgru' gru "$(cat "$bin"/bench/shared/* | wc -c | awk '{ print $1 / 1e6 }')"
}

say 'processes and tables'
make_tables
predict_sentence
measure_tables
measure_size
