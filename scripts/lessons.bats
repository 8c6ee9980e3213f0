#!/usr/bin/env bats
# The lessons of the recurrent networks' text books, in small: the adding problem and polyphonic music.

setup_file() {
    export GRU_BIN="${GRU_BIN:-$BATS_TEST_DIRNAME/../build}"
}

setup() {
    PATH="$GRU_BIN:$PATH"
    S=$BATS_TEST_DIRNAME
    cd "$BATS_TEST_TMPDIR"
}

@test "make-adding: two marks a sequence, one in each half, and their sum below" {
    "$S/make-adding" 40 10 7 >a.csv
    "$S/make-adding" 40 10 7 | cmp - a.csv
    [ "$("$S/make-adding" 40 10 8 | cksum)" != "$(cksum <a.csv)" ]
    awk -F, '
        NR == 1 { bad = $0 != "sequence,value,mark,sum"; next }
        { row = (NR - 2) % 11 }
        row < 10 { marks += $3; early += row < 5 && $3; sum += $2 * $3; if ($4 || $2 < 0 || $2 >= 1) bad = 1 }
        row == 10 { d = sum - $4; if (marks != 2 || early != 1 || !(d < 1e-6 && d > -1e-6)) bad = 1
                    marks = early = sum = 0; count++ }
        END { exit bad || count != 40 }' a.csv
    run "$S/make-adding" 0
    [ "$status" -eq 2 ]
}

@test "the adding problem: GRU and LSTM find the sum, the tanh network guesses" {
    sh "$S/recipes/adding.sh" --tiny out=a >curves
    [ "$(head -n 1 curves)" = "$(printf 'epoch\trnn\tlstm\tgru')" ]
    [ "$(wc -l <a/curves.tsv)" -eq 16 ]
    [ "$(cut -f 1 a/results.tsv | tr '\n' ' ')" = 'cell rnn lstm gru ' ]
    awk -F '\t' '
        $1 == "rnn" { bad += !($3 > 0.1 && $3 < 0.3) }
        $1 != "rnn" && NR > 1 { bad += !($3 < 0.005) }
        END { exit bad }' a/results.tsv
    # What gru-eval says is what the predictions are.
    gru-predict a/gru.gru a/test.npy | awk -F '\t' -v said="$(tail -n 1 a/results.tsv | cut -f 3)" '
        NR > 1 { s += ($3 - $4) ^ 2 }
        END { d = s / (NR - 1) / said - 1; exit !(d < 1e-3 && d > -1e-3) }'
    # The trained GRU's gradient reaches all the way back.
    awk -F '\t' '$1 == "gru" { exit !($2 > 0.02) }' a/results.tsv
    run sh "$S/recipes/adding.sh" nothing=1
    [ "$status" -eq 2 ]
}

@test "make-music: 88 notes, at most two of them at once" {
    "$S/make-music" 5 3 >m.csv
    "$S/make-music" 5 3 | cmp - m.csv
    awk -F, '
        NR > 1 { on = 0; for (i = 2; i <= NF; i++) on += $i; if (NF != 89 || on != 2) bad = 1; steps[$1]++ }
        END { for (i = 1; i <= 5; i++) if (!(steps[i] >= 20 && steps[i] <= 60)) bad = 1; exit bad }' m.csv
}

@test "music: the negative log-likelihood per step, over the steps that are there" {
    sh "$S/recipes/music.sh" --tiny out=m >report
    # One line for each step but the last of each test piece.
    cut -f 1 m/predictions.tsv | tail -n +2 | sort -u >pieces
    [ "$(wc -l <pieces)" -eq 24 ]
    steps=$(awk -F, 'NR == FNR { test[$1] = 1; next } $1 in test { n++ } END { print n }' pieces m/pieces.csv)
    [ "$(($(wc -l <m/predictions.tsv) - 1))" -eq $((steps - 24)) ]
    nll=$(awk '$1 == "nll_per_step" { print $2 }' report)
    awk -F '\t' -v said="$nll" '
        NR > 1 { for (i = 3; i < 91; i++) { p = $(i + 88); s -= log($i ? p : 1 - p) } }
        END { d = s / (NR - 1) - said; exit !(d < 1e-3 && d > -1e-3) }' m/predictions.tsv
    # Better than knowing how often each note sounds (about 7.8).
    awk -v nll="$nll" 'BEGIN { exit !(nll < 6.5) }'
    gru-eval --require 'nll_per_step<6.5' m/predictions.tsv >/dev/null
    # From streams that are there already, the same.
    sh "$S/recipes/music.sh" --tiny train=m/train.npy validation=m/validation.npy \
        test=m/test.npy out=again | cmp - report
    run sh "$S/recipes/music.sh" train=m/train.npy
    [ "$status" -eq 2 ]
}
