bats_require_minimum_version 1.5.0
# gru-model as its user meets it. The weights are Keras's and PyTorch's own (scripts/golden/networks.py).

setup() {
    PATH="${GRU_BIN:-$BATS_TEST_DIRNAME/../build}:$PATH"
    cd "$BATS_TEST_TMPDIR" || return
    T=$BATS_TEST_DIRNAME/../testdata
    keras=$T/golden/weights/net-sentiment.safetensors
    lstm=$T/golden/weights/torch-lstm-stacked.safetensors
    bidirectional=$T/golden/weights/torch-gru-bidirectional.safetensors
    sentiment='embedding 40 8; gru 16; gru 8; dropout 0.5; dense 1 sigmoid'
}

fails_with() { # STATUS PATTERN COMMAND...
    local status=0 want=$1 pattern=$2
    shift 2
    "$@" >out 2>err || status=$?
    [ "$status" = "$want" ] || { echo "status $status: $(cat err)" && return 1; }
    [ "$(wc -l <err)" = 1 ] || { cat err && return 1; }
    grep -q -- "$pattern" err || { cat err && return 1; }
}

# The tensors of a safetensors file: everything after the header.
tensors_of() {
    tail -c +$((9 + $(od -An -tu8 -N8 "$1"))) "$1"
}

# The bytes of one tensor of $golden, whose offset its header tells.
tensor() { # NAME BYTES
    local size offset
    size=$(($(od -An -tu8 -N8 "$golden")))
    offset=$(tail -c +9 "$golden" | head -c "$size" |
        sed "s/.*\"$1\":{[^}]*\"data_offsets\":\[\([0-9]*\),.*/\1/")
    tail -c +$((9 + size + offset)) "$golden" | head -c "$2"
}

@test "Keras's weights become a model, and go back to the bit" {
    gru-model import --from keras --arch "$sentiment" "$keras" -o s.gru
    gru-model export --to keras s.gru -o back
    gru-model import --from keras --arch "$sentiment" back -o again.gru
    cmp s.gru again.gru
    [ "$(tensors_of back | wc -c)" = "$(tensors_of "$keras" | wc -c)" ]
    # The same values, whatever the order of the tensors.
    cmp <(tensors_of back | od -An -v -tx4 -w4 | sort) <(tensors_of "$keras" | od -An -v -tx4 -w4 | sort)
}

@test "Keras's weights go to PyTorch's form and back" {
    gru-model import --from keras --arch "$sentiment" "$keras" -o s.gru
    gru-model export --to torch s.gru -o t
    grep -aq '"1.weight_ih_l0"' t
    gru-model import --from torch --arch "$sentiment" t -o again.gru
    cmp s.gru again.gru
}

@test "PyTorch's two biases of an LSTM come out as they came in" {
    gru-model import --from torch --arch 'lstm 6; lstm 4; dense 3 softmax' "$lstm" -o l.gru
    gru-model export --to torch l.gru -o back
    cmp <(tensors_of back | od -An -v -tx4 -w4 | sort) <(tensors_of "$lstm" | od -An -v -tx4 -w4 | sort)
}

@test "a bidirectional layer keeps its directions apart" {
    gru-model import --from torch --arch 'gru 4 bidirectional; dense 2' "$bidirectional" -o b.gru
    gru-model export --to keras b.gru | grep -aq '"0.backward.recurrent_kernel"'
    gru-model export --to torch b.gru -o back
    cmp <(tensors_of back | od -An -v -tx4 -w4 | sort) \
        <(tensors_of "$bidirectional" | od -An -v -tx4 -w4 | sort)
}

@test "show has layers, shapes, parameters and totals" {
    gru-model import --from keras --steps 100 --arch "$sentiment" "$keras" -o s.gru
    run -0 gru-model show s.gru
    [[ $output =~ "embedding 40 8"\ +"(100, 8)"\ +320 ]]
    [[ $output =~ "gru 16"\ +"(100, 16)"\ +1,248 ]] # 3·16·(8 + 16 + 2)
    [[ $output =~ "gru 8"\ +"(8)"\ +624 ]]
    [[ $output =~ "dense 1 sigmoid"\ +"(1)"\ +9 ]]
    [[ $output =~ "Total parameters"\ +2,201 ]]
    [[ $output =~ "input"\ +"token ids, 100 steps" ]]
    [[ $output =~ "loss"\ +"binary-crossentropy" ]]
}

@test "the architecture that show gives makes the same model again" {
    gru-model import --from keras --arch "$sentiment" "$keras" -o s.gru
    gru-model show --get arch s.gru >s.arch
    [ "$(wc -l <s.arch)" = 5 ]
    gru-model import --from keras --arch s.arch "$keras" -o again.gru
    cmp s.gru again.gru
}

@test "an attached file travels with the model" {
    printf 'review,label\ngood day,1\nbad day,0\n' |
        gru-tokenize --segment space --text review --label label --fit vocab.tsv >/dev/null
    gru-model import --from keras --arch "$sentiment" --attach vocab.tsv "$keras" -o s.gru
    gru-model show --get vocab.tsv s.gru | cmp - vocab.tsv
    gru-model show s.gru | grep -q 'attached *vocab.tsv'
}

@test "show tells a trained model's classes and options, and a checkpoint" {
    gru-tokenize --fit vocab.tsv --text text --label sentiment --max-len 9 -o t.npy "$T/reviews.csv"
    gru-train -q --arch 'embedding 10000 2; gru 2; dense 1 sigmoid' --epochs 1 --seed 7 \
        --attach vocab.tsv --checkpoint c.ck -o m.gru t.npy
    run -0 gru-model show m.gru
    [[ $output =~ classes\ +"negative, positive" ]]
    [[ $output =~ "  seed 7" ]]
    [[ ! $output =~ checkpoint ]]
    run -0 gru-model show c.ck
    [[ $output =~ checkpoint\ +yes ]]
}

@test "convert makes of a checkpoint what training would have written" {
    gru-tokenize --fit vocab.tsv --text text --label sentiment --max-len 9 -o t.npy "$T/reviews.csv"
    gru-train -q --arch 'embedding 10000 2; gru 2; batch-norm; dense 1 sigmoid' --epochs 2 --lr 0.01 \
        --attach vocab.tsv --checkpoint c.ck -o m.gru t.npy
    gru-model convert -o n.gru c.ck
    cmp n.gru m.gru
    gru-model convert <m.gru | cmp - m.gru
}

@test "convert --best takes the best epoch's weights" {
    gru-window --length 5 --target Close "$T/prices.csv" -o w.npy
    # the second epoch has 200 times the rate and is far worse than the first
    gru-train -q --arch 'gru 2; dense 1' --epochs 2 --lr 0.5 --lr-step drop=200,every=1 --optimizer sgd \
        --clip-norm 1 --validation-split 20% --early-stopping patience=9,restore-best --history h.tsv --checkpoint c.ck -o m.gru w.npy
    awk -F'\t' 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "val_loss") c = i; next }
        { v[NR] = $c } END { exit !(v[2] < v[3]) }' h.tsv
    gru-model convert --best -o best.gru c.ck
    gru-model convert -o last.gru c.ck
    gru-predict m.gru w.npy | cmp - <(gru-predict best.gru w.npy)
    run ! cmp -s <(gru-predict last.gru w.npy) <(gru-predict best.gru w.npy)
    fails_with 1 'm.gru: no best weights are in it' gru-model convert --best m.gru
}

@test "convert exchanges attached files" {
    printf 'review,label\ngood day,fine\nbad day,grim\n' >r.csv
    gru-tokenize --segment space --text review --label label --fit vocab.tsv -o t.npy r.csv
    gru-train -q --arch 'embedding 9 2; gru 2; dense 1 sigmoid' --epochs 1 --attach vocab.tsv -o m.gru t.npy
    sed 's/fine/great/' vocab.tsv >other.tsv
    gru-model convert --attach other.tsv -o n.gru m.gru
    gru-model show --get vocab.tsv n.gru | cmp - other.tsv
    [ "$(gru-model show --get classes n.gru)" = $'great\ngrim' ]
    gru-model convert --detach vocab.tsv -o bare.gru m.gru
    [ "$(gru-model show --get classes bare.gru)" = $'fine\ngrim' ]
    fails_with 1 "there is no 'vocab.tsv'" gru-model show --get vocab.tsv bare.gru
    fails_with 1 'bare.gru: no vocab.tsv is attached' gru-model convert --detach vocab.tsv bare.gru
    fails_with 2 "'arch': expected vocab.tsv" gru-model convert --detach arch m.gru
    fails_with 1 'r.csv: not a file that' gru-model convert --attach r.csv m.gru
    fails_with 1 "not a model of this toolkit" gru-model convert "$keras"
    fails_with 2 '--detach belongs to' gru-model import --detach vocab.tsv m.gru
    fails_with 2 '--attach belongs to' gru-model show --attach vocab.tsv m.gru
}

@test "Keras's network gives Keras's answers" {
    gru-model import --from keras --arch "$sentiment" "$keras" -o s.gru
    # The ids and the answers of the same golden network.
    golden=$T/golden/nn/net-sentiment.safetensors
    tensor x $((7 * 20 * 4)) >x.raw
    tensor out $((7 * 4)) | od -An -v -tf4 -w4 | awk '{ printf "%.4f\n", $1 }' >want
    header="{'descr': '<i4', 'fortran_order': False, 'shape': (7, 20), }"
    { printf '\223NUMPY\001\000\166\000%-117s\n' "$header" && cat x.raw; } >x.npy
    gru-predict s.gru x.npy | awk 'NR > 1 { printf "%.4f\n", $3 }' | cmp - want
}

@test "PyTorch's layer normalisation gives PyTorch's answers" {
    norm=$T/golden/weights/torch-layer-norm-epsilon.safetensors
    golden=$T/golden/nn/torch-layer-norm-epsilon.safetensors
    gru-model import --from torch --arch 'lstm 5; layer-norm; dense 2' "$norm" -o n.gru 2>err
    [ "$(cat err)" = "gru-model: PyTorch's own epsilon=0.00001 where the architecture says none: 1 layer-norm" ]
    [ "$(gru-model show --get arch n.gru)" = $'lstm 5\nlayer-norm epsilon=0.00001\ndense 2' ]
    tensor x $((4 * 5 * 3 * 4)) >x.raw
    tensor out $((4 * 2 * 4)) | od -An -v -tf4 -w8 | awk '{ printf "%.4f %.4f\n", $1, $2 }' >want
    header="{'descr': '<f4', 'fortran_order': False, 'shape': (4, 5, 3), }"
    { printf '\223NUMPY\001\000\166\000%-117s\n' "$header" && cat x.raw; } >x.npy
    gru-predict n.gru x.npy | awk 'NR > 1 { printf "%.4f %.4f\n", $(NF - 1), $NF }' | cmp - want
    gru-model export --to torch n.gru -o back 2>err
    [ ! -s err ]
    gru-model import --from torch --arch 'lstm 5; layer-norm epsilon=1e-5; dense 2' back -o again.gru 2>err
    [ ! -s err ]
    cmp <(gru-predict n.gru x.npy) <(gru-predict again.gru x.npy)
}

@test "an epsilon that the other library has to be told is a warning" {
    norm=$T/golden/weights/torch-layer-norm-epsilon.safetensors
    gru-model import --from torch --arch 'lstm 5; layer-norm epsilon=0.001; dense 2' "$norm" -o n.gru 2>err
    [ ! -s err ]
    gru-model export --to torch n.gru -o t 2>err
    [ "$(cat err)" = 'gru-model: PyTorch has to be told: 1 layer-norm epsilon=0.001' ]
    grep -aq 'layer-norm epsilon=0.001' t
    gru-model export --to keras n.gru -o k 2>err
    [ ! -s err ]
    gru-model import --from keras --arch 'lstm 5; layer-norm; dense 2' k -o k.gru
    [ "$(gru-model show --get arch k.gru)" = $'lstm 5\nlayer-norm\ndense 2' ]
    gru-model import --from torch --arch 'lstm 5; layer-norm; dense 2' "$norm" -o n.gru 2>err
    gru-model export --to keras n.gru -o k 2>err
    [ "$(cat err)" = 'gru-model: Keras has to be told: 1 layer-norm epsilon=0.00001' ]
}

@test "files can come and go through pipes" {
    gru-model import --from keras --arch "$sentiment" - <"$keras" | gru-model show - | grep -q 'gru 16'
    gru-model import --from keras --arch "$sentiment" <"$keras" | gru-model show | grep -q 'gru 16'
}

@test "weights that don't fit are listed with both shapes" {
    fails_with 1 "'1.kernel' is (8,48), expected (8,36)" \
        gru-model import --from keras --arch 'embedding 40 8; gru 12; gru 8; dropout 0.5; dense 1 sigmoid' "$keras" -o x
    grep -q "'2.kernel' is (16,24), expected (12,24)" err
    [ ! -e x ]
}

@test "weights that are missing or left over are listed" {
    fails_with 1 "'3.kernel' is missing, expected (8,1)" \
        gru-model import --from keras --arch 'embedding 40 8; gru 16; gru 8; dense 1 sigmoid' "$keras" -o x
    grep -q "'4.kernel' is no weight of this architecture" err
    [ ! -e x ]
}

@test "weights of the other library are refused" {
    fails_with 1 "'0.weight' is missing" gru-model import --from torch --arch "$sentiment" "$keras" -o x
    fails_with 1 "no weight '0.kernel'" gru-model import --from keras --arch 'lstm 6; lstm 4; dense 3' "$lstm" -o x
    [ ! -e x ]
}

@test "PyTorch has no GRU that resets before" {
    local before='embedding 40 8; gru 16 reset=before; dense 1'
    fails_with 1 'line 1: PyTorch has no GRU with reset=before' \
        gru-model import --from torch --arch "$before" "$keras" -o x
    [ ! -e x ]
}

@test "a mistake in the architecture is named with its word" {
    fails_with 1 "grue" gru-model import --from keras --arch 'grue 4' "$keras" -o x
    fails_with 1 "needs a sequence" gru-model import --from keras \
        --arch 'embedding 40 8; gru 16; pool max; gru 4' "$keras" -o x
    [ ! -e x ]
}

@test "truncated and corrupted models are refused" {
    gru-model import --from keras --arch "$sentiment" "$keras" -o s.gru
    head -c 5000 s.gru >short
    fails_with 1 short gru-model show short
    head -c 5 s.gru >shorter
    fails_with 1 shorter gru-model show shorter
    { head -c 6000 s.gru && printf XXXX && tail -c +6005 s.gru; } >bad
    fails_with 1 'bad: corrupted' gru-model show bad
    fails_with 1 'bad: corrupted' gru-model export --to torch bad -o x
    : >empty
    fails_with 1 empty gru-model show empty
    printf 'PK\3\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0net/data.pkl' >net.pt
    fails_with 1 "net.pt: is not a model or safetensors file but PyTorch's; gru-model(1)" gru-model show net.pt
    fails_with 1 "standard input: is not a model or safetensors file but PyTorch's" gru-model show <net.pt
    [ ! -e x ]
}

@test "weights are no model, a text is neither" {
    fails_with 1 'not a model' gru-model show "$keras"
    echo 'Date,Close' >t.csv
    fails_with 1 t.csv gru-model show t.csv
    fails_with 1 t.csv gru-model import --from keras --arch "$sentiment" t.csv -o x
    [ ! -e x ]
}

@test "a key that isn't there names those that are" {
    gru-model import --from keras --arch "$sentiment" "$keras" -o s.gru
    fails_with 1 "no 'scaler.tsv'; there are format, arch" gru-model show --get scaler.tsv s.gru
}

@test "a missing file or directory is named" {
    fails_with 1 'nowhere.gru' gru-model show nowhere.gru
    fails_with 1 'nowhere' gru-model import --from keras --arch "$sentiment" "$keras" -o nowhere/x
}

@test "a full disk is an error" {
    [ -e /dev/full ] || skip "no /dev/full"
    gru-model import --from keras --arch "$sentiment" "$keras" -o s.gru
    fails_with 1 'No space left' gru-model export --to torch s.gru -o /dev/full
    fails_with 1 'No space left' gru-model show s.gru -o /dev/full
}

@test "a closed pipe ends it quietly" {
    gru-model import --from keras --arch "$sentiment" "$keras" -o s.gru
    { gru-model show s.gru 2>err || true; } | true
    [ ! -s err ]
}

@test "misuse is exit status 2" {
    fails_with 2 "unknown option '--frobnicate'" gru-model show --frobnicate x
    fails_with 2 "'train': expected show, convert, import or export" gru-model train x
    fails_with 2 -- gru-model
    fails_with 2 'needs --from' gru-model import "$keras"
    fails_with 2 'needs --to' gru-model export "$keras"
    fails_with 2 '--to belongs to' gru-model show --to keras "$keras"
    fails_with 2 caffe gru-model import --from caffe --arch gru "$keras"
}

@test "help and version" {
    run -0 gru-model --help
    [[ $output == *--from*--arch* ]]
    run -0 gru-model --version
    [[ $output == gru-model* ]]
}

@test "show --weights lists them, --weight prints one number by number" {
    gru-model import --from keras --arch "$sentiment" "$keras" -o s.gru
    gru-model show --weights s.gru >list
    [ "$(cut -f 1-3 list | sed -n '2p;4p;5p')" = "$(printf '0.embeddings\t(40, 8)\t320\n1.recurrent_kernel\t(16, 48)\t768\n1.bias\t(2, 48)\t96')" ]
    gru-model show --weight 1.recurrent_kernel s.gru >table
    [ "$(head -n 1 table | cut -f 1,2,17,18,34,49)" = "$(printf 'row\tz_1\tz_16\tr_1\th_1\th_16')" ]
    golden=$keras
    tensor 1.recurrent_kernel 3072 | od -An -v -tf4 -w4 >want
    sed 1d table | cut -f 2- | tr '\t' '\n' | paste - want |
        awk '{ d = $1 - $2; if (!(d < 1e-7 && -d < 1e-7)) exit 1 } END { exit NR != 768 }'
    # least, mean, most
    awk 'NR == 1 || $1 < l { l = $1 } NR == 1 || $1 > m { m = $1 } { s += $1 }
        END { printf "%.5f %.5f %.5f\n", l, s / NR, m }' want >figures
    grep '^1.recurrent_kernel' list | awk -F'\t' '{ printf "%.5f %.5f %.5f\n", $4, $5, $6 }' | cmp - figures
    [ "$(gru-model show --weight 0.embeddings s.gru | sed -n '1p;2p' | cut -f 1 | xargs)" = 'token 0' ]
    [ "$(gru-model show --weight 4.bias s.gru | head -n 1)" = "$(printf 'row\tw_1')" ]
    fails_with 2 "there is no weight '1.kernels'; there are 0.embeddings, 1.kernel" gru-model show --weight 1.kernels s.gru
    fails_with 2 'exclude each other' gru-model show --weights --weight 1.kernel s.gru
    fails_with 2 "belongs to 'gru-model show'" gru-model export --to keras --weights s.gru
}
