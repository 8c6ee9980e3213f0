# gru-tokenize as its user meets it. Expected ids are Keras's or counted by hand.

setup() {
    PATH="${GRU_BIN:-$BATS_TEST_DIRNAME/../build}:$PATH"
    cd "$BATS_TEST_TMPDIR" || return
    T=$BATS_TEST_DIRNAME/../testdata
    printf 'text,label\n"The cat, the DOG.",pos\nthe dog runs,neg\n"",pos\n' >small.csv
}

# The int32 values of an NPY file's records, one line each; ids are row numbers of up to 4 bytes.
records() { # FILE INTS-A-RECORD
    head=$(od -An -tu2 -j8 -N2 "$1" | tr -d ' ')
    od -An -v -td4 -w$((4 * $2)) -j$((10 + head)) "$1" | sed 's/^ *//; s/  */ /g'
}

# One line on standard error, the tool's name first, exit status as given.
refused() { # STATUS PATTERN COMMAND...
    want=$1 pattern=$2
    shift 2
    run --separate-stderr "$@"
    echo "status $status: $stderr"
    [ "$status" -eq "$want" ]
    [ "${#stderr_lines[@]}" -eq 1 ]
    [[ $stderr == gru-tokenize:\ *$pattern* ]]
    [ -z "$output" ]
}

bats_require_minimum_version 1.5.0

@test "ids by falling count, then first appearance; classes sorted; padding before" {
    gru-tokenize -q --text text --label label --max-len 4 -o x.npy --fit v.tsv small.csv
    # x (4), y, id (row number, 4 bytes: '1' is 49)
    [ "$(records x.npy 6)" = '1 3 1 2 1 49
0 1 2 4 0 50
0 0 0 0 1 51' ]
    grep -qx '#class neg' v.tsv
    grep -qx '#distinct 4' v.tsv
    grep -qx '#segment space' v.tsv
    [ "$(sed -n '/^id/,$p' v.tsv)" = 'id	word	count	docs
1	the	3	2
2	dog	2	2
3	cat	1	1
4	runs	1	1' ]
}

@test "the NPY header is one that numpy reads" {
    gru-tokenize -q --text text --label label --max-len 4 small.csv >x.npy
    [ "$(head -c 6 x.npy | od -An -tx1 | tr -d ' ')" = 934e554d5059 ]
    head -c 300 x.npy | grep -aq "('x', '<i4', (4,)), ('y', '<i4'"
    head -c 300 x.npy | grep -aq "'shape': (3,)"
}

@test "a vocabulary gives the same ids to the same texts, and 0 or oov to others" {
    gru-tokenize -q --text text --label label --max-len 4 -o a.npy --fit v.tsv small.csv
    gru-tokenize -q --vocab v.tsv <small.csv >b.npy
    cmp a.npy b.npy
    printf 'text\na dog\n' | gru-tokenize -q --vocab v.tsv >c.npy # no label: no y
    [ "$(records c.npy 5)" = '0 0 0 2 49' ]
    gru-tokenize -q --oov --text text --max-len 4 --fit o.tsv small.csv >/dev/null
    printf 'a dog\n' | gru-tokenize -q --lines --vocab o.tsv >d.npy
    [ "$(records d.npy 5)" = '0 0 1 3 49' ]
}

# A model file without tensors that holds metadata: 8 bytes of length, JSON.
model() { # KEY FILE
    text=$(sed 's/\\/\\\\/g; s/"/\\"/g; s/\t/\\t/g' "$2" | awk '{ printf "%s\\n", $0 }')
    header="{\"__metadata__\":{\"format\":\"gru/1\",\"$1\":\"$text\"}}"
    n=$(printf %s "$header" | wc -c)
    printf "\\$(printf %03o $((n % 256)))\\$(printf %03o $((n / 256)))\\0\\0\\0\\0\\0\\0%s" ''
    printf %s "$header"
}

@test "--model takes the vocabulary out of a model" {
    gru-tokenize -q --text text --label label --max-len 4 -o a.npy --fit v.tsv small.csv
    model vocab.tsv v.tsv >m.gru
    gru-tokenize -q --model m.gru -o b.npy small.csv
    cmp a.npy b.npy
    model scaler.tsv v.tsv >n.gru
    refused 1 'n.gru: no vocab.tsv is attached to it' gru-tokenize --model n.gru small.csv
}

@test "num_words, padding and truncating as Keras" {
    gru-tokenize -q --text text --max-len 2 --vocab-size 4 --padding post --truncating post small.csv >x.npy
    [ "$(records x.npy 3)" = '1 3 49
1 2 50
0 0 51' ]
}

@test "without --max-len a row is as long as the longest text" {
    gru-tokenize -q --text text small.csv >x.npy
    [ "$(records x.npy 5 | head -n 1)" = '1 3 1 2 49' ]
}

@test "lines, tokens, stop words, stems, minimum count" {
    run gru-tokenize --lines --as tokens <<<'A film, a GOOD film'
    [ "$output" = 'id	tokens
1	a film a good film' ]
    run gru-tokenize --lines --as tokens --stop-words en --stem english <<<'The films were running'
    [ "${lines[1]}" = '1	film run' ]
    printf '# mine\nfilm\n' >stop.txt
    run gru-tokenize --lines --as tokens --stop-words stop.txt <<<'a Film'
    [ "${lines[1]}" = '1	a' ]
    run gru-tokenize --lines --as tokens --min-count 2 <<<'a b a'
    [ "${lines[1]}" = '1	a a' ]
    run gru-tokenize --lines --as tokens --no-lower --filters f <<<'A,fB'
    [ "${lines[1]}" = '1	A, B' ]
}

@test "Chinese: characters by default, words by dictionary when asked" {
    run gru-tokenize --lines --as tokens <<<'我非常喜欢 OK！'
    [ "${lines[1]}" = '1	我 非 常 喜 欢 O K ！' ]
    run gru-tokenize --lines --as tokens --segment word <<<'我非常喜欢！'
    [ "${lines[1]}" = '1	我 非常 喜欢' ]
    gru-tokenize -v --lines --fit v.tsv >/dev/null <<<'價格合理，品質一般。'
    grep -qx '#segment char' v.tsv
}

@test "weights: count, binary, freq, tfidf" {
    w() { gru-tokenize -q --text text --label label --as "$1" small.csv; }
    [ "$(w count)" = 'id	label	the	dog	cat	runs
1	pos	2	1	1	0
2	neg	1	1	0	1
3	pos	0	0	0	0' ]
    [ "$(w binary | sed -n 2p)" = '1	pos	1	1	1	0' ]
    [ "$(w freq | sed -n 2p)" = '1	pos	0.5	0.25	0.25	0' ]
    # (1 + ln 2) ln(1 + 3/3), ln(1 + 3/3), ln(1 + 3/2)
    [ "$(w tfidf | sed -n 2p | cut -c1-17)" = '1	pos	1.173600194' ]
    [ "$(w tfidf | awk 'NR == 2 { printf "%.9f %.9f", $4, $5 }')" = '0.693147181 0.916290732' ]
    [ "$(gru-tokenize -q --csv --text text --as count small.csv | head -n 1)" = 'id,the,dog,cat,runs' ]
}

@test "--id names the rows" {
    printf 'key\ttext\nalpha\ta b\nbe\ta\n' >k.tsv
    run gru-tokenize --text text --id key --as tokens k.tsv
    [ "${lines[1]}" = 'alpha	a b' ]
    gru-tokenize --text text --id key k.tsv | grep -aq alpha
}

@test "texts without words are rows of padding, and counted once" {
    run --separate-stderr gru-tokenize --text text --as tokens small.csv
    [ "$status" -eq 0 ]
    [ "$stderr" = 'gru-tokenize: 1 of 3 texts have no known word; their rows are all padding' ]
}

@test "gzip and standard input" {
    gru-tokenize -q --text text small.csv >a.npy
    gzip -k small.csv
    gru-tokenize -q --text text small.csv.gz >b.npy
    cmp a.npy b.npy
    gru-tokenize -q --text text - <small.csv | cmp a.npy
}

@test "the vocabulary is complete before the stream ends" {
    gru-tokenize -q --text text --fit v.tsv small.csv | { cat >x.npy; cp v.tsv seen.tsv; }
    cmp v.tsv seen.tsv
}

@test "the same bytes with one thread, with two, and with a guessed segmentation" {
    seq 40000 | awk 'BEGIN { print "text,label" } { print "word" $1 % 977 " the film no " $1 " of MANY to come and go by," $1 % 3 }' >big.csv
    [ "$(wc -c <big.csv)" -gt 1600000 ] # more than the guess looks at, several batches
    gru-tokenize -q --text text --label label --threads 1 --segment space --fit v1.tsv big.csv >a.npy
    gru-tokenize -q --text text --label label --threads 2 --fit v2.tsv big.csv >b.npy
    cmp a.npy b.npy
    cmp v1.tsv v2.tsv
    grep -qx '#rows 40000' v1.tsv
    echo 'broken' >>big.csv
    refused 1 'big.csv:40002' gru-tokenize --text text --label label --threads 2 -o out.npy big.csv
}

@test "the examples of the man page" {
    mkdir testdata
    cp "$T/reviews.csv" testdata/
    gru-tokenize --fit vocab.tsv --text text --label sentiment \
        --max-len 100 -o train.npy testdata/reviews.csv
    gru-tokenize --vocab vocab.tsv -o test.npy testdata/reviews.csv
    cmp train.npy test.npy
    gru-tokenize --text text --label sentiment --as tfidf --vocab-size 50 \
        --stop-words zh -o weights.tsv testdata/reviews.csv
    [ "$(head -n 1 weights.tsv | awk '{ print NF }')" -eq 51 ]
}

@test "IMDB gives exactly Keras's ids" {
    data=$BATS_TEST_DIRNAME/../../shared/data/imdb_train.csv.gz
    [ -r "$data" ] || skip 'the data set is not here'
    gru-tokenize --segment space --vocab-size 10000 --max-len 100 --text text --label sentiment \
        --fit v.tsv -o x.npy "$data"
    grep -qx '#distinct 88582' v.tsv
    head=$(od -An -tu2 -j8 -N2 x.npy | tr -d ' ')
    [ "$(od -An -td4 -j$((10 + head)) -N32 -w32 x.npy | xargs)" = '5924 482 69 5 261 12 2002 6' ]
}

@test "bad input ends in one line, exit 1, and leaves nothing behind" {
    bad() {
        refused 1 "$@"
        [ ! -e out.npy ]
        [ ! -e v.tsv ]
    }
    t='gru-tokenize --fit v.tsv -o out.npy --text text'
    : >empty.csv
    bad 'empty.csv' $t empty.csv
    echo text,label >header.csv
    bad 'header.csv: there is no text' $t header.csv
    bad "no column 'text'" $t <<<'a,b'
    bad "no column 'label'" $t --label label <<<'text,b'
    bad ":3" $t < <(printf 'text,b\n1,2\n3\n')
    bad ":2: the text is not valid UTF-8; iconv -f ENCODING -t UTF-8" $t < <(printf 'text,b\nab\xff,2\n')
    bad 'standard input' $t < <(printf 'text,b\n"never closed,2\n')
    bad ":2" gru-tokenize --fit v.tsv -o out.npy --lines < <(printf 'good\nb\xe4d\n')
    bad 'no word' gru-tokenize --fit v.tsv -o out.npy --lines <<<'...'
    bad 'no word is seen 9 times' gru-tokenize --fit v.tsv -o out.npy --lines --min-count 9 <<<'a b a'
    bad '--vocab-size 2 leaves no id for a word; the first has id 2' \
        gru-tokenize --fit v.tsv -o out.npy --lines --oov --vocab-size 2 <<<'a b a'
    bad 'standard input: there is no text' gru-tokenize --fit v.tsv -o out.npy --lines </dev/null
    bad 'the label is empty' $t --label label < <(printf 'text,label\na,x\nb,\n')
    bad ':3' $t --label label < <(printf 'text,label\na,x\nb,\n')
    bad 'not classes' $t --label label < <(echo text,label && seq -f 'a,%g.5' 30)
    bad 'missing.csv' $t missing.csv
    gzip -c "$T/reviews.csv" | head -c 5000 >cut.gz
    bad 'cut.gz' $t cut.gz
    bad 'nowhere' gru-tokenize --text text -o nowhere/out.npy small.csv
    bad 'nowhere' gru-tokenize --text text --fit nowhere/v.tsv -o out.npy small.csv
    bad 'not a vocabulary' gru-tokenize --vocab small.csv -o out.npy small.csv
    bad 'missing.tsv' gru-tokenize --vocab missing.tsv -o out.npy small.csv
    bad 'small.csv' gru-tokenize --model small.csv -o out.npy small.csv
}

@test "--lossy replaces what is not UTF-8" {
    printf 'b\xe4d \xe4\xb8\xad\n' | gru-tokenize --lossy --segment space --lines --as tokens >x.tsv
    [ "$(sed -n 2p x.tsv)" = '1	b�d 中' ]
}

@test "a label that is not a class names file, line, label and classes" {
    gru-tokenize -q --text text --label label --fit v.tsv -o a.npy small.csv
    printf 'text,label\nthe cat,pos\nthe dog,so-so\n' >new.csv
    refused 1 "new.csv:3: the label 'so-so' is not one of the 2 known classes: neg, pos" \
        gru-tokenize --vocab v.tsv -o out.npy new.csv
    [ ! -e out.npy ]
}

@test "a wrong command line is exit 2" {
    refused 2 'no-such' gru-tokenize --no-such
    refused 2 '--text' gru-tokenize small.csv
    refused 2 '--lines' gru-tokenize --lines --text text small.csv
    refused 2 '--fit' gru-tokenize --text text --fit a --vocab b small.csv
    refused 2 'vocab-size' gru-tokenize --text text --vocab-size many small.csv
    refused 2 'segment' gru-tokenize --text text --segment maybe small.csv
    refused 2 'klingon' gru-tokenize --text text --stem klingon small.csv
    refused 2 'xx' gru-tokenize --text text --stop-words xx small.csv
    refused 2 '--lower' gru-tokenize --text text --lower --no-lower small.csv
    gru-tokenize -q --text text --fit v.tsv -o a.npy small.csv
    refused 2 '--oov is for fitting' gru-tokenize --vocab v.tsv --oov small.csv
    refused 2 '--max-len is for fitting' gru-tokenize --vocab v.tsv --max-len 9 small.csv
    refused 2 "'small.csv' is the input" gru-tokenize --text text --fit small.csv small.csv
    refused 2 "'./small.csv' is the input" gru-tokenize --text text --fit ./small.csv <small.csv
    head -n 1 small.csv | grep -qx 'text,label'
}

@test "a full disk is exit 1, a closed pipe is quiet" {
    [ -e /dev/full ] || skip 'no /dev/full'
    run --separate-stderr bash -c 'gru-tokenize -q --text text small.csv >/dev/full'
    [ "$status" -eq 1 ]
    [ "${#stderr_lines[@]}" -eq 1 ]
    refused 1 full gru-tokenize -q --text text --fit v.tsv -o /dev/full small.csv
    [ ! -e v.tsv ]
    run bash -c 'seq 200000 | gru-tokenize --lines --as count 2>err | head -n 1 >/dev/null; echo "${PIPESTATUS[1]}"; cat err'
    [ "${#lines[@]}" -eq 1 ]
    [ "$output" != 0 ]
}

@test "a tool that is ended leaves nothing where files need a name while they are written" {
    # as on NFS; the tool looks for /proc to tell
    unshare -rm mount -t tmpfs none /proc 2>/dev/null || skip 'no namespace of its own'
    mkfifo lines
    exec 9<>lines
    for signal in TERM HUP; do
        unshare -rm bash -c 'mount -t tmpfs none /proc
            exec env --default-signal=HUP gru-tokenize --lines --as tokens -o t.tsv lines' &
        pid=$!
        until compgen -G '.gru-*' >/dev/null; do sleep 0.02; done
        kill "-$signal" "$pid"
        status=0
        wait "$pid" || status=$?
        [ "$status" -gt 128 ]
        run compgen -G '.gru-*'
        [ -z "$output" ]
    done
    exec 9>&-
}

@test "binary is not written to a terminal" {
    command -v script >/dev/null || skip 'script(1) is not installed'
    run script -qec 'gru-tokenize -q --text text small.csv' /dev/null
    [ "$status" -ne 0 ]
    [[ $output == *terminal* ]]
}

@test "--help fits 80 columns and shows an example" {
    run gru-tokenize --help
    [ "$status" -eq 0 ]
    [[ $output == *'gru-tokenize --fit vocab.tsv'* ]]
    for line in "${lines[@]}"; do [ "${#line}" -le 80 ]; done
    run gru-tokenize --version
    [ "$status" -eq 0 ]
}

@test "one very long text among short ones is a warning that names --max-len" {
    { for i in $(seq 200); do echo "text $i"; done && seq -s ' ' 100000; } >long.txt
    run -0 --separate-stderr gru-tokenize --lines --vocab-size 0 -o /dev/null long.txt
    [ "${#stderr_lines[@]}" -eq 1 ]
    [[ $stderr == *'rows of 100000 ids are padding to 99.5 % and take 77 MiB; a smaller --max-len'* ]]
    run -0 --separate-stderr gru-tokenize --lines --max-len 50 -o /dev/null long.txt
    [ -z "$stderr" ]
}

@test "--fit is not the output" {
    run gru-tokenize --text a --fit f.tsv -o ./f.tsv <<<$'a\n1\n2\n3'
    [ "$status" = 2 ]
    [[ "$output" = *"-o and --fit would both write 'f.tsv'"* ]]
    [ ! -e f.tsv ]
    run gru-tokenize --text a --fit - <<<$'a\n1\n2\n3'
    [ "$status" = 2 ]
}
