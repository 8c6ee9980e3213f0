# Sentiment as a Makefile: after a change only what depends on it is made again.
#
#     make -f scripts/recipes/sentiment.mk INPUT=reviews.csv TEXT=review LABEL=label OUT=mine
#
# The same steps as sentiment.sh, which explains them.
HERE := $(dir $(lastword $(MAKEFILE_LIST)))
INPUT ?= $(HERE)../../testdata/reviews.csv
TEXT ?= text
LABEL ?= sentiment
ARCH ?= $(HERE)sentiment.arch
EPOCHS ?= 20
AVERAGE ?= $(shell echo $$(($(EPOCHS) > 4)))
SEED ?= 42
OUT ?= build/sentiment
export PATH := $(abspath $(if $(GRU_BIN),$(GRU_BIN),$(HERE)../../build)):$(PATH)

.DELETE_ON_ERROR:
.PHONY: all
all: $(OUT)/report.txt $(OUT)/history.png $(OUT)/confusion.png
	cat $<

$(OUT)/tokens.npy: $(INPUT)
	mkdir -p $(OUT)
	gru-tokenize --fit $(OUT)/vocab.tsv --text "$(TEXT)" --label "$(LABEL)" --vocab-size 10000 \
	  --max-len 100 -o $@ $<

$(OUT)/train.npy: $(OUT)/tokens.npy
	gru-split --order random --test 20% --validation 10% --seed 42 $@ $(OUT)/validation.npy $(OUT)/test.npy < $<

$(OUT)/model.gru: $(OUT)/train.npy $(ARCH)
	gru-train --arch $(ARCH) --attach $(OUT)/vocab.tsv --average $(AVERAGE) --epochs $(EPOCHS) --seed $(SEED) \
	  --validation $(OUT)/validation.npy --early-stopping patience=3 --history $(OUT)/history.tsv -o $@ $<

$(OUT)/predictions.tsv: $(OUT)/model.gru
	gru-predict -o $@ $< $(OUT)/test.npy

$(OUT)/report.txt: $(OUT)/predictions.tsv
	gru-eval -o $@ $<

$(OUT)/history.png: $(OUT)/model.gru
	gru-plot history -o $@ $(OUT)/history.tsv

$(OUT)/confusion.png: $(OUT)/predictions.tsv
	gru-plot confusion -o $@ $<
