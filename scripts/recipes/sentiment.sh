#!/bin/sh
# Sentiment: from a CSV of texts with labels to a model, its scores, and labels for new sentences.
#
#     sh scripts/recipes/sentiment.sh
#     sh scripts/recipes/sentiment.sh input=reviews.csv text=review label=label out=/tmp/mine
here=$(dirname "$0")

# Arguments are name=value; what they mean and their defaults:
input=$here/../../testdata/reviews.csv # table with a header line; .gz is fine
text=text                              # the column of texts
label=sentiment                        # the column of labels; any words will do
test=                                  # a file of test rows of its own; without it 20 % of input are held out
segment=auto                           # char for Chinese by characters, space for words as Keras has them
length=100                             # words (or characters) of a text that the network sees
words=10000                            # of the vocabulary
rare=1                                 # words seen fewer times than this get no number
arch=sentiment.arch                    # the network; a file beside this script, or anywhere
optimizer=adam                         # and its settings, as gru-train has them
average=                               # epochs of weights that are averaged; without it 1 of 5 and more; 0: the last ones
epochs=20                              # at most
stopping=patience=3                    # training stops 3 epochs after the validation loss was lowest
sentences=                             # a file of new texts to label, one a line; without it four in Chinese
more=                                  # other options of gru-train
seed=42                                # of the weights and the shuffling; the split's is always 42
threads=                               # of work, unless all processors; the result is the same
out=build/sentiment                    # everything made goes here
for argument; do
    case $argument in
    input=* | text=* | label=* | test=* | segment=* | length=* | words=* | rare=* | arch=* | \
        optimizer=* | average=* | epochs=* | stopping=* | sentences=* | more=* | \
        seed=* | threads=* | out=*)
        export "${argument?}"
        ;;
    *)
        echo "sentiment.sh: $argument: no such argument; see the top of the script" >&2
        exit 2
        ;;
    esac
done

set -eu
PATH=${GRU_BIN:-$here/../../build}:$PATH
[ -f "$arch" ] || arch=$here/$arch
[ -n "$average" ] || average=$(awk -v n="$epochs" 'BEGIN { print (n > 4) }')
mkdir -p "$out"

# The sentences of the last step; a file that is missing should be known before training is over.
if [ -n "$sentences" ]; then
    cat "$sentences" >"$out/sentences.new"
else
    cat >"$out/sentences.new" <<'END'
這個產品太棒了，我非常喜歡！
服務很差，態度惡劣，不會再光顧。
價格合理，品質一般。
雖然外表不起眼，但實用性很強。
END
fi
mv "$out/sentences.new" "$out/sentences.txt"

# 1. Texts become rows of 100 word numbers (length), short ones padded and long ones cut at the front;
#    the 10,000 commonest words (words) are kept, and remembered with the labels in vocab.tsv.
# 2. Rows are dealt out by chance: for testing, for validation (10 % of the rest), for training.
if [ -z "$test" ]; then
    gru-tokenize --fit "$out/vocab.tsv" --text "$text" --label "$label" --segment "$segment" \
        --vocab-size "$words" --min-count "$rare" --max-len "$length" --padding pre --truncating pre "$input" |
        gru-split --order random --test 20% --validation 10% --seed 42 \
            "$out/train.npy" "$out/validation.npy" "$out/test.npy"
else
    gru-tokenize --fit "$out/vocab.tsv" --text "$text" --label "$label" --segment "$segment" \
        --vocab-size "$words" --min-count "$rare" --max-len "$length" --padding pre --truncating pre "$input" |
        gru-split --order random --test 10% --seed 42 "$out/train.npy" "$out/validation.npy"
    gru-tokenize --vocab "$out/vocab.tsv" --text "$text" --label "$label" -o "$out/test.npy" "$test"
fi

# A network that ends in a softmax gets an output for each class that there is; one output is for two classes.
classes=$(grep -c '^#class' "$out/vocab.tsv" || :)
if [ "$classes" -gt 2 ]; then
    grep -q '^[^#]*softmax' "$arch" || {
        echo "sentiment.sh: $label has $classes classes; sentiment-softmax.sh tells more than two apart" >&2
        exit 1
    }
    sed "s/^\([^#]*dense \)[0-9]* softmax/\1$classes softmax/" "$arch" >"$out/network.arch"
    arch=$out/network.arch
fi

# shellcheck disable=SC2086 # more is a list of words
# 3. Training. What is kept is a moving average of the weights: from batch to batch the last ones waver
#    about it. The vocabulary goes into the model, so that one file is all that prediction needs.
gru-train --arch "$arch" --attach "$out/vocab.tsv" --summary \
    --optimizer "$optimizer" --average "$average" --batch-size 32 --epochs "$epochs" --seed "$seed" \
    ${threads:+--threads "$threads"} \
    --validation "$out/validation.npy" --monitor val_loss --early-stopping "$stopping" \
    $more --history "$out/history.tsv" -o "$out/model.gru" "$out/train.npy"

# 4. Scores on the rows held out: accuracy, the classification report, the confusion matrix.
gru-predict -o "$out/predictions.tsv" "$out/model.gru" "$out/test.npy"
gru-eval -o "$out/report.txt" "$out/predictions.tsv"
cat "$out/report.txt"

# 5. Figures. Without gnuplot there are none, and nothing else is missing.
gru-plot history -o "$out/history.png" "$out/history.tsv" || :
gru-plot confusion -o "$out/confusion.png" "$out/predictions.tsv" || :

# 6. New sentences, one a line; each answer beside its sentence.
gru-predict --raw -o "$out/answers.tsv" "$out/model.gru" "$out/sentences.txt"
{ echo text && cat "$out/sentences.txt"; } | paste "$out/answers.tsv" -
