"""PyTorch; `export` writes the network as ONNX to the file that is named. See peer.py."""
import torch
from torch import nn

from peer import BATCH, PREDICT_BATCH, Arguments, rate, serve, single_time

LOSSES = {'softmax': nn.CrossEntropyLoss, 'sigmoid': nn.BCEWithLogitsLoss, 'linear': nn.MSELoss}


class Net(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.embed = nn.Embedding(n.vocab, n.features) if n.vocab else nn.Identity()
        width, self.rnn = n.features, nn.ModuleList()
        for units in n.hidden:
            self.rnn.append(nn.GRU(width, units, batch_first=True, bidirectional=n.bidirectional))
            width = units * (1 + n.bidirectional)
        self.between = nn.Dropout(0.0 if n.vocab else n.dropout)
        self.drop = nn.Dropout(n.dropout)
        self.attend = None
        if n.attention:
            self.attend = nn.Sequential(nn.Linear(width, n.attention), nn.Tanh(), nn.Linear(n.attention, 1))
        self.out = nn.Linear(width, n.outputs)

    def forward(self, x):
        x = self.embed(x)
        for i, layer in enumerate(self.rnn):
            x, h = layer(self.between(x) if i else x)
        if self.attend is not None:
            x = (x * torch.softmax(self.attend(x), 1)).sum(1)
        else:
            x = torch.cat(list(h), 1)
        return self.out(self.drop(x))


a = Arguments()
torch.manual_seed(0)
torch.set_num_threads(a.threads)
x = torch.from_numpy(a.x)
x = x.long() if a.network.vocab else x
y = torch.from_numpy(a.y)
y = y.long() if a.network.activation == 'softmax' else y.float().reshape(len(x), -1)
loss_of = LOSSES[a.network.activation]()
net = Net(a.network)
adam = torch.optim.Adam(net.parameters(), fused=True)


def epoch(count):
    net.train()
    order = torch.randperm(count)
    for i in range(0, count, BATCH):
        rows = order[i:i + BATCH]
        adam.zero_grad()
        loss_of(net(x[rows]), y[rows]).backward()
        adam.step()
        yield len(rows)


def hello():
    rate(lambda: epoch(2 * BATCH))
    return f'PyTorch {torch.__version__}'


def one_pass():
    for i in range(0, len(x), PREDICT_BATCH):
        yield len(net(x[i:i + PREDICT_BATCH]))


def predict():
    net.eval()
    with torch.inference_mode():
        net(x[:PREDICT_BATCH])
        return rate(one_pass, a.least)


def single():
    net.eval()
    with torch.inference_mode():
        return single_time(lambda i: net(x[i:i + 1]), len(x), a.least)


def export():
    net.eval()
    torch.onnx.export(net, (x[:4],), a.words[0], dynamo=False, input_names=['x'], output_names=['y'],
                      dynamic_axes={'x': {0: 'batch'}, 'y': {0: 'batch'}})
    return a.words[0]


serve(a.ask, a.answer, {'hello': hello, 'train': lambda: rate(lambda: epoch(len(x))),
                        'predict': predict, 'single': single, 'export': export})
