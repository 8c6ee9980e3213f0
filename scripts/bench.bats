#!/usr/bin/env bats
# scripts/bench: whether it measures at all, and counts right; not how fast anything is.

setup() {
    BUILD=${GRU_BIN:-$BATS_TEST_DIRNAME/../build}
    case $BUILD in */asan*) skip 'the plain build is measured' ;; esac
    cd "$BATS_TEST_DIRNAME/.."
}

# The cells of the row of $1 under the heading that begins with $2.
cells() { # ROW HEADING
    awk -v row="| $1 |" -v heading="## $2" '
        /^## / { inside = index($0, heading) == 1 }
        inside && index($0, row) == 1' "$BATS_TEST_TMPDIR/tables"
}

@test "help names every option, and other options are refused" {
    run scripts/bench --help
    [ "$status" = 0 ]
    for option in $(sed -n 's/^    \(--.*\)).*/\1/p' scripts/bench | tr '|' ' '); do
        [[ "$output" = *"    $option "* ]]
    done
    run scripts/bench --fast
    [ "$status" = 2 ]
    run scripts/bench --networks stocks
    [ "$status" = 2 ]
    [[ "$output" = *"no network stocks"* ]]
    run scripts/bench --rounds 0
    [ "$status" = 2 ]
}

@test "architectures and operations follow from the networks' shapes" {
    parts=scripts/bench-parts
    # By hand: 100 steps of 3 x 64 x (128 + 64) and 3 x 32 x (64 + 32) multiply-adds, and 32 at the end.
    awk -v cell=gru -f $parts/networks.awk $parts/networks.tsv | grep -q "^sentiment	tokens	100	10000	2	embedding 10000 128; gru 64; gru 32; dropout 0.5; dense 1 sigmoid	9216064$"
    # 60 steps of 4 x 100 x (5 + 100), scores 100 x 64 + 64 and the weighted sum 100; 100 at the end.
    awk -v cell=lstm -f $parts/networks.awk $parts/networks.tsv | grep -q "^attention	series	60	5	0	lstm 100; attention 64; dense 1	$((2 * (60 * (42000 + 6564) + 100)))$"
    # Both directions.
    awk -v cell=rnn -f $parts/networks.awk $parts/networks.tsv | grep -q "rnn 64 bidirectional; .*	$((2 * (100 * 2 * 64 * 192 + 256)))$"
}

@test "a quick run without peers prints every table" {
    scripts/bench --quick --peers none --networks stock --output "$BATS_TEST_TMPDIR/tables"
    grep -q '^- multiply-adds of the machine: [1-9]' "$BATS_TEST_TMPDIR/tables"
    [[ "$(cells stock Training,)" =~ ^'| stock | '[1-9][0-9.]*' | - | - | - | - | 11 | '[1-9][0-9]*' % | ' ]]
    [[ "$(cells stock Prediction)" =~ ^'| stock | '[1-9] ]]
    [[ "$(cells stock 'One sequence')" =~ ^'| stock | '0.[0-9]*[1-9] ]]
    [[ "$(cells stock 'Training otherwise')" =~ ^'| stock | '[1-9].*%.*%.*%' |'$ ]]
    [[ "$(cells 'predict one sentence' Processes)" =~ ^'| predict one sentence | '[1-9] ]]
    [[ "$(cells 'tokenize the reviews' Processes)" =~ ^'| tokenize the reviews | '[1-9] ]]
    [[ "$(cells 'read numbers' Processes)" =~ ^'| read numbers | '[0-9] ]]
    [[ "$(cells 'all tools and libgru, stripped' Processes)" =~ ' | '[0-9.]*' MB' ]]
}

@test "peers that cannot start are left out, and the rest is measured" {
    mkdir -p "$BATS_TEST_TMPDIR/peers/bin"
    printf '#!/bin/sh\necho "no module named $2" >&2\nexit 1\n' >"$BATS_TEST_TMPDIR/peers/bin/python"
    chmod +x "$BATS_TEST_TMPDIR/peers/bin/python"
    run timeout 100 scripts/bench --quick --peers "$BATS_TEST_TMPDIR/peers" --networks deep --json
    [ "$status" = 0 ]
    [[ "$output" = *"bench: keras is left out: hello: no module named"* ]]
    [[ "$output" = *"bench: torch is left out"* ]]
    [[ "$output" = *'{"figure": "train", "of": "deep", "by": "gru", "values": ['[1-9]* ]]
}

@test "growth is shown by rows, steps and units" {
    scripts/bench --quick --growth --peers none --output "$BATS_TEST_TMPDIR/tables"
    [[ "$(cells 'the first 1000, and start-up' 'Processor time per row')" =~ '-up |'( [0-9]*[.]?[0-9]+ '|'){10}$ ]]
    [[ "$(cells 'from there to 4000' 'Processor time per row')" =~ ' 4000 |'( -?[0-9]*[.]?[0-9]+ '|'){10}$ ]]
    [[ "$(cells 4000 'Peak memory')" =~ ^'| 4000 |'( [0-9]*[.]?[0-9]+ '|'){10}$ ]]
    [[ "$(cells 40 'Time per row and step')" =~ ^'| 40 |'( [0-9]*[.]?[0-9]+ '|'){3}$ ]]
    [[ "$(cells 'most / least' 'Time per row and step')" =~ ' |'( [1-9][0-9]*.[0-9][0-9] '|'){3}$ ]]
    [[ "$(cells 64 'Time per operation')" =~ ^'| 64 |'( [0-9.]+ '|' [0-9]+ % '|'){3}$ ]]
}
