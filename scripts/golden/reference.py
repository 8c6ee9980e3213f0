"""Builds what an architecture text describes out of Keras's or PyTorch's own layers.

The reference runs in double precision on weights and inputs that are exact in single precision,
so a golden number is the library's answer without its own rounding. Weights are named
`<n>.<weight>`, n counting the architecture's layers from 0, with the library's names, shapes and
gate orders.
"""
import os
import sys

# Triton and TensorFlow bring an LLVM each, which do not bear one another in one process.
sys.modules['triton'] = None
os.environ.setdefault('KERAS_BACKEND', 'tensorflow')
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
os.environ.setdefault('CUDA_VISIBLE_DEVICES', '')

import keras
import numpy as np
import tensorflow as tf
import torch

from dropout import cell_masks, sequence_mask

keras.config.set_floatx('float64')
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)
torch.set_num_threads(1)

OPS = keras.ops
RECURRENT = ('rnn', 'lstm', 'gru')
VERSIONS = (f'keras {keras.__version__}, tensorflow {tf.__version__}, '
            f'torch {torch.__version__}, numpy {np.__version__}')


class Layer:
    """One line of the architecture language: a word, its sizes, its options."""

    def __init__(self, line):
        words = line.split()
        self.kind, self.sizes, self.options = words[0], [], {}
        for word in words[1:]:
            key, equals, value = word.partition('=')
            if word.replace('.', '', 1).isdigit():
                self.sizes.append(float(word) if '.' in word else int(word))
            elif equals:
                self.options[key] = value
            else:
                self.options[word] = True

    def flag(self, name):
        return bool(self.options.get(name))

    def activation(self):
        names = ('linear', 'sigmoid', 'softmax', 'tanh', 'relu', 'softplus')
        return next((word for word in self.options if word in names), None)


def parse(arch):
    layers = [Layer(line) for line in arch.split(';')]
    for index, layer in enumerate(layers):
        layer.returns_sequence = layer.flag('sequences') or wants_sequence(layers[index + 1:])
    return layers


def wants_sequence(rest):
    for layer in rest:
        if layer.kind in RECURRENT + ('attention', 'pool'):
            return True
        if layer.kind == 'dense':
            return False
    return False


def epsilon_of(layer):
    return float(layer.options.get('epsilon', 1e-3))


# ---- Keras ----

class Attention(keras.layers.Layer):
    """dense(N, tanh), dense(1), softmax over the steps that are not masked, weighted sum."""

    def __init__(self, units):
        super().__init__()
        self.score = keras.layers.Dense(units, activation='tanh')
        self.weight = keras.layers.Dense(1)
        self.supports_masking = True

    def build(self, shape):
        self.score.build(shape)
        self.weight.build(shape[:-1] + (self.score.units,))

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, shape):
        return (shape[0], shape[2])

    def call(self, x, mask=None):
        e = keras.ops.squeeze(self.weight(self.score(x)), -1)
        if mask is not None:
            e = keras.ops.where(mask, e, -1e300)
        a = keras.ops.softmax(e, axis=-1)
        if mask is not None:
            a = a * keras.ops.cast(mask, 'float64')
        return keras.ops.sum(keras.ops.expand_dims(a, -1) * x, axis=1)


class OverSteps(keras.layers.Layer):
    """A sequence to one vector, over the steps that are not masked; 0 where there is none."""

    def __init__(self):
        super().__init__()
        self.supports_masking = True

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, shape):
        return (shape[0], shape[2])

    def call(self, x, mask=None):
        return self.join(x, OPS.ones(OPS.shape(x)[:2], 'bool') if mask is None else mask)


class MaskedMax(OverSteps):
    def join(self, x, mask):
        kept = OPS.max(OPS.where(mask[:, :, None], x, -1e300), axis=1)
        return OPS.where(OPS.any(mask, axis=1)[:, None], kept, 0.0)


class MaskedAverage(OverSteps):
    def join(self, x, mask):
        valid = OPS.cast(mask, x.dtype)[:, :, None]
        return OPS.sum(x * valid, axis=1) / OPS.maximum(OPS.sum(valid, axis=1), 1)


class MaskedLast(OverSteps):
    def join(self, x, mask):
        valid = OPS.cast(mask, 'int32')
        last = valid * OPS.cast(OPS.flip(OPS.cumsum(OPS.flip(valid, 1), 1), 1) == 1, 'int32')
        return OPS.sum(x * OPS.cast(last, x.dtype)[:, :, None], axis=1)


class Dropped(keras.layers.Dropout):
    """Dropout by masks that are given: draw(shape)."""

    def call(self, x, training=False):
        return x * self.draw(x.shape) if training else x


class NormCell(keras.layers.Layer):
    """A recurrent cell whose new state goes through layer normalisation before anything sees it."""

    def __init__(self, cell, epsilon):
        super().__init__()
        self.cell, self.norm = cell, keras.layers.LayerNormalization(epsilon=epsilon)
        self.state_size, self.output_size = cell.state_size, cell.output_size

    def build(self, shape):
        self.cell.build(shape)
        self.norm.build((shape[0], self.output_size))

    def call(self, x, states, training=False):
        states = list(states) if isinstance(states, (list, tuple)) else [states]
        out, after = self.cell(x, states, training=training)
        after = list(after) if isinstance(after, (list, tuple)) else [after]
        out = self.norm(out)
        return out, [out] + after[1:]


class LearnedState(keras.layers.Layer):
    """A recurrent layer that starts from a weight; an LSTM's cell starts from zero."""

    def __init__(self, rnn, units, states):
        super().__init__()
        self.rnn, self.units, self.states = rnn, units, states
        self.supports_masking = True

    def build(self, shape):
        self.rnn.build(shape)
        self.first = self.add_weight(shape=(self.units,), name='initial_state')

    def compute_mask(self, x, mask=None):
        return mask if self.rnn.return_sequences else None

    def compute_output_shape(self, shape):
        return self.rnn.compute_output_shape(shape)[0]

    def call(self, x, mask=None):
        first = OPS.broadcast_to(self.first[None], (OPS.shape(x)[0], self.units))
        rest = [OPS.zeros_like(first)] * (self.states - 1)
        out, state, *_ = self.rnn(x, initial_state=[first] + rest, mask=mask)
        # Without a valid step Keras's output is zeros, its state the first one.
        return out if self.rnn.return_sequences else state


def regularizer(layer, what):
    l1 = float(layer.options.get(what + '-l1', 0))
    l2 = float(layer.options.get(what + '-l2', 0))
    return keras.regularizers.L1L2(l1=l1, l2=l2) if l1 or l2 else None


def keras_recurrent(layer):
    common = dict(return_sequences=layer.returns_sequence, use_bias=not layer.flag('no-bias'),
                  kernel_regularizer=regularizer(layer, 'kernel'),
                  recurrent_regularizer=regularizer(layer, 'recurrent'),
                  bias_regularizer=regularizer(layer, 'bias'),
                  dropout=float(layer.options.get('dropout', 0)),
                  recurrent_dropout=float(layer.options.get('recurrent-dropout', 0)),
                  stateful=layer.flag('stateful'), return_state=layer.flag('learned-state'))
    units = layer.sizes[0]
    if layer.kind == 'gru':
        made = keras.layers.GRU(units, reset_after=layer.options.get('reset') != 'before', **common)
    elif layer.kind == 'lstm':
        made = keras.layers.LSTM(units, **common)
    else:
        made = keras.layers.SimpleRNN(units, activation=layer.activation() or 'tanh', **common)
    if layer.flag('layer-norm'):
        made = keras.layers.RNN(NormCell(made.cell, epsilon_of(layer)), return_sequences=layer.returns_sequence)
    if layer.flag('learned-state'):
        return LearnedState(made, units, 2 if layer.kind == 'lstm' else 1)
    merge = layer.options.get('bidirectional')
    if not merge:
        return made
    merge = {True: 'concat', 'average': 'ave', 'multiply': 'mul'}.get(merge, merge)
    return keras.layers.Bidirectional(made, merge_mode=merge)


def keras_layer(layer):
    kind, sizes = layer.kind, layer.sizes
    if kind in RECURRENT:
        return keras_recurrent(layer)
    if kind == 'embedding':
        return keras.layers.Embedding(sizes[0], sizes[1], mask_zero=layer.flag('mask'))
    if kind == 'dense':
        return keras.layers.Dense(sizes[0], activation=layer.activation(),
                                  kernel_regularizer=regularizer(layer, 'kernel'),
                                  bias_regularizer=regularizer(layer, 'bias'))
    if kind == 'attention':
        return Attention(sizes[0])
    if kind == 'dropout':
        return Dropped(sizes[0])
    if kind == 'layer-norm':
        return keras.layers.LayerNormalization(epsilon=epsilon_of(layer))
    if kind == 'batch-norm':
        return keras.layers.BatchNormalization(epsilon=epsilon_of(layer))
    if kind == 'pool':
        return {'max': MaskedMax, 'average': MaskedAverage,
                'last': MaskedLast}[next(iter(layer.options))]()
    raise ValueError(kind)


def keras_names(index, layer, made):
    """The layer's variables by their golden names."""
    if layer.kind == 'attention':
        parts = {'score.': made.score, 'weight.': made.weight}
    elif layer.flag('layer-norm'):
        parts = {'': made.cell.cell, 'norm.': made.cell.norm}
    elif layer.flag('bidirectional') or isinstance(made, keras.layers.Bidirectional):
        parts = {'forward.': made.forward_layer, 'backward.': made.backward_layer}
    else:
        parts = {'': made}
    return {f'{index}.{prefix}{variable.path.split("/")[-1]}': variable
            for prefix, part in parts.items() for variable in part.weights
            if 'seed' not in variable.path}


def cells_of(made):
    """The cells of a recurrent layer, forward and backward."""
    if isinstance(made, keras.layers.Bidirectional):
        return [made.forward_layer.cell, made.backward_layer.cell]
    made = getattr(made, 'rnn', made)
    return [getattr(made.cell, 'cell', made.cell)]


class KerasNetwork:
    """batch is the number of the batch in its epoch: the masks of dropout depend on it."""
    library = 'keras'

    def __init__(self, arch, x):
        self.layers, self.batch = parse(arch), 0
        tokens = x.dtype == np.int32
        stateful = any(layer.flag('stateful') for layer in self.layers)
        inputs = keras.Input(batch_shape=(x.shape[0] if stateful else None,) + x.shape[1:],
                             dtype='int32' if tokens else 'float64')
        flow, self.variables, made_layers, self.projections = inputs, {}, [], {}
        for index, layer in enumerate(self.layers):
            made = keras_layer(layer)
            before, flow = flow, made(flow)
            if layer.flag('residual'):
                flow, projection = self.add_residual(layer, before, flow)
                if projection is not None:
                    self.projections[f'{index}.projection'] = projection
            made_layers.append((index, layer, made))
            self.give_masks(index, layer, made)
        self.model = keras.Model(inputs, flow)
        for index, layer, made in made_layers:
            self.variables.update(keras_names(index, layer, made))
        self.variables.update({k: v.kernel for k, v in self.projections.items()})
        self.trainable = {name: v for name, v in self.variables.items() if v.trainable}

    def give_masks(self, index, layer, made):
        """Masks of our own instead of Keras's."""
        if layer.kind == 'dropout':
            def draw(shape):
                steps, units = (shape[1] if len(shape) == 3 else 1), shape[-1]
                return sequence_mask(index, shape[0], steps, units, layer.sizes[0],
                                     self.batch).reshape(shape)
            made.draw = draw
        for way, cell in enumerate(cells_of(made) if layer.kind in RECURRENT else ()):
            def given(x, rate, state, cell=cell, way=way):
                if not rate:
                    return None
                count = getattr(cell, 'dropout_mask_count', None)
                masks = cell_masks(index, count or 1, x.shape[-1], rate, x.shape[0], self.batch,
                                   way == 1, state)
                return masks if count else masks[0]
            cell.get_dropout_mask = lambda x, g=given, c=cell: g(x, c.dropout, False)
            cell.get_recurrent_dropout_mask = (
                lambda x, g=given, c=cell: g(x, c.recurrent_dropout, True))

    def reset_states(self):
        for made in self.model.layers:
            if getattr(made, 'stateful', False):
                made.reset_states()

    def add_residual(self, layer, before, flow):
        """The sum with the input, its last valid step where the layer gives one vector."""
        projection = None
        if not layer.returns_sequence:
            before = MaskedLast()(before)
        if before.shape[-1] != flow.shape[-1]:
            projection = keras.layers.Dense(flow.shape[-1], use_bias=False)
            before = projection(before)
        return keras.layers.Add()([before, flow]), projection

    def randomize(self, seed, scale=1.0, logits=1.0):
        """Weights of a plausible size everywhere, biases too, exact in single precision; times
        scale, and the last layer's times logits."""
        rng = np.random.default_rng(seed)
        for name, variable in self.variables.items():
            word = name.rsplit('.', 1)[-1]
            value = rng.standard_normal(variable.shape) / np.sqrt(max(variable.shape[0], 3))
            if word == 'gamma':
                value = 1 + 0.3 * value
            elif word == 'moving_variance':
                value = 0.5 + rng.random(variable.shape)
            elif word == 'embeddings':
                value = rng.standard_normal(variable.shape) * 0.7
            if name.startswith(f'{len(self.layers) - 1}.'):
                value = value * logits
            variable.assign((value * scale).astype(np.float32).astype(np.float64))

    def weights(self):
        return {name: np.asarray(v.value) for name, v in self.variables.items()}

    def run(self, x, y, loss, training=False):
        """Outputs, loss with its penalties, gradients by name."""
        self.model.compile(loss=loss)
        feed = x if x.dtype == np.int32 else x.astype(np.float64)
        target = y if y.dtype == np.int32 else y.astype(np.float64)
        if y.ndim == 1 and self.model.output_shape[-1] == 1:
            target = y[:, None].astype(np.float64)
        with tf.GradientTape() as tape:
            out = self.model(feed, training=training)
            value = self.model.compute_loss(x=feed, y=target, y_pred=out)
        sources = [v.value for v in self.trainable.values()]
        gradients = tape.gradient(value, sources)
        found = {name: np.zeros(v.shape) if g is None else tf.convert_to_tensor(g).numpy()
                 for (name, v), g in zip(self.trainable.items(), gradients)}
        mask = getattr(out, '_keras_mask', None)
        out = np.array(out)
        if mask is not None and out.ndim == 3:
            out[~np.array(mask)] = np.nan
        return out, float(value), found


# ---- PyTorch ----

class TorchAttention(torch.nn.Module):
    """As bench_torch.py's: linear, tanh, linear, softmax over the steps, weighted sum."""

    def __init__(self, width, units):
        super().__init__()
        self.score = torch.nn.Linear(width, units)
        self.weight = torch.nn.Linear(units, 1)

    def forward(self, x):
        return (x * torch.softmax(self.weight(torch.tanh(self.score(x))), 1)).sum(1)


class TorchPool(torch.nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.kind = next(k for k in ('max', 'average', 'last') if layer.flag(k))

    def forward(self, x):
        return {'max': lambda: x.amax(1), 'average': lambda: x.mean(1),
                'last': lambda: x[:, -1]}[self.kind]()


def in_our_layout(tensors):
    """Attention's weights travel in Keras's layout whatever the library."""
    out = {}
    for name, value in tensors.items():
        if '.score.' in name or '.weight.' in name:
            out[name[:-6] + 'kernel' if name.endswith('.weight') else name] = (
                value.T if name.endswith('.weight') else value)
        else:
            out[name] = value
    return out


class TorchNetwork(torch.nn.Module):
    library = 'torch'

    def __init__(self, arch, x):
        super().__init__()
        self.layers, self.carried = parse(arch), {}
        width = x.shape[2] if x.ndim == 3 else 0
        made = []
        for layer in self.layers:
            part, width = self.torch_layer(layer, width)
            made.append(part)
        self.made = torch.nn.ModuleList(made).double()

    def torch_layer(self, layer, width):
        size = layer.sizes[0] if layer.sizes else 0
        if layer.kind == 'embedding':
            return torch.nn.Embedding(size, layer.sizes[1]), layer.sizes[1]
        if layer.kind == 'dense':
            return torch.nn.Linear(width, size), size
        if layer.kind in RECURRENT:
            options = dict(batch_first=True, bias=not layer.flag('no-bias'),
                           bidirectional=layer.flag('bidirectional'))
            if layer.kind == 'rnn':
                options['nonlinearity'] = layer.activation() or 'tanh'
            module = {'rnn': torch.nn.RNN, 'lstm': torch.nn.LSTM, 'gru': torch.nn.GRU}[layer.kind]
            return module(width, size, **options), size * (2 if layer.flag('bidirectional') else 1)
        if layer.kind == 'layer-norm':
            return torch.nn.LayerNorm(width, eps=epsilon_of(layer)), width
        if layer.kind == 'attention':
            return TorchAttention(width, size), width
        if layer.kind == 'pool':
            return TorchPool(layer), width
        return torch.nn.Identity(), width

    def randomize(self, seed, scale=1.0):
        rng = np.random.default_rng(seed)
        with torch.no_grad():
            for parameter in self.made.parameters():
                value = rng.standard_normal(parameter.shape) / np.sqrt(max(parameter.shape[-1], 3))
                parameter.copy_(torch.from_numpy((value * scale).astype(np.float32)).double())

    def weights(self):
        return in_our_layout({name: p.detach().numpy()
                              for name, p in self.made.named_parameters()})

    def recurrent(self, layer, module, flow, lengths):
        if lengths is not None:
            flow = torch.nn.utils.rnn.pack_padded_sequence(flow, lengths, batch_first=True,
                                                           enforce_sorted=False)
        sequence, state = module(flow, self.carried.get(layer))
        if layer.flag('stateful'):
            self.carried[layer] = (tuple(s.detach() for s in state) if layer.kind == 'lstm'
                                   else state.detach())
        state = state[0] if layer.kind == 'lstm' else state
        if layer.returns_sequence:
            if lengths is not None:
                sequence, _ = torch.nn.utils.rnn.pad_packed_sequence(sequence, batch_first=True)
            return sequence
        return torch.cat(list(state), dim=-1)

    def reset_states(self):
        self.carried.clear()

    def forward(self, x, lengths=None):
        """Logits: a last sigmoid or softmax is left to the loss and to `activate`."""
        flow = torch.from_numpy(x if x.dtype == np.int32 else x.astype(np.float64))
        for index, (layer, module) in enumerate(zip(self.layers, self.made)):
            if layer.kind in RECURRENT:
                flow = self.recurrent(layer, module, flow, lengths)
            else:
                flow = module(flow)
                if index + 1 < len(self.layers):
                    flow = activate(layer, flow)
        return flow

    def run(self, x, y, loss, lengths=None):
        self.zero_grad()
        logits = self(x, lengths)
        if y.ndim == 1 and logits.shape[-1] == 1:
            y = y[:, None].astype(np.float32)
        per_class = logits.flatten(0, -2) if y.dtype == np.int32 else logits
        y = y.reshape(-1) if y.dtype == np.int32 else y
        value = loss(per_class, torch.from_numpy(y.astype(np.int64 if y.dtype == np.int32
                                                       else np.float64)))
        value.backward()
        found = in_our_layout({name: p.grad.numpy() for name, p in self.made.named_parameters()})
        return activate(self.layers[-1], logits).detach().numpy(), value.item(), found


def activate(layer, flow):
    kind = layer.activation() if layer.kind == 'dense' else None
    if kind == 'softmax':
        return torch.softmax(flow, -1)
    if kind in (None, 'linear'):
        return flow
    return getattr(torch.nn.functional, kind)(flow) if kind == 'softplus' else getattr(torch, kind)(flow)
