"""Makes testdata/golden/metrics/: tables of predictions and what scikit-learn says of them.

Run: python scripts/golden/metrics.py   (scikit-learn and numpy from the Python package index)
For each NAME.tsv there is NAME.expected (metric, value) and, for classes, NAME.report, the text of
classification_report. versions.txt says what made them.
"""
import os
import platform

import numpy as np
import sklearn
import sklearn.metrics as m

HERE = os.path.join(os.path.dirname(__file__), "..", "..", "testdata", "golden", "metrics")
rng = np.random.RandomState(7)


def write(name, text):
    with open(os.path.join(HERE, name), "w", encoding="utf-8", newline="\n") as f:
        f.write(text)


def table(name, header, rows):
    write(name + ".tsv", "\n".join("\t".join(map(str, r)) for r in [header] + rows) + "\n")


def expected(name, figures):
    write(name + ".expected", "".join(f"{k}\t{float(v)!r}\n" for k, v in figures.items()))


def common(y, label):
    p = m.precision_recall_fscore_support(y, label, average="macro", zero_division=0)
    w = m.precision_recall_fscore_support(y, label, average="weighted", zero_division=0)
    return {
        "accuracy": m.accuracy_score(y, label),
        "precision_macro": p[0], "recall_macro": p[1], "f1_macro": p[2],
        "precision_weighted": w[0], "recall_weighted": w[1], "f1_weighted": w[2],
        "mcc": m.matthews_corrcoef(y, label),
        "kappa": m.cohen_kappa_score(y, label),
    }


def binary(name, classes, n, ties):
    """Scores with ties, both classes wrong sometimes; the second class is the scores'."""
    truth = rng.rand(n) < 0.4
    score = 1 / (1 + np.exp(-(2.5 * truth - 1.2 + 1.5 * rng.randn(n))))
    score = np.round(score, 2) if ties else np.round(score, 6)
    score[score == 0.5] = 0.51
    y = [classes[int(t)] for t in truth]
    label = [classes[int(s > 0.5)] for s in score]
    table(name, ["id", "y_true", "label", "confidence", "score"],
          [[i + 1, y[i], label[i], repr(float(max(score[i], 1 - score[i]))), repr(float(score[i]))]
           for i in range(n)])
    figures = common(y, label)
    pos = classes[1]
    figures.update({
        "precision": m.precision_score(y, label, pos_label=pos),
        "recall": m.recall_score(y, label, pos_label=pos),
        "f1": m.f1_score(y, label, pos_label=pos),
        "roc_auc": m.roc_auc_score(truth, score),
        "average_precision": m.average_precision_score(truth, score),
        "log_loss": m.log_loss(truth, score),
        "brier": m.brier_score_loss(truth, score),
    })
    expected(name, figures)
    write(name + ".report", m.classification_report(y, label, zero_division=0))


def multiclass(name, classes, n, drop):
    """One class is never predicted (zero division) when drop is true."""
    k = len(classes)
    truth = rng.randint(k, size=n)
    z = rng.randn(n, k) + 1.5 * np.eye(k)[truth]
    if drop:
        z[:, 0] -= 9
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    p = np.round(p, 7)
    p[:, -1] = 1 - p[:, :-1].sum(1)
    best = p.argmax(1)
    y = [classes[t] for t in truth]
    label = [classes[b] for b in best]
    table(name, ["id", "y_true", "label", "confidence"] + ["p_" + c for c in classes],
          [[i + 1, y[i], label[i], repr(float(p[i].max()))] + [repr(float(v)) for v in p[i]]
           for i in range(n)])
    figures = common(y, label)
    figures["log_loss"] = m.log_loss(truth, p, labels=range(k))
    figures["roc_auc_ovr"] = m.roc_auc_score(truth, p, multi_class="ovr", average="macro")
    expected(name, figures)
    write(name + ".report", m.classification_report(y, label, zero_division=0))


def regression(name, n):
    y = np.round(100 + np.cumsum(rng.randn(n)), 4)
    pred = np.round(y + 0.8 * rng.randn(n), 4)
    table(name, ["id", "y_true", "y_pred"],
          [[i + 1, repr(float(y[i])), repr(float(pred[i]))] for i in range(n)])
    figures = {}
    for prefix, t, q in (("", y, pred), ("naive_", y[1:], y[:-1])):
        figures[prefix + "mse"] = m.mean_squared_error(t, q)
        figures[prefix + "rmse"] = m.root_mean_squared_error(t, q)
        figures[prefix + "mae"] = m.mean_absolute_error(t, q)
        figures[prefix + "mape"] = 100 * m.mean_absolute_percentage_error(t, q)
        figures[prefix + "r2"] = m.r2_score(t, q)
    figures["skill"] = 1 - figures["rmse"] / figures["naive_rmse"]
    expected(name, figures)


os.makedirs(HERE, exist_ok=True)
binary("binary", ["negative", "positive"], 200, True)
binary("binary_zh", ["負面", "非常正面的評論意見與回饋"], 60, False)
multiclass("multiclass", ["a", "bb", "a rather long name", "d"], 150, False)
multiclass("zero", ["never", "x", "y"], 60, True)
regression("regression", 120)
write("versions.txt", f"Python {platform.python_version()}, scikit-learn {sklearn.__version__}, "
                      f"NumPy {np.__version__}\n")
