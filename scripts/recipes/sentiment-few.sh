#!/bin/sh
# Sentiment with few texts, some thousands, which a network soon knows by heart: sentiment.sh, which see,
# with measures against that. Whole texts (400 words), as the ends of long ones matter too; no words seen
# once; a smaller network of which more is dropped; weights that decay; a rate that falls to 0 within
# six epochs; the weights of the epoch that validated best. Segment=word beats characters in Chinese.
exec sh "$(dirname "$0")/sentiment.sh" arch=sentiment-few.arch segment=word length=400 words=20000 rare=2 \
    optimizer=adamw:weight-decay=0.3 epochs=6 stopping=patience=3,restore-best \
    more='--lr-cosine end=0 --bucket' out=build/sentiment-few "$@"
