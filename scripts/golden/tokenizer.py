"""Golden ids and weights from Keras's own Tokenizer, for lib/text/corpus_test.c.

    python scripts/golden/tokenizer.py >testdata/golden/tokenizer.tsv

Made with the versions in the file's `keras` and `python` columns. One line a text and case; `ids` are
padded and cut to 6 (pre, pre), `tfidf` and `freq` are texts_to_matrix's values for ids 1, 2, ….
"""
import platform

import keras
from keras.src.legacy.preprocessing.text import Tokenizer
from keras.src.utils.sequence_utils import pad_sequences

TEXTS = [
    'The quick brown fox, the lazy dog: "the END".',
    "Don't stop\tbelieving -- it's 100% true!\nThe end?",
    'ÄPFEL und Äpfel; ΟΔΟΣ ΣΑΣ Σ. İstanbul ǅ',
    'great　movie\u00a0really … great',
    '很好，很好！ 服務 很好',
    '...!!!',
    '',
    'a b a c a b the the the the fox\rfox',
    '😀 👍🏽 naïve NAÏVE café',
]
CASES = {
    'plain': {},
    'size': {'num_words': 8},
    'oov': {'num_words': 8, 'oov_token': '<oov>'},
    'case': {'lower': False},
    'filters': {'filters': 'aeiou，！'},
}


def escape(text):
    return text.replace('\\', '\\\\').replace('\t', '\\t').replace('\n', '\\n').replace('\r', '\\r')


print('case', 'keras', 'python', 'text', 'ids', 'tfidf', 'freq', sep='\t')
for case, options in CASES.items():
    tokenizer = Tokenizer(**options)
    tokenizer.fit_on_texts(TEXTS)
    ids = pad_sequences(tokenizer.texts_to_sequences(TEXTS), maxlen=6)
    tfidf = tokenizer.texts_to_matrix(TEXTS, 'tfidf')
    freq = tokenizer.texts_to_matrix(TEXTS, 'freq')
    for row, text in enumerate(TEXTS):
        print(case, keras.__version__, platform.python_version(), escape(text), ' '.join(map(str, ids[row])),
              *(' '.join('%.17g' % v for v in m[row][1:]) for m in (tfidf, freq)), sep='\t')
