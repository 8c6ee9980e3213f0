"""Writes testdata/golden/trajectories/*.safetensors: 100 losses of Keras's and PyTorch's training.

    python scripts/golden/trajectories.py [DIRECTORY [NAME...]]

Each file is one tiny network trained on 30 fixed rows in batches of 8, 8, 8 and 6, in order, 25
epochs. Metadata: `arch`, `from`, `loss`, `optimizer` in our spelling, and where used `clip`
(norm=X, global-norm=X, value=X), `schedule`, `average` and `unbiased`, `batch`, `epochs`, `versions`.
Tensors: `x`, `y`, the initial weights `<n>.<weight>`, and `losses` (100): the loss of each batch,
penalties included, before its step; with `average`, the momentum of the weights' moving average,
after its step and with the average. That is the library's own, or with `unbiased` the mean of all
steps' weights, m to the power of a step's age being its weight.
"""
import math
import os
import sys
import zlib

import numpy as np
from safetensors.numpy import save_file

from reference import VERSIONS, KerasNetwork, TorchNetwork, keras, tf, torch

ROWS, BATCH, EPOCHS = 30, 8, 25
PER_EPOCH = math.ceil(ROWS / BATCH)
SERIES = 'gru 5; dense 1 linear'
TOKENS = 'embedding 12 3; gru 4; dense 1 sigmoid'
CASES = {}


def case(name, optimizer, arch=SERIES, **options):
    assert name not in CASES, name
    CASES[name] = dict(optimizer=optimizer, arch=arch, **options)


def settings_of(text):
    """"adam:lr=0.01,amsgrad" as ('adam', {'lr': 0.01, 'amsgrad': True})."""
    name, _, rest = text.partition(':')
    pairs = (part.partition('=') for part in rest.split(',') if part)
    return name, {k: (v if k == 'style' else float(v)) if eq else True for k, eq, v in pairs}


KERAS_NAMES = {'lr': 'learning_rate', 'beta1': 'beta_1', 'beta2': 'beta_2',
               'weight-decay': 'weight_decay'}
KERAS_OPTIMIZERS = {'sgd': keras.optimizers.SGD, 'rmsprop': keras.optimizers.RMSprop,
                    'adam': keras.optimizers.Adam, 'adamw': keras.optimizers.AdamW,
                    'nadam': keras.optimizers.Nadam, 'adagrad': keras.optimizers.Adagrad}
TORCH_OPTIMIZERS = {'sgd': torch.optim.SGD, 'rmsprop': torch.optim.RMSprop,
                    'adam': torch.optim.Adam, 'adamw': torch.optim.AdamW,
                    'nadam': torch.optim.NAdam, 'adagrad': torch.optim.Adagrad}
CLIPS = {'norm': 'clipnorm', 'global-norm': 'global_clipnorm', 'value': 'clipvalue'}


def rate_at(schedule, rate, step):
    """The learning rate of a step, from 0. Step and exponential change it by epochs."""
    if not schedule:
        return rate
    name, options = settings_of(schedule)
    schedules = keras.optimizers.schedules
    if name == 'step':
        made = schedules.ExponentialDecay(rate, PER_EPOCH * options['every'], options['drop'],
                                          staircase=True)
    elif name == 'exponential':
        made = schedules.ExponentialDecay(rate, PER_EPOCH, options['rate'], staircase=True)
    else:
        made = schedules.CosineDecay(rate, PER_EPOCH * int(options['epochs']))
    return float(made(step))


def batches(x, y):
    for step in range(EPOCHS * PER_EPOCH):
        first = step % PER_EPOCH * BATCH
        yield step, x[first:first + BATCH], y[first:first + BATCH]


def run_keras(options, x, y, seed):
    network = KerasNetwork(options['arch'], x)
    network.randomize(seed)
    weights = {k: v.copy() for k, v in network.weights().items()}
    name, settings = settings_of(options['optimizer'])
    rate = settings['lr']
    settings = {KERAS_NAMES.get(k, k): v for k, v in settings.items()}
    if 'clip' in options:
        kind, _, value = options['clip'].partition('=')
        settings[CLIPS[kind]] = float(value)
    if 'average' in options:
        settings.update(use_ema=True, ema_momentum=float(options['average']))
    optimizer = KERAS_OPTIMIZERS[name](**settings)
    loss = 'mse' if x.ndim == 3 else 'binary_crossentropy'
    network.model.compile(optimizer=optimizer, loss=loss)
    trainable = list(network.trainable.values())
    losses, steps = [], []
    for step, xb, yb in batches(x, y):
        optimizer.learning_rate = rate_at(options.get('schedule'), rate, step)
        feed = xb if xb.dtype == np.int32 else xb.astype(np.float64)
        target = yb.reshape(-1, 1).astype(np.float64)
        with tf.GradientTape() as tape:
            value = network.model.compute_loss(x=feed, y=target, y_pred=network.model(feed))
        gradients = tape.gradient(value, [v.value for v in trainable])
        optimizer.apply([tf.convert_to_tensor(g) for g in gradients], trainable)
        if 'average' in options:
            kept = [v.numpy() for v in trainable]
            steps.append(kept)
            means = (mean_of(steps, float(options['average'])) if 'unbiased' in options
                     else optimizer._model_variables_moving_average)
            for v, mean in zip(trainable, means):
                v.assign(mean)
            value = network.model.compute_loss(x=feed, y=target, y_pred=network.model(feed))
            for v, before in zip(trainable, kept):
                v.assign(before)
        losses.append(float(value))
    return weights, losses


def mean_of(steps, momentum):
    """Of each tensor, a step's weight being momentum to the power of its age."""
    ages = momentum ** np.arange(len(steps) - 1, -1, -1, dtype=np.float64)
    return [np.tensordot(ages / ages.sum(), np.stack(tensor), 1) for tensor in zip(*steps)]


def run_torch(options, x, y, seed):
    network = TorchNetwork(options['arch'], x)
    network.randomize(seed)
    weights = {k: v.copy() for k, v in network.weights().items()}
    name, settings = settings_of(options['optimizer'])
    rate = settings['lr']
    settings.pop('style')
    betas = (settings.pop('beta1', 0.9), settings.pop('beta2', 0.999))
    if name in ('adam', 'adamw', 'nadam'):
        settings['betas'] = betas
    renamed = {'weight-decay': 'weight_decay', 'rho': 'alpha', 'epsilon': 'eps'}
    optimizer = TORCH_OPTIMIZERS[name](network.parameters(),
                                       **{renamed.get(k, k): v for k, v in settings.items()})
    mean = None
    if 'average' in options:
        swa = torch.optim.swa_utils
        mean = swa.AveragedModel(network, avg_fn=swa.get_ema_avg_fn(float(options['average'])))
    loss = (torch.nn.functional.mse_loss if x.ndim == 3
            else torch.nn.functional.binary_cross_entropy_with_logits)
    losses = []
    for step, xb, yb in batches(x, y):
        for group in optimizer.param_groups:
            group['lr'] = rate_at(options.get('schedule'), rate, step)
        optimizer.zero_grad()
        target = torch.from_numpy(yb.reshape(-1, 1).astype(np.float64))
        value = loss(network(xb), target)
        value.backward()
        if 'clip' in options:
            clip_torch(options['clip'], network)
        optimizer.step()
        if mean:
            mean.update_parameters(network)
            value = loss(mean(xb), target)
        losses.append(value.item())
    return weights, losses


def clip_torch(clip, network):
    kind, _, value = clip.partition('=')
    if kind == 'value':
        torch.nn.utils.clip_grad_value_(network.parameters(), float(value))
    else:
        torch.nn.utils.clip_grad_norm_(network.parameters(), float(value))


def make(directory, name, options):
    seed = zlib.crc32(name.encode())
    rng = np.random.default_rng(seed)
    tokens = options['arch'].startswith('embedding')
    if tokens:
        x = rng.integers(1, 12, (ROWS, 5)).astype(np.int32)
        y = (x.sum(axis=1) % 2).astype(np.int32)
    else:
        x = rng.standard_normal((ROWS, 5, 2)).astype(np.float32)
        y = x.sum(axis=(1, 2), keepdims=True)[:, :, 0].astype(np.float32)
    library = options.get('library', 'keras')
    run = run_keras if library == 'keras' else run_torch
    weights, losses = run(options, x, y, seed)
    assert np.mean(losses[-PER_EPOCH:]) < np.mean(losses[:PER_EPOCH]), name
    tensors = {k: np.ascontiguousarray(v.astype(np.float32)) for k, v in weights.items()}
    tensors.update(x=x, y=y, losses=np.array(losses, np.float32))
    metadata = {'arch': options['arch'], 'from': library, 'optimizer': options['optimizer'],
                'loss': 'binary-crossentropy' if tokens else 'mse', 'batch': str(BATCH),
                'epochs': str(EPOCHS), 'versions': VERSIONS}
    metadata.update({k: options[k] for k in ('clip', 'schedule', 'average', 'unbiased')
                     if k in options})
    path = os.path.join(directory, name + '.safetensors')
    save_file(tensors, path, metadata)
    return f'{name}\t{os.path.getsize(path)}\t{losses[0]:.4f}\t{losses[-1]:.4f}'


OPTIMIZERS = {
    'sgd': 'sgd:lr=0.02', 'sgd-momentum': 'sgd:lr=0.02,momentum=0.9',
    'sgd-nesterov': 'sgd:lr=0.005,momentum=0.9,nesterov',
    'rmsprop': 'rmsprop:lr=0.01', 'rmsprop-rho': 'rmsprop:lr=0.01,rho=0.8',
    'rmsprop-centered': 'rmsprop:lr=0.01,centered',
    'rmsprop-momentum': 'rmsprop:lr=0.002,momentum=0.9',
    'rmsprop-all': 'rmsprop:lr=0.002,momentum=0.9,centered',
    'adam': 'adam:lr=0.01', 'adam-betas': 'adam:lr=0.01,beta1=0.8,beta2=0.99',
    'adam-epsilon': 'adam:lr=0.01,epsilon=0.001', 'adam-amsgrad': 'adam:lr=0.01,amsgrad',
    'adamw': 'adamw:lr=0.01', 'adamw-decay': 'adamw:lr=0.01,weight-decay=0.1',
    'nadam': 'nadam:lr=0.01', 'adagrad': 'adagrad:lr=0.1',
}
for key, value in OPTIMIZERS.items():
    case(f'keras-{key}', value)
for key in ('sgd-momentum', 'rmsprop-momentum', 'adam', 'adamw', 'nadam', 'adagrad'):
    case(f'keras-{key}-embedding', OPTIMIZERS[key], TOKENS)
for key, value in {'norm': 'norm=0.1', 'global-norm': 'global-norm=0.1', 'value': 'value=0.02'}.items():
    case(f'keras-sgd-clip-{key}', 'sgd:lr=0.5', clip=value)
    case(f'keras-adam-clip-{key}', 'adam:lr=0.01', clip=value)
case('keras-sgd-clip-norm-embedding', 'sgd:lr=0.5', TOKENS, clip='norm=0.02')
case('keras-adam-l2', 'adam:lr=0.01', 'gru 5 kernel-l2=0.01 recurrent-l2=0.02; dense 1 linear')
case('keras-adam-l1', 'adam:lr=0.01', 'gru 5 kernel-l1=0.01 bias-l1=0.02; dense 1 linear')
case('keras-adam-lstm', 'adam:lr=0.01', 'lstm 4; dense 1 linear')
case('keras-adam-stacked', 'adam:lr=0.01', 'gru 4; gru 3; dense 1 linear')
case('keras-adam-average', 'adam:lr=0.01', average='0.9')
case('torch-adam-average', 'adam:lr=0.01,style=torch', library='torch', average='0.9')
for key in ('sgd', 'adam', 'rmsprop-momentum'):
    case(f'keras-{key}-average-embedding', OPTIMIZERS[key], TOKENS, average='0.8')
case('keras-adam-unbiased', 'adam:lr=0.01', average='0.95', unbiased='yes')
case('keras-adam-unbiased-embedding', 'adam:lr=0.01', TOKENS, average='0.98', unbiased='yes')
for key, value in {'step': 'step:drop=0.5,every=5',
                   'exponential': 'exponential:rate=0.9',
                   'cosine': 'cosine:epochs=20'}.items():
    case(f'keras-adam-{key}', 'adam:lr=0.02', schedule=value)
    case(f'keras-sgd-momentum-{key}', 'sgd:lr=0.02,momentum=0.9', schedule=value)
    case(f'torch-sgd-momentum-{key}', 'sgd:lr=0.02,momentum=0.9,style=torch', library='torch',
         schedule=value)


def in_torch(optimizer):
    """The same with PyTorch's formulas; defaults that differ are spelled out."""
    name = optimizer.partition(':')[0]
    if name == 'rmsprop' and 'rho' not in optimizer:
        optimizer += ',rho=0.99'
    if name == 'adamw' and 'weight-decay' not in optimizer:
        optimizer += ',weight-decay=0.01'
    return optimizer + ',style=torch'


TORCH_ONLY = {'adamw-decay': 'adamw:lr=0.01,weight-decay=0.1',
              'adam-decay': 'adam:lr=0.01,weight-decay=0.02',
              'sgd-decay': 'sgd:lr=0.01,momentum=0.9,weight-decay=0.02',
              'rmsprop-rho': 'rmsprop:lr=0.01,rho=0.9'}
for key, value in {**{k: OPTIMIZERS[k] for k in (
        'sgd', 'sgd-momentum', 'sgd-nesterov', 'rmsprop', 'rmsprop-centered', 'rmsprop-momentum',
        'adam', 'adam-betas', 'adam-epsilon', 'adam-amsgrad', 'adamw', 'nadam', 'adagrad')},
        **TORCH_ONLY}.items():
    case(f'torch-{key}', in_torch(value), library='torch')
for key in ('adam', 'sgd-momentum', 'rmsprop'):
    case(f'torch-{key}-embedding', in_torch(OPTIMIZERS[key]), TOKENS, library='torch')
case('torch-adam-clip-global-norm', 'adam:lr=0.01,style=torch', library='torch',
     clip='global-norm=0.1')


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    directory = (sys.argv[1] if len(sys.argv) > 1
                 else os.path.join(here, '../../testdata/golden/trajectories'))
    os.makedirs(directory, exist_ok=True)
    for name in sys.argv[2:] or CASES:
        print(make(directory, name, CASES[name]), flush=True)
        keras.backend.clear_session()


if __name__ == '__main__':
    main()
