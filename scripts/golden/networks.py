"""Writes testdata/golden/nn/*.safetensors: outputs, losses and gradients of Keras and PyTorch.

    python scripts/golden/networks.py [DIRECTORY [NAME...]]

(and testdata/golden/weights/*.safetensors, the weights of some of them as a user would bring them).
Each file is one network on random data. Metadata: `arch`, `from` (keras, torch), `loss`, `mode`
(inference, or training where batch-norm uses the batch's own statistics and dropout drops),
`batches` (rows of each batch, where there are several), `versions`. Tensors: `x`, `y`, `len` (where
sequences have lengths of their own), the weights `<n>.<weight>`, `out`, `loss` (one a batch) and
`grad.<n>.<weight>`, the gradient of the loss that was averaged over the batch, of further batches
`grad1.…`, `grad2.…`; where outputs of masked steps mean nothing, `out` holds NaN.
`after.<n>.<weight>` is what training changed beside the gradients (batch-norm's statistics).
"""
import os
import sys
import zlib

import numpy as np
from safetensors.numpy import load_file, save_file

from reference import VERSIONS, KerasNetwork, TorchNetwork, keras, torch

OPS = keras.ops
CASES = {}


def quantile_loss(*levels):
    def loss(y, out):
        q = OPS.convert_to_tensor(np.array(levels))
        error = y - out
        return OPS.mean(OPS.maximum(q * error, (q - 1) * error), axis=-1)
    return loss


KERAS_LOSSES = {
    'binary-crossentropy': lambda: keras.losses.BinaryCrossentropy(),
    'binary-crossentropy:smoothing=0.1':
        lambda: keras.losses.BinaryCrossentropy(label_smoothing=0.1),
    'categorical-crossentropy': lambda: keras.losses.SparseCategoricalCrossentropy(),
    'categorical-crossentropy:smoothing=0.1':
        lambda: keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
    'mse': lambda: keras.losses.MeanSquaredError(),
    'mae': lambda: keras.losses.MeanAbsoluteError(),
    'huber': lambda: keras.losses.Huber(),
    'huber:delta=0.3': lambda: keras.losses.Huber(delta=0.3),
    'quantile:0.1/0.5/0.9': lambda: quantile_loss(0.1, 0.5, 0.9),
}
TORCH_LOSSES = {
    'binary-crossentropy': torch.nn.functional.binary_cross_entropy_with_logits,
    'categorical-crossentropy': torch.nn.functional.cross_entropy,
    'mse': torch.nn.functional.mse_loss,
}


def case(name, arch, loss='mse', **options):
    assert name not in CASES, name
    CASES[name] = dict(arch=arch, loss=loss, **options)


# ---- the data ----

def lengths_of(rng, batch, steps, shortest=0):
    """Every length from the shortest to steps, as far as the batch goes."""
    return rng.permutation(np.maximum(np.arange(batch) % (steps + 1), shortest))


def spread_lengths(rng, batch, steps, first):
    """Lengths of 0 … steps, no two alike where the batch is smaller; the first is given."""
    order = np.concatenate([rng.permutation(steps + 1) for _ in range(batch // (steps + 1) + 1)])
    order[0] = first
    return order[:batch]


def pad_rows(x, lengths, side):
    for row, valid in zip(x, lengths):
        if side == 'pre':
            row[:len(row) - valid] = 0
        else:
            row[valid:] = 0


def make_input(rng, options, vocabulary):
    batch, steps = sum(batches_of(options)), options.get('steps', 5)
    if not vocabulary:
        return rng.standard_normal((batch, steps, options.get('features', 3))).astype(np.float32)
    x = rng.integers(1, vocabulary, (batch, steps)).astype(np.int32)
    pad = options.get('pad')
    if pad == 'both':  # half of the batches on one side, half on the other
        parts = split(x, options)
        for index, part in enumerate(parts):
            post = index >= len(parts) // 2
            pad_rows(part, spread_lengths(rng, len(part), steps, steps if post else 0),
                     'post' if post else 'pre')
    elif pad:
        pad_rows(x, lengths_of(rng, batch, steps, options.get('shortest', 0)), pad)
    return x


def batches_of(options):
    """Rows of each batch."""
    return options.get('batches', (options.get('batch', 4),))


def split(rows, options):
    """What belongs to each batch, of what belongs to all rows."""
    return np.split(rows, np.cumsum(batches_of(options))[:-1])


def make_target(rng, loss, shape, numbers=False):
    """A target for outputs of this shape: numbers, or class ids, or (`numbers`) classes one-hot."""
    if loss.startswith('binary') and len(shape) == 2 and shape[1] == 1 and not numbers:
        return rng.integers(0, 2, shape[:1]).astype(np.int32)
    if loss.startswith('categorical') and numbers:
        return np.eye(shape[-1], dtype=np.float32)[rng.integers(0, shape[-1], shape[:-1])]
    if loss.startswith('categorical'):
        return rng.integers(0, shape[-1], shape[:-1]).astype(np.int32)
    if loss.startswith('binary'):
        return rng.integers(0, 2, shape).astype(np.float32)
    if loss.startswith('quantile'):
        return rng.standard_normal(shape[:-1] + (1,)).astype(np.float32)
    return rng.standard_normal(shape).astype(np.float32)


# ---- one file ----

def negate_update_gate(tensors, layers):
    """update=new is update=keep with the update gate's argument negated: 1 − σ(a) = σ(−a)."""
    for index, layer in enumerate(layers):
        if layer.options.get('update') != 'new':
            continue
        for name, tensor in tensors.items():
            if name.startswith(f'{index}.'):
                tensor[..., :tensor.shape[-1] // 3] *= -1


def run_keras(options, x, seed, rng):
    network = KerasNetwork(options['arch'], split(x, options)[0])
    network.randomize(seed, options.get('scale', 1.0), options.get('logits', 1.0))
    y = make_target(rng, options['loss'], x.shape[:1] + network.model.output_shape[1:],
                    options.get('numbers'))
    tensors = {name: value.copy() for name, value in network.weights().items()}
    training = options.get('training', False)
    loss = (keras.losses.CategoricalCrossentropy() if options.get('numbers') == 'one-hot'
            else KERAS_LOSSES[options['loss']]())
    runs = []
    for network.batch, (part, target) in enumerate(zip(split(x, options), split(y, options))):
        out, value, gradients = network.run(part, target, loss, training)
        if not training and any(layer.kind == 'batch-norm' for layer in network.layers):
            gradients = {}
        negate_update_gate(gradients, network.layers)
        runs.append((out, value, gradients))
    negate_update_gate(tensors, network.layers)
    after = {name: np.array(v.value) for name, v in network.variables.items()
             if training and not v.trainable}
    return y, tensors, runs, after


def run_torch(options, x, seed, rng):
    network = TorchNetwork(options['arch'], x)
    network.randomize(seed, options.get('scale', 1.0))
    lengths = None
    if options.get('pad') and x.ndim == 3:
        lengths = torch.from_numpy(np.maximum(lengths_of(rng, *x.shape[:2]), 1))
    with torch.no_grad():
        shape = tuple(network(x, lengths).shape)
    network.reset_states()
    y = make_target(rng, options['loss'], shape)
    tensors = {name: value.copy() for name, value in network.weights().items()}
    runs = [network.run(part, target, TORCH_LOSSES[options['loss']], lengths)
            for part, target in zip(split(x, options), split(y, options))]
    return y, tensors, runs, lengths


def make(directory, name, options):
    seed = zlib.crc32(name.encode())
    rng = np.random.default_rng(seed)
    library = options.get('library', 'keras')
    words = options['arch'].split()
    vocabulary = int(words[1]) if words[0] == 'embedding' else 0
    x = make_input(rng, options, vocabulary)
    tensors = {'x': x}
    if library == 'keras':
        y, weights, runs, after = run_keras(options, x, seed, rng)
        tensors.update({f'after.{k}': v.astype(np.float32) for k, v in after.items()})
    else:
        y, weights, runs, lengths = run_torch(options, x, seed, rng)
        if lengths is not None:
            tensors['len'] = lengths.numpy().astype(np.int32)
    tensors['y'] = y
    tensors['out'] = np.concatenate([out for out, _, _ in runs]).astype(np.float32)
    tensors['loss'] = np.array([loss for _, loss, _ in runs], np.float32)
    tensors.update({k: v.astype(np.float32) for k, v in weights.items()})
    for index, (_, loss, gradients) in enumerate(runs):
        assert np.isfinite(loss), name
        tensors.update({f'grad{index or ""}.{k}': v.astype(np.float32)
                        for k, v in gradients.items()})
    metadata = {'arch': options['arch'], 'from': library, 'loss': options['loss'],
                'mode': 'training' if options.get('training') else 'inference',
                'versions': VERSIONS}
    if len(runs) > 1:
        metadata['batches'] = ' '.join(str(rows) for rows in batches_of(options))
    path = os.path.join(directory, name + '.safetensors')
    save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, path, metadata)
    return os.path.getsize(path)


# ---- the cells ----

for reset in ('after', 'before'):
    for update in ('keep', 'new'):
        case(f'gru-{reset}-{update}', f'gru 6 reset={reset} update={update}; dense 2 linear')
    case(f'gru-{reset}-no-bias', f'gru 6 reset={reset} no-bias; dense 2 linear')
    case(f'gru-{reset}-sequences', f'gru 5 reset={reset} sequences; dense 2 linear')
case('lstm', 'lstm 6; dense 2 linear')
case('lstm-no-bias', 'lstm 6 no-bias; dense 2 linear')
case('lstm-sequences', 'lstm 5 sequences; dense 2 linear')
case('rnn-tanh', 'rnn 6; dense 2 linear')
case('rnn-relu', 'rnn 6 relu; dense 2 linear')
case('rnn-no-bias', 'rnn 6 no-bias; dense 2 linear')
for cell in ('gru', 'lstm', 'rnn'):
    case(f'{cell}-alone', f'{cell} 3')
    case(f'{cell}-stacked', f'{cell} 8; {cell} 6; {cell} 4; dense 3 softmax',
         'categorical-crossentropy')
    for merge in ('concat', 'sum', 'average', 'multiply'):
        case(f'{cell}-bidirectional-{merge}', f'{cell} 4 bidirectional={merge}; dense 2 linear')
    case(f'{cell}-bidirectional-stacked',
         f'{cell} 4 bidirectional; {cell} 3 bidirectional=sum; dense 2 linear')
    for batch in (1, 7, 32):
        for steps in (1, 2, 50):
            if cell == 'gru' or (batch, steps) in ((1, 1), (7, 50), (32, 2)):
                case(f'{cell}-batch-{batch}-steps-{steps}', f'{cell} 5; dense 1 linear',
                     batch=batch, steps=steps)
for units in (1, 3, 8, 16, 17, 33):
    case(f'gru-units-{units}', f'gru {units}; dense 1 linear', batch=5, steps=3)
case('gru-features-1', 'gru 5; dense 1 linear', features=1)
case('gru-features-19', 'gru 5; dense 1 linear', features=19, steps=3)
case('gru-residual', 'gru 3 residual; gru 3 residual; gru 4; dense 1 linear')
case('gru-saturated', 'gru 6; dense 1 linear', scale=12.0)
case('lstm-saturated', 'lstm 6; dense 1 linear', scale=12.0)

case('gru-residual-last', 'gru 3 residual; dense 1 linear')
case('gru-residual-projection', 'gru 5 residual; gru 4 residual; dense 1 linear')
case('lstm-residual-bidirectional', 'lstm 4 bidirectional residual; gru 3; dense 1 linear')
for cell in ('gru', 'lstm', 'rnn'):
    case(f'{cell}-norm', f'{cell} 5 layer-norm; dense 2 linear')
    case(f'{cell}-learned-state', f'{cell} 5 learned-state; dense 2 linear')
case('gru-before-norm', 'gru 5 reset=before layer-norm sequences; dense 2 linear')

# ---- masks ----

for side in ('pre', 'post'):
    for cell in ('gru', 'lstm', 'rnn'):
        case(f'mask-{side}-{cell}', f'embedding 12 4 mask; {cell} 5; dense 1 sigmoid',
             'binary-crossentropy', pad=side, batch=12, steps=6)
    case(f'mask-{side}-gru-before', 'embedding 12 4 mask; gru 5 reset=before; dense 1 sigmoid',
         'binary-crossentropy', pad=side, batch=12, steps=6)
    case(f'mask-{side}-stacked', 'embedding 12 4 mask; gru 5; lstm 4; dense 1 sigmoid',
         'binary-crossentropy', pad=side, batch=12, steps=6)
    for cell in ('gru', 'lstm'):
        case(f'mask-{side}-{cell}-bidirectional',
             f'embedding 12 4 mask; {cell} 4 bidirectional; dense 1 sigmoid',
             'binary-crossentropy', pad=side, batch=12, steps=6)
    case(f'mask-{side}-bidirectional-stacked',
         'embedding 12 4 mask; gru 4 bidirectional; gru 3 bidirectional; dense 1 sigmoid',
         'binary-crossentropy', pad=side, batch=12, steps=6)
    case(f'mask-{side}-attention', 'embedding 12 4 mask; gru 5; attention 3; dense 1 sigmoid',
         'binary-crossentropy', pad=side, batch=12, steps=6)
    case(f'mask-{side}-pool-max', 'embedding 12 4 mask; gru 5; pool max; dense 1 sigmoid',
         'binary-crossentropy', pad=side, batch=12, steps=6)
    case(f'mask-{side}-labelling', 'embedding 12 4 mask; gru 5 sequences; dense 3 softmax',
         'categorical-crossentropy', pad=side, batch=12, steps=6)
    case(f'mask-{side}-labelling-bidirectional',
         'embedding 12 4 mask; gru 5 bidirectional sequences; dense 3 softmax',
         'categorical-crossentropy', pad=side, batch=12, steps=6)
    case(f'mask-{side}-multi-label', 'embedding 12 4 mask; gru 5 sequences; dense 3 sigmoid',
         'binary-crossentropy', pad=side, batch=12, steps=6)
    case(f'mask-{side}-steps-50', 'embedding 12 3 mask; gru 4; dense 1 sigmoid',
         'binary-crossentropy', pad=side, batch=51, steps=50)
case('mask-post-pool-average', 'embedding 12 4 mask; gru 5; pool average; dense 1 sigmoid',
     'binary-crossentropy', pad='post', batch=12, steps=6, shortest=1)
case('mask-pre-learned-state', 'embedding 12 4 mask; gru 5 learned-state; dense 1 sigmoid',
     'binary-crossentropy', pad='pre', batch=12, steps=6, shortest=1)
case('mask-post-norm', 'embedding 12 4 mask; gru 5 layer-norm; dense 1 sigmoid',
     'binary-crossentropy', pad='post', batch=12, steps=6)
case('embedding-unmasked', 'embedding 12 4; gru 5; dense 1 sigmoid', 'binary-crossentropy',
     pad='pre', batch=12, steps=6)

# Every layer, padded on either side, with batches of 1, 7 and 32 rows of 0 to all steps valid.
MASKED = {
    'rnn': 'rnn 3', 'lstm': 'lstm 3', 'learned-state': 'gru 3 learned-state',
    'norm': 'gru 3 layer-norm', 'residual': 'gru 3 residual; gru 2 residual',
    'attention': 'gru 3; attention 2', 'layer-norm': 'gru 3; layer-norm; gru 2',
    'labelling': 'gru 3 sequences; dense 2 softmax',
}
MASKED.update({f'gru-{reset}-{update}': f'gru 3 reset={reset} update={update}'
               for reset in ('after', 'before') for update in ('keep', 'new')})
MASKED.update({f'bidirectional-{merge}': f'gru 2 bidirectional={merge}; lstm 2 bidirectional={merge}'
               for merge in ('concat', 'sum', 'average', 'multiply')})
MASKED.update({f'pool-{kind}': f'gru 3; pool {kind}' for kind in ('max', 'average', 'last')})
for steps in (1, 2, 50):
    sizes = dict(pad='both', steps=steps, batches=(1, 7, 32) * 2)
    for key, layers in MASKED.items():
        end, loss = (('', 'categorical') if key == 'labelling' else ('; dense 1 sigmoid', 'binary'))
        case(f'masks-{key}-{steps}', f'embedding 8 2 mask; {layers}{end}', f'{loss}-crossentropy',
             **sizes)
    for mode, training in (('', False), ('-training', True)):
        case(f'masks-batch-norm{mode}-{steps}',
             'embedding 8 2 mask; gru 3; batch-norm; gru 2; dense 1 sigmoid',
             'binary-crossentropy', training=training, **sizes)

# ---- states that last from batch to batch ----

for cell in ('gru', 'gru 4 reset=before', 'lstm', 'rnn'):
    case('stateful-' + cell.replace(' 4 reset=', '-'),
         f'{cell if " " in cell else cell + " 4"} stateful; dense 2 linear', batches=(18,) * 3,
         steps=3)
    if ' ' not in cell:
        case(f'torch-stateful-{cell}', f'{cell} 4 stateful; dense 2 linear', library='torch',
             batches=(18,) * 3, steps=3)
case('stateful-bidirectional', 'gru 3 bidirectional stateful; lstm 2 stateful; dense 2 linear',
     batches=(5,) * 3, steps=3)
case('stateful-labelling', 'embedding 9 3; lstm 4 stateful sequences; dense 3 softmax',
     'categorical-crossentropy', batches=(5,) * 3, steps=4)
for side in ('pre', 'post'):
    case(f'stateful-mask-{side}', 'embedding 9 3 mask; gru 4 stateful; lstm 3 stateful; '
         'dense 1 sigmoid', 'binary-crossentropy', batches=(5,) * 3, steps=4, pad=side, shortest=1)

# ---- dropout, with the masks that ours draws ----

DROPPED = {'inputs': 'dropout=0.4', 'states': 'recurrent-dropout=0.3',
           'both': 'dropout=0.2 recurrent-dropout=0.4'}
for key, options in DROPPED.items():
    for cell in ('gru', 'gru 5 reset=before', 'lstm', 'rnn'):
        case(f'dropout-{key}-' + cell.replace(' 5 reset=', '-'),
             f'{cell if " " in cell else cell + " 5"} {options}; dense 2 linear', features=9,
             batches=(18, 3), training=True)
    case(f'dropout-{key}-bidirectional',
         f'gru 4 bidirectional {options}; lstm 3 bidirectional {options}; dense 2 linear',
         batches=(18, 3), training=True)
    case(f'dropout-{key}-mask', f'embedding 9 4 mask; gru 4 {options}; dense 1 sigmoid',
         'binary-crossentropy', batches=(1, 7) * 2, pad='both', training=True)
case('dropout-norm', 'lstm 5 layer-norm dropout=0.2 recurrent-dropout=0.4; dense 2 linear',
     batches=(18, 3), training=True)
case('dropout-layers', 'dropout 0.2; gru 6; dropout 0.3; lstm 5; dropout 0.5; dense 2 linear',
     batches=(18, 3), training=True)

# ---- the other layers ----

for activation in ('linear', 'sigmoid', 'tanh', 'relu', 'softplus'):
    case(f'dense-{activation}', f'gru 4; dense 5 {activation}; dense 2 linear')
    case(f'dense-{activation}-last', f'gru 4; dense 3 {activation}',
         'binary-crossentropy' if activation == 'sigmoid' else 'mse')
case('dense-softmax-inside', 'gru 4; dense 5 softmax; dense 2 linear')
case('attention', 'gru 5; attention 4; dense 1 linear')
case('attention-bidirectional', 'gru 4 bidirectional; attention 3; dense 1 linear')
case('attention-lstm', 'lstm 5; attention 4; dense 3 softmax', 'categorical-crossentropy')
for kind in ('max', 'average', 'last'):
    case(f'pool-{kind}', f'gru 5; pool {kind}; dense 1 linear')
case('layer-norm', 'gru 5; layer-norm; dense 2 linear')
case('layer-norm-sequences', 'gru 5; layer-norm; gru 4; dense 2 linear')
# weights so small that epsilon counts
case('layer-norm-epsilon', 'gru 5; layer-norm epsilon=1e-5; dense 2 linear', scale=0.1)
case('batch-norm-epsilon', 'gru 5; batch-norm epsilon=1e-5; dense 2 linear', batch=9, scale=0.1)
case('batch-norm-epsilon-training', 'gru 5; batch-norm epsilon=0.01; dense 2 linear', batch=9,
     scale=0.1, training=True)
case('lstm-norm-epsilon', 'lstm 5 layer-norm epsilon=0.01; dense 2 linear', scale=0.1)
case('batch-norm-inference', 'gru 5; batch-norm; dense 2 linear', batch=9)
case('batch-norm-training', 'gru 5; batch-norm; dense 2 linear', batch=9, training=True)
case('batch-norm-sequences-training', 'gru 5; batch-norm; gru 4; dense 2 linear', batch=9,
     training=True)
case('dropout-inference', 'gru 5; dropout 0.5; dense 2 linear')
case('labelling-softmax', 'gru 5 sequences; dense 4 softmax', 'categorical-crossentropy')
case('labelling-sigmoid', 'gru 5 sequences; dense 4 sigmoid', 'binary-crossentropy')
case('labelling-numbers', 'lstm 5 sequences; dense 2 linear')

# ---- losses ----

for loss in ('mse', 'mae', 'huber', 'huber:delta=0.3'):
    case('loss-' + loss.replace(':', '-').replace('=', '-'), 'gru 4; dense 3 linear', loss,
         batch=9)
case('loss-quantile', 'gru 4; dense 3 linear', 'quantile:0.1/0.5/0.9', batch=9)
case('loss-binary', 'gru 4; dense 1 sigmoid', 'binary-crossentropy', batch=9)
case('loss-binary-saturated', 'gru 4; dense 1 sigmoid', 'binary-crossentropy', batch=9, logits=90.0)
case('loss-binary-numbers', 'gru 4; dense 1 sigmoid', 'binary-crossentropy', batch=9, numbers=True)
case('loss-binary-multi-label', 'gru 4; dense 5 sigmoid', 'binary-crossentropy', batch=9)
case('loss-binary-smoothed', 'gru 4; dense 1 sigmoid', 'binary-crossentropy:smoothing=0.1',
     batch=9)
case('loss-categorical', 'gru 4; dense 4 softmax', 'categorical-crossentropy', batch=9)
case('loss-categorical-saturated', 'gru 4; dense 4 softmax', 'categorical-crossentropy', batch=9,
     logits=90.0)
case('loss-categorical-one-hot', 'gru 4; dense 4 softmax', 'categorical-crossentropy',
     batch=9, numbers='one-hot')
case('loss-categorical-smoothed', 'gru 4; dense 4 softmax',
     'categorical-crossentropy:smoothing=0.1', batch=9, numbers=True)
PENALTIES = 'kernel-l2=0.01 recurrent-l2=0.02 bias-l2=0.03'
case('penalty-gru-l2', f'gru 4 {PENALTIES}; dense 1 linear')
case('penalty-gru-l1', f'gru 4 {PENALTIES.replace("l2", "l1")}; dense 1 linear')
case('penalty-gru-both', f'gru 4 {PENALTIES} {PENALTIES.replace("l2", "l1")}; dense 1 linear')
case('penalty-lstm', f'lstm 4 {PENALTIES}; dense 1 linear')
case('penalty-bidirectional', f'gru 4 bidirectional {PENALTIES}; dense 1 linear')

# ---- whole networks: those of the workflows at a fraction of their size, and the text books' ----

case('net-sentiment', 'embedding 40 8; gru 16; gru 8; dropout 0.5; dense 1 sigmoid',
     'binary-crossentropy', batch=7, steps=20)
case('net-sentiment-single', 'embedding 40 8; gru 16; dense 1 sigmoid', 'binary-crossentropy',
     batch=7, steps=20)
case('net-sentiment-bidirectional',
     'embedding 40 8; gru 12 bidirectional; dropout 0.5; dense 2 softmax',
     'categorical-crossentropy', batch=7, steps=20)
case('net-stock', 'gru 12; dropout 0.2; gru 12; dropout 0.2; dense 1', features=1, batch=7,
     steps=30)
case('net-stock-multivariate', 'gru 20; dropout 0.2; gru 12; dropout 0.2; dense 1', features=5,
     batch=7, steps=15)
case('net-deep', 'gru 20; gru 12; gru 8; dense 10 softmax', 'categorical-crossentropy',
     features=16, batch=7, steps=10)
case('net-attention', 'gru 20; attention 16; dense 1', features=5, batch=7, steps=15)
case('net-labelling', 'embedding 30 6 mask; lstm 8 bidirectional sequences; dropout 0.3; '
     'dense 5 softmax', 'categorical-crossentropy', batch=7, steps=12, pad='post')
case('net-music', 'gru 12 sequences; dense 20 sigmoid', 'binary-crossentropy', features=20,
     batch=3, steps=12)
case('net-forecast', 'gru 12; gru 8; dense 5', features=2, batch=7, steps=15)
case('net-lstm', 'embedding 40 8 mask; lstm 12; dense 1 sigmoid', 'binary-crossentropy',
     batch=7, steps=20, pad='pre')
case('net-pooled', 'embedding 40 8 mask; gru 8 bidirectional; pool max; dropout 0.4; '
     'dense 6 relu; dense 1 sigmoid', 'binary-crossentropy', batch=7, steps=20, pad='pre')
case('net-deep-attention', 'gru 10 bidirectional; layer-norm; gru 8; attention 6; '
     'dense 5 tanh; dense 3 softmax', 'categorical-crossentropy', batch=7, steps=12)

# ---- PyTorch ----

for cell in ('gru', 'lstm', 'rnn'):
    case(f'torch-{cell}', f'{cell} 6; dense 2 linear', library='torch')
    case(f'torch-{cell}-stacked', f'{cell} 6; {cell} 4; dense 3 softmax',
         'categorical-crossentropy', library='torch')
    case(f'torch-{cell}-bidirectional', f'{cell} 4 bidirectional; dense 2 linear',
         library='torch')
    case(f'torch-{cell}-no-bias', f'{cell} 6 no-bias; dense 2 linear', library='torch')
case('torch-rnn-relu', 'rnn 6 relu; dense 2 linear', library='torch')
case('torch-gru-bidirectional-stacked',
     'gru 4 bidirectional; gru 3 bidirectional; dense 2 linear', library='torch')
case('torch-embedding', 'embedding 12 4; gru 5; dense 1 sigmoid', 'binary-crossentropy',
     library='torch')
case('torch-layer-norm', 'lstm 5; layer-norm; dense 2 linear', library='torch')
case('torch-layer-norm-epsilon', 'lstm 5; layer-norm epsilon=1e-5; dense 2 linear', library='torch',
     scale=0.1)
case('torch-lengths-gru', 'gru 5; dense 1 sigmoid', 'binary-crossentropy', library='torch',
     pad='post', batch=7, steps=6)
case('torch-lengths-lstm', 'lstm 5; dense 1 sigmoid', 'binary-crossentropy', library='torch',
     pad='post', batch=7, steps=6)
case('torch-lengths-bidirectional', 'gru 4 bidirectional; gru 3 bidirectional; dense 1 sigmoid',
     'binary-crossentropy', library='torch', pad='post', batch=7, steps=6)
for batch, steps in ((1, 1), (7, 50), (32, 2)):
    case(f'torch-gru-batch-{batch}-steps-{steps}', 'gru 5; dense 1 linear', library='torch',
         batch=batch, steps=steps)


for network in ('sentiment', 'sentiment-single', 'sentiment-bidirectional', 'stock',
                'stock-multivariate', 'deep', 'attention', 'labelling', 'music', 'forecast',
                'deep-attention'):
    options = dict(CASES[f'net-{network}'], library='torch')
    options['arch'] = options['arch'].replace(' mask', '')
    options.pop('pad', None)
    case(f'torch-net-{network}', **options)
case('torch-net-pooled', 'embedding 40 8; gru 8 bidirectional; pool max; dense 6 relu; '
     'dense 1 sigmoid', 'binary-crossentropy', library='torch', batch=7, steps=20)
for kind in ('max', 'average', 'last'):
    case(f'torch-pool-{kind}', f'gru 5; pool {kind}; dense 1 linear', library='torch')
for activation in ('sigmoid', 'softmax', 'tanh', 'relu', 'softplus'):
    case(f'torch-dense-{activation}', f'gru 4; dense 5 {activation}; dense 2 linear',
         library='torch')

# ---- weights alone, as a user would bring them ----

WEIGHTS = ('net-sentiment', 'torch-lstm-stacked', 'torch-gru-bidirectional',
           'torch-layer-norm-epsilon')


def write_weights(name, source, directory):
    os.makedirs(directory, exist_ok=True)
    weights = {k: v for k, v in load_file(os.path.join(source, name + '.safetensors')).items()
               if k[0].isdigit()}
    save_file(weights, os.path.join(directory, name + '.safetensors'))


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    directory = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, '../../testdata/golden/nn')
    os.makedirs(directory, exist_ok=True)
    total = 0
    for name in sys.argv[2:] or CASES:
        size = make(directory, name, CASES[name])
        total += size
        print(f'{name}\t{size}')
        keras.backend.clear_session()
        if name in WEIGHTS:
            write_weights(name, directory, os.path.join(directory, '../weights'))
    print(f'total\t{total}')


if __name__ == '__main__':
    main()
