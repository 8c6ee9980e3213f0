"""ONNX Runtime, on the network that peer_torch.py exported to the file that is named. See peer.py."""
import onnxruntime

from peer import PREDICT_BATCH, Arguments, rate, serve, single_time

a = Arguments()
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = a.threads
session = onnxruntime.InferenceSession(a.words[0], options, providers=['CPUExecutionProvider'])
x = a.x.astype('int64') if a.network.vocab else a.x


def run(first, count):
    session.run(None, {'x': x[first:first + count]})


def hello():
    run(0, PREDICT_BATCH)
    return f'ONNX Runtime {onnxruntime.__version__}'


def one_pass():
    for i in range(0, len(x), PREDICT_BATCH):
        run(i, PREDICT_BATCH)
        yield min(PREDICT_BATCH, len(x) - i)


serve(a.ask, a.answer, {'hello': hello,
                        'predict': lambda: rate(one_pass, a.least),
                        'single': lambda: single_time(lambda i: run(i, 1), len(x), a.least)})
