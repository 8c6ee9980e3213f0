#!/bin/sh
# Sentiment with a single layer of 128 units: sentiment.sh, which see, with another network.
exec sh "$(dirname "$0")/sentiment.sh" arch=sentiment-single.arch out=build/sentiment-single "$@"
