#!/bin/sh
# Sentiment with one GRU layer and a softmax over the classes, two or more as the labels have it: sentiment.sh,
# which see, with another network.
exec sh "$(dirname "$0")/sentiment.sh" arch=sentiment-softmax.arch out=build/sentiment-softmax "$@"
