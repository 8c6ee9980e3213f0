# Stock as a Makefile: put new rows into INPUT, say make, and get a new model and forecast.
#
#     make -f scripts/recipes/stock.mk INPUT=aapl.csv OUT=aapl
#
# The same steps as stock.sh, which explains them.
HERE := $(dir $(lastword $(MAKEFILE_LIST)))
INPUT ?= $(HERE)../../testdata/prices.csv
COLUMN ?= Close
FEATURES ?= $(COLUMN)
INDEX ?= Date
ARCH ?= $(HERE)stock.arch
EPOCHS ?= 50
AVERAGE ?= $(shell echo $$(($(EPOCHS) < 48 ? $(EPOCHS) / 12 : 4)))
SEED ?= 42
# Days to forecast; further than one only what a network that sees nothing else predicts.
STEPS ?= $(if $(subst $(COLUMN),,$(FEATURES)),1,5)
OUT ?= build/stock
export PATH := $(abspath $(if $(GRU_BIN),$(GRU_BIN),$(HERE)../../build)):$(PATH)

.DELETE_ON_ERROR:
.PHONY: all
all: $(OUT)/report.txt $(OUT)/forecast.tsv $(OUT)/history.png $(OUT)/series.png
	cat $(OUT)/report.txt $(OUT)/forecast.tsv

$(OUT)/windows.npy: $(INPUT)
	mkdir -p $(OUT)
	gru-scale --fit $(OUT)/scaler.tsv --fit-rows 80% --columns "$(FEATURES),$(COLUMN)" $< | \
	  gru-window --fit $(OUT)/window.tsv --length 60 --features "$(FEATURES)" --target "$(COLUMN)" \
	    --index "$(INDEX)" -o $@

$(OUT)/train.npy: $(OUT)/windows.npy
	gru-split --order time --test 20% $@ $(OUT)/test.npy < $<

$(OUT)/model.gru: $(OUT)/train.npy $(ARCH)
	gru-train --arch $(ARCH) --attach $(OUT)/scaler.tsv --attach $(OUT)/window.tsv --average $(AVERAGE) \
	  --epochs $(EPOCHS) --seed $(SEED) --validation-split 10% --early-stopping patience=10,restore-best --history $(OUT)/history.tsv -o $@ $<

$(OUT)/predictions.tsv: $(OUT)/model.gru
	gru-predict -o $@ $< $(OUT)/test.npy

$(OUT)/report.txt: $(OUT)/predictions.tsv
	gru-eval -o $@ $<

$(OUT)/forecast.tsv: $(OUT)/model.gru
	gru-predict --raw --steps $(STEPS) -o $@ $< $(INPUT)

$(OUT)/history.png: $(OUT)/model.gru
	gru-plot history -o $@ $(OUT)/history.tsv

$(OUT)/series.png: $(OUT)/predictions.tsv
	gru-plot series --values "$(COLUMN)" -o $@ $<
