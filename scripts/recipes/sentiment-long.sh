#!/bin/sh
# Sentiment for accuracy: sentiment.sh, which see, with 400 words of each text, as it matters what long ones
# say before their end; no words seen once; a network that forgets much; weights that decay; a rate that
# falls to 0 within six epochs; the weights of the epoch that validated best. For some thousands of
# texts and more. Chinese is cut into words, which beat characters here; segment=space is Keras's way.
exec sh "$(dirname "$0")/sentiment.sh" arch=sentiment-long.arch segment=word length=400 words=20000 rare=2 \
    optimizer=adamw:weight-decay=0.3 average=0 epochs=6 stopping=patience=3,restore-best \
    more='--lr-cosine end=0 --bucket' out=build/sentiment-long "$@"
