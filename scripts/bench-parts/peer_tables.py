"""Keras's Tokenizer and pandas on tables of texts and of prices:

    peer_tables.py ASK ANSWER REVIEWS.csv PRICES.csv WORDS STEPS

See peer.py. All measures are in seconds; `tokenize` fits on the column `text` in memory, maps and pads.
"""
import os
import sys

os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
import pandas

from peer import seconds, serve

ask, answer, reviews, prices, words, steps = sys.argv[1:]


def tokenize():
    from keras.src.legacy.preprocessing.text import Tokenizer
    from keras.utils import pad_sequences
    texts = list(pandas.read_csv(reviews, dtype={'text': str})['text'])

    def fit_and_map():
        t = Tokenizer(int(words))
        t.fit_on_texts(texts)
        pad_sequences(t.texts_to_sequences(texts), int(steps))
    return seconds(fit_and_map)


serve(ask, answer, {'hello': lambda: f'pandas {pandas.__version__}',
                    'tokenize': tokenize,
                    'reviews': lambda: seconds(lambda: pandas.read_csv(reviews)),
                    'prices': lambda: seconds(lambda: pandas.read_csv(prices))})
