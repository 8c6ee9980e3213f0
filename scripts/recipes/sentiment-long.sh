#!/bin/sh
# Sentiment with more of each text and a better network: sentiment.sh, which see, with 400 words a text,
# 20,000 words in the vocabulary, a rate that falls when validation stalls, and the weights of the
# epoch that validated best. For Chinese reviews give segment=word, which beats characters here.
exec sh "$(dirname "$0")/sentiment.sh" arch=sentiment-long.arch length=400 words=20000 \
    stopping=patience=2,restore-best more='--reduce-lr factor=0.3,patience=1' \
    out=build/sentiment-long "$@"
