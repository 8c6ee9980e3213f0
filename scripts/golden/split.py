"""Make testdata/golden/split.tsv: rows as scikit-learn splits them.

    python3 scripts/golden/split.py > testdata/golden/split.tsv

With a count and a seed it prints that many random cases instead of the fixed set, to compare more
widely. Columns: order, test and validation (shares), seed, folds, fold, forward, the class of each row,
and the rows of train, validation and test in their order.
"""
import random
import sys

import numpy as np
import sklearn
from sklearn.model_selection import KFold, StratifiedKFold, TimeSeriesSplit, train_test_split


def divide(rows, y, share, order, seed):
    if order == 'time':
        return train_test_split(rows, test_size=share, shuffle=False)
    return train_test_split(rows, test_size=share, random_state=seed,
                            stratify=y[rows] if order == 'stratified' else None)


def split(order, y, test, validation, seed, folds, fold, forward):
    rows = np.arange(len(y))
    if forward:
        train, test_rows = list(TimeSeriesSplit(folds).split(rows))[fold - 1]
    elif folds:
        maker = {'time': KFold(folds), 'stratified': StratifiedKFold(folds)}.get(order)
        maker = maker or KFold(folds, shuffle=True, random_state=seed)
        train, test_rows = list(maker.split(rows, y))[fold - 1]
    else:
        train, test_rows = divide(rows, y, test, order, seed)
    none = rows[:0]
    train, held = divide(train, y, validation, order, seed) if validation else (train, none)
    return train, held, test_rows


def case(r):
    n, k = r.randint(12, 90), r.randint(2, 5)
    y = np.array([r.randrange(k) for _ in range(n)])
    order, kind = r.choice(['time', 'random', 'stratified']), r.random()
    folds = r.randint(2, 5) if kind < .5 else 0
    forward = order == 'time' and kind < .25
    test = 0 if folds else r.choice([.1, .2, .25, .3, .37, .5])
    validation = r.choice([0, 0, .1, .2, .3])
    return order, y, test, validation, r.randrange(2 ** 32), folds, r.randint(1, folds) if folds else 0, int(forward)


def write(c, parts):
    y = ' '.join(map(str, np.unique(c[1], return_inverse=True)[1]))
    print(c[0], *c[2:], y, *(' '.join(map(str, p)) for p in parts), sep='\t')


# 0.07 * 100 is a little more than 7 in binary, 0.28 * 25 than 7; of 50 rows 0.29 is 14.5
EDGES = [(order, np.arange(rows) % 2, test, validation, 7, 0, 0, 0) for order in ('time', 'random')
         for rows, test, validation in ((100, .07, 0), (125, .2, .07), (25, .28, 0), (50, .29, .14))]


def main():
    count, seed = (int(a) for a in sys.argv[1:]) if len(sys.argv) == 3 else (60, 1)
    r = random.Random(seed)
    print(f'#maker scripts/golden/split.py, scikit-learn {sklearn.__version__}, NumPy {np.__version__}')
    print('order test validation seed folds fold forward classes train held tested'.replace(' ', '\t'))
    while count:
        c = case(r)
        try:
            write(c, split(*c))
        except ValueError:          # a class with one row, or a part smaller than the classes
            continue
        count -= 1
    for c in EDGES:
        write(c, split(*c))


main()
