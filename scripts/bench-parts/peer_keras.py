"""Keras, with TensorFlow behind it; the word xla has it compile with XLA. See peer.py."""
import os

os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
import keras
import tensorflow
from keras import layers as L

from peer import BATCH, PREDICT_BATCH, Arguments, rate, serve, single_time

LOSSES = {'softmax': 'sparse_categorical_crossentropy', 'sigmoid': 'binary_crossentropy', 'linear': 'mse'}


def build(n):
    inputs = h = L.Input((n.steps,), dtype='int32') if n.vocab else L.Input((n.steps, n.features))
    if n.vocab:
        h = L.Embedding(n.vocab, n.features)(inputs)
    for i, units in enumerate(n.hidden):
        last = i == len(n.hidden) - 1
        layer = L.GRU(units, return_sequences=not last or bool(n.attention))
        h = (L.Bidirectional(layer) if n.bidirectional else layer)(h)
        if n.dropout and (last or not n.vocab):
            h = L.Dropout(n.dropout)(h)
    if n.attention:
        score = L.Dense(1)(L.Dense(n.attention, activation='tanh')(h))
        h = keras.ops.sum(h * L.Softmax(axis=1)(score), axis=1)
    return keras.Model(inputs, L.Dense(n.outputs, activation=n.activation)(h))


a = Arguments()
x, y, rows = a.x, a.y, len(a.x)
xla = 'xla' in a.words
model = build(a.network)
model.compile(optimizer='adam', loss=LOSSES[a.network.activation], jit_compile=xla)


def fit(count):
    model.fit(x[:count], y[:count], batch_size=BATCH, verbose=0)
    yield count


def predict(count=rows):
    model.predict(x[:count], batch_size=PREDICT_BATCH, verbose=0)
    yield count


def hello():
    rate(lambda: fit(2 * BATCH))
    return f'Keras {keras.__version__} (TensorFlow {tensorflow.__version__})'


def predict_warm():
    rate(lambda: predict(PREDICT_BATCH))
    return rate(predict, a.least)


serve(a.ask, a.answer, {'hello': hello,
                        'train': lambda: rate(lambda: fit(rows)),
                        'predict': predict_warm,
                        'single': lambda: single_time(lambda i: model.predict_on_batch(x[i:i + 1]), rows, a.least)})
