"""What the peers' programs share: a network by name, the data, and a conversation with scripts/bench.

A peer runs as long as the measuring of one network lasts, so that rounds can alternate between the
programs without a start-up in between:

    peer_NAME.py ASK ANSWER NETWORKS.tsv NETWORK DATA.npy SECONDS [WORD]...

ASK and ANSWER are named pipes. A line on ASK is the name of a measure, the line on ANSWER is its
value, or `failed` and the reason. SECONDS is how long predictions are repeated for.
"""
import csv
import os
import resource
import sys
import time

import numpy as np

BATCH, PREDICT_BATCH = 32, 256
MOST = 40     # seconds; PyTorch's threads take minutes where other programs want the processors


class Network:
    """A line of networks.tsv; `loss` names the last layer's activation."""

    def __init__(self, path, name):
        with open(path, encoding='utf-8') as f:
            row = next(r for r in csv.DictReader(f, delimiter='\t') if r['name'] == name)
        self.steps, self.features, self.vocab = (int(row[k]) for k in ('steps', 'features', 'vocab'))
        self.hidden = [int(u) for u in row['hidden'].split(',')]
        self.outputs, self.dropout, self.attention = int(row['outputs']), float(row['dropout']), int(row['attention'])
        self.bidirectional = row['bidirectional'] == '1'
        self.activation = 'softmax' if self.outputs > 1 else 'sigmoid' if self.vocab else 'linear'


class Arguments:
    def __init__(self):
        self.ask, self.answer, networks, name, data, least, *self.words = sys.argv[1:]
        self.network = Network(networks, name)
        self.least = float(least)
        samples = np.load(data)
        self.x, self.y = np.ascontiguousarray(samples['x']), np.ascontiguousarray(samples['y'])
        self.threads = len(os.sched_getaffinity(0))


def rate(batches, least=0.0):
    """Sequences a second over whole passes until `least` seconds are over, or MOST wherever that is;
    batches() is one pass and yields the rows of each batch that is done."""
    done, start = 0, time.perf_counter()
    while True:
        for rows in batches():
            done += rows
            spent = time.perf_counter() - start
            if spent > MOST:
                return done / spent
        if spent > least:
            return done / spent


def single_time(predict, rows, least):
    """Milliseconds for one sequence; predict(i) is for row i."""
    predict(0)
    done, start = 0, time.perf_counter()
    while True:
        predict(done % rows)
        done += 1
        spent = time.perf_counter() - start
        if spent > least:
            return 1e3 * spent / done


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def serve(ask, answer, measures):
    """Answers until it is killed. measures: functions by name; `memory` is always there."""
    measures = {'memory': memory, **measures}
    while True:
        with open(ask, encoding='utf-8') as f:
            wanted = f.read().strip()
        try:
            said = measures[wanted]()
        except Exception as e:      # whatever a peer raises, the others go on
            said = 'failed ' + ' '.join(str(e).split())[:200]
        with open(answer, 'w', encoding='utf-8') as f:
            f.write(f'{said}\n')
