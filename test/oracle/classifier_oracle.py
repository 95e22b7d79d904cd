#!/usr/bin/env python3
"""Reference values for logistic regression and metrics.

Writes test/data/labelled.csv, small sets of labels with features and scores,
and test/data/labelled_oracle.csv, what statsmodels and scikit-learn make of
them.  Needs python3-statsmodels and python3-sklearn; run from the top folder.
"""
import csv
import random

import numpy as np
import statsmodels.api as sm
from scipy.stats import norm
from sklearn import metrics
from sklearn.linear_model import LogisticRegression


def odds(p):
  return np.log(p / (1 - p))


def plain(rng, n):
  x = [[rng.gauss(0, 1) for _ in range(4)] for _ in range(n)]
  return x, [0.3 + 0.8 * r[0] - 0.5 * r[1] + 0.1 * r[2] for r in x]


def units(rng, n):
  x = [[rng.gauss(0, 1) * 1e6 + 3e6, rng.gauss(0, 1) * 1e-6, rng.randrange(3), rng.expovariate(0.01)] for _ in range(n)]
  return x, [(r[0] - 3e6) / 1e6 + r[1] * 5e5 - r[2] + r[3] / 200 for r in x]


def correlated(rng, n):
  x = []
  for _ in range(n):
    a = rng.gauss(0, 1)
    x.append([a, a + rng.gauss(0, 0.03), rng.gauss(0, 1)])
  return x, [0.5 * r[0] + 0.5 * r[1] - r[2] for r in x]


def rare(rng, n):
  x = [[rng.gauss(0, 1), rng.random()] for _ in range(n)]
  return x, [-4 + r[0] for r in x]


def make(name, kind, n, seed):
  """Labels by a model, and scores that are rounded, so that some tie"""
  rng = random.Random(seed)
  x, eta = kind(rng, n)
  x = [[float(f"{v:.6g}") for v in r] for r in x]
  y = [int(rng.random() < 1 / (1 + np.exp(-e))) for e in eta]
  scores = [round(min(max(1 / (1 + np.exp(-(0.7 * e + rng.gauss(0, 0.5)))), 0.001), 0.999), 2 if n > 250 else 3) for e in eta]
  return name, y, x, scores


def lift(y, s, share):
  """With the ties at the border in part: the mean over all orders of ties"""
  y, s = np.array(y), np.array(s)
  k = int(np.ceil(len(y) * share - 1e-9))
  border = np.sort(s)[::-1][k - 1]
  above = s > border
  tied = s == border
  found = y[above].sum() + y[tied].mean() * (k - above.sum())
  return (found / k) / y.mean()


def values(y, x, s):
  # scaled, since its optimizer stops early on columns of very different units
  mean, deviation = np.mean(x, axis=0), np.std(x, axis=0)
  scaled = (np.array(x) - mean) / deviation
  fit = sm.Logit(y, sm.add_constant(scaled)).fit(method='newton', maxiter=100, tol=1e-13, disp=0)
  back = np.diag(np.concatenate([[1], 1 / deviation]))
  back[0, 1:] = -mean / deviation
  estimates, errors = back @ fit.params, np.sqrt(np.diag(back @ fit.cov_params() @ back.T))
  for i, (b, e) in enumerate(zip(estimates, errors)):
    yield f'estimate {i}', b
    yield f'std_error {i}', e
    yield f'z {i}', b / e
    yield f'p {i}', 2 * norm.sf(abs(b / e))
  yield 'log_likelihood', fit.llf
  yield 'null_log_likelihood', fit.llnull
  ridge = LogisticRegression(C=1 / 5, tol=1e-13, max_iter=10000, solver='newton-cg').fit(scaled, y)
  for i, b in enumerate(ridge.coef_[0] / deviation):
    yield f'ridge {i + 1}', b
  yield 'auc', metrics.roc_auc_score(y, s)
  yield 'average_precision', metrics.average_precision_score(y, s)
  yield 'log_loss', metrics.log_loss(y, s)
  yield 'brier', metrics.brier_score_loss(y, s)
  for share in (0.01, 0.1, 0.33, 1):
    yield f'lift_at {share}', lift(y, s, share)
  p = np.clip(np.array(s, dtype=float), 2.0 ** -52, 1 - 2.0 ** -52)
  line = sm.Logit(y, sm.add_constant(odds(p))).fit(method='newton', maxiter=100, tol=1e-14, disp=0)
  yield 'intercept', line.params[0]
  yield 'slope', line.params[1]
  for threshold in (0.2, 0.5):
    told = np.array(s) >= threshold
    if told.any():
      yield f'precision {threshold}', metrics.precision_score(y, told)
    yield f'recall {threshold}', metrics.recall_score(y, told)
    yield f'f1 {threshold}', metrics.f1_score(y, told)
    yield f'accuracy {threshold}', metrics.accuracy_score(y, told)


SETS = [make('plain', plain, 400, 1), make('units', units, 300, 2), make('correlated', correlated, 400, 3),
        make('rare', rare, 500, 4), make('small', plain, 30, 5)]

with open('test/data/labelled.csv', 'w', newline='') as rows, open('test/data/labelled_oracle.csv', 'w', newline='') as oracle:
  rows, oracle = csv.writer(rows, lineterminator='\n'), csv.writer(oracle, lineterminator='\n')
  for name, y, x, s in SETS:
    for label, features, score in zip(y, x, s):
      rows.writerow([name, 'ft'[label], '{' + ','.join(repr(v) for v in features) + '}', repr(float(score))])
    for quantity, value in values(y, x, s):
      oracle.writerow([name, quantity, repr(float(value))])
