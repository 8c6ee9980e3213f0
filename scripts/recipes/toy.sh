#!/bin/sh
# Three sequences of two numbers, [1,2] [3,4] [5,6], learned by heart as 10, 20, 30.
#
#     sh scripts/recipes/toy.sh [out=DIR]
out=build/toy
case ${1-} in
'') ;;
out=*) out=${1#out=} ;;
*)
    echo "toy.sh: $1: no such argument; there is out=DIR" >&2
    exit 2
    ;;
esac

set -eu
here=$(dirname "$0")
PATH=${GRU_BIN:-$here/../../build}:$PATH
mkdir -p "$out"

# Each sequence is a group of three rows: a window of two, and its target.
gru-window --length 2 --features value --target value --group sequence \
    -o "$out/train.npy" "$here/../../testdata/toy.csv"
gru-train -q --arch "$here/toy.arch" --loss mse --optimizer adam --lr 0.05 --batch-size 3 --epochs 1000 \
    --history "$out/history.tsv" -o "$out/model.gru" "$out/train.npy"
tail -n 1 "$out/history.tsv"
gru-predict "$out/model.gru" "$out/train.npy"
