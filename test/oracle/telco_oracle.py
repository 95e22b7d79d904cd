#!/usr/bin/env python3
"""Reference values for churn scores: what scikit-learn reaches on the telco set.

    python3 test/oracle/telco_oracle.py [test/data/telco_churn.csv.gz]

Scores each fifth of the set (row number from 0, mod 5) by models of the other
four and writes AUC and log-loss to test/data/telco_oracle.csv; and to
test/data/telco_values.csv, in the form of labelled_oracle.csv, the estimates and
metrics of a plain logistic regression on all rows by statsmodels.  Both models
have a column 0/1 for every value of a text column, and the numeric columns.
For the logistic one these are standardized on the rows it learns from, and an
empty TotalCharges, which is that of a customer of no month yet, is 0 with an
indicator; boosting keeps it as NaN.  Needs python3-sklearn and
python3-statsmodels; run from the top folder.
"""
import csv
import gzip
import hashlib
import os
import sys

# threads that wait for each other take minutes where the processors are shared
os.environ.setdefault('OMP_NUM_THREADS', '1')

import numpy as np
import statsmodels.api as sm
from sklearn import metrics
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score

SUM = '348db589a82492584af185dd3c7cd0ed894b4018120d20ccbd242f141e000ee4'
FOLDS = 5
NUMERIC = ['SeniorCitizen', 'tenure', 'MonthlyCharges', 'TotalCharges']


def read(path):
  with open(path, 'rb') as file:
    packed = file.read()
  if hashlib.sha256(packed).hexdigest() != SUM:
    sys.exit(f'{path} is not the file that the values are for')
  rows = list(csv.DictReader(gzip.decompress(packed).decode().splitlines()))
  numeric = np.array([[float(r[c] or 'nan') for c in NUMERIC] for r in rows])
  words = [c for c in rows[0] if c not in NUMERIC + ['customerID', 'Churn']]
  values = [(c, v) for c in words for v in sorted({r[c] for r in rows})]
  told = np.array([[float(r[c] == v) for c, v in values] for r in rows])
  return told, numeric, np.array([r['Churn'] == 'Yes' for r in rows], dtype=int)


def logistic(told, numeric, y, learn):
  empty = np.isnan(numeric[:, 3:])
  numeric = np.where(np.isnan(numeric), 0, numeric)
  numeric = (numeric - numeric[learn].mean(axis=0)) / numeric[learn].std(axis=0)
  x = np.hstack([told, numeric, empty])
  # a smaller tolerance than the default, so that it is the optimum that is compared
  fit = LogisticRegression(C=1.0, max_iter=10000, solver='newton-cholesky', tol=1e-10).fit(x[learn], y[learn])
  return fit.predict_proba(x[~learn])[:, 1]


def boosting(told, numeric, y, learn):
  x = np.hstack([told, numeric])
  return HistGradientBoostingClassifier(random_state=0).fit(x[learn], y[learn]).predict_proba(x[~learn])[:, 1]


def plain(numeric, y):
  """SeniorCitizen, tenure and MonthlyCharges, whose scores tie where these do"""
  fit = sm.Logit(y, sm.add_constant(numeric[:, :3])).fit(method='newton', maxiter=100, tol=1e-13, disp=0)
  p = fit.predict()
  for i, (b, e) in enumerate(zip(fit.params, fit.bse)):
    yield f'estimate {i}', b
    yield f'std_error {i}', e
    yield f'z {i}', fit.tvalues[i]
    yield f'p {i}', fit.pvalues[i]
  yield 'log_likelihood', fit.llf
  yield 'auc', metrics.roc_auc_score(y, np.round(p, 2))
  yield 'average_precision', metrics.average_precision_score(y, np.round(p, 2))
  yield 'log_loss', metrics.log_loss(y, p)
  yield 'brier', metrics.brier_score_loss(y, p)


def main():
  told, numeric, y = read(sys.argv[1] if len(sys.argv) > 1 else 'test/data/telco_churn.csv.gz')
  fold = np.arange(len(y)) % FOLDS
  with open('test/data/telco_values.csv', 'w', newline='') as out:
    csv.writer(out, lineterminator='\n').writerows(['telco', name, repr(float(v))] for name, v in plain(numeric, y))
  with open('test/data/telco_oracle.csv', 'w', newline='') as out:
    out = csv.writer(out, lineterminator='\n')
    out.writerow(['model', 'fold', 'auc', 'log_loss'])
    for model in (logistic, boosting):
      values = []
      for k in range(FOLDS):
        p = model(told, numeric, y, fold != k)
        values.append((roc_auc_score(y[fold == k], p), log_loss(y[fold == k], p)))
        out.writerow([model.__name__, k] + [repr(float(v)) for v in values[-1]])
      print('{}: mean AUC {:.5f}, mean log-loss {:.5f}'.format(model.__name__, *np.mean(values, axis=0)))


if __name__ == '__main__':
  main()
