"""scikit-learn on the rows that bench/run wrote: seconds of fits and of scoring,
with the data in memory, and the AUC of rows that the trees did not know.

    python3 bench/scikit_learn.py labelled.csv bent.csv
"""
import sys
import time

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler


def median(runs, work):
  times = []
  for _ in range(runs):
    begun = time.perf_counter()
    result = work()
    times.append(time.perf_counter() - begun)
  return sorted(times)[runs // 2], result


rows = np.loadtxt(sys.argv[1], delimiter=',')
y, x = rows[:, 0], rows[:, 1:]
print('logistic %.3f' % median(3, lambda: LogisticRegression(C=1e9).fit(StandardScaler().fit_transform(x), y))[0])

rows = np.loadtxt(sys.argv[2], delimiter=',')
y, x = rows[:, 0], rows[:, 1:]
half = len(y) // 2
seconds, model = median(3, lambda: HistGradientBoostingClassifier(
  max_iter=100, max_depth=6, max_leaf_nodes=64, early_stopping=False).fit(x[:half], y[:half]))
print('boosting %.3f' % seconds)
scoring, p = median(3, lambda: model.predict_proba(x[half:])[:, 1])
print('scoring %.3f' % scoring)
print('auc %.4f' % roc_auc_score(y[half:], p))
