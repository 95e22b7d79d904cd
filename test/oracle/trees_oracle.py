#!/usr/bin/env python3
"""Reference values for boosted trees: margins and Shapley contributions.

Trains XGBoost on a small set, from the share of positive labels on, and writes
test/data/trees_train.csv, the set, test/data/trees_nodes.csv, the trees, and test/data/trees_rows.csv, what the
trees give for the first rows.  A node goes left if (float)x < (float)threshold
and to the child `missing` if x is missing; every number of the trees is a
float written in full.  A node that the row does not decide is the mean of its
children, with weights cover / (cover left + cover right).  Margins and
contributions are of double precision and by the definition, over all subsets
of features; XGBoost's own, of single precision, are only compared.  Needs
libxgboost and python3-numpy; run from the top folder.
"""
import csv
import ctypes
import json
import math
import random
from itertools import combinations

import numpy as np

ROWS, WRITTEN, FEATURES, ROUNDS = 600, 60, 5, 20
PARAMETERS = {'objective': 'binary:logistic', 'tree_method': 'hist', 'max_depth': 4, 'eta': 0.3, 'lambda': 1,
              'min_child_weight': 1, 'nthread': 1, 'seed': 1}
NAN = float('nan')

lib = ctypes.CDLL('libxgboost.so.0')
lib.XGBGetLastError.restype = ctypes.c_char_p


def call(name, *arguments):
  if getattr(lib, name)(*arguments) != 0:
    raise RuntimeError(lib.XGBGetLastError().decode())


def make(seed):
  """Labels by a model with interactions, and a feature that says nothing"""
  rng = random.Random(seed)
  x, y = [], []
  for _ in range(ROWS):
    a, b, c, d, noise = rng.gauss(0, 1), rng.randrange(4), rng.expovariate(0.02), rng.random(), rng.gauss(100, 15)
    missing = rng.random() < 0.2
    eta = -0.5 + a * (b - 1.5) + (1.2 if missing else c / 50 - 1) * (1 if d > 0.4 else -0.5)
    y.append(int(rng.random() < 1 / (1 + math.exp(-eta))))
    x.append([float(f'{v:.6g}') for v in (a, b, NAN if missing else c, d, noise)])
  return x, y


def train(x, y):
  data = np.array(x, dtype=np.float32)
  label = np.array(y, dtype=np.float32)
  floats = ctypes.POINTER(ctypes.c_float)
  matrix, booster = ctypes.c_void_p(), ctypes.c_void_p()
  call('XGDMatrixCreateFromMat_omp', data.ctypes.data_as(floats), ctypes.c_uint64(len(x)), ctypes.c_uint64(FEATURES),
       ctypes.c_float(NAN), ctypes.byref(matrix), 1)
  call('XGDMatrixSetFloatInfo', matrix, b'label', label.ctypes.data_as(floats), ctypes.c_uint64(len(y)))
  call('XGBoosterCreate', ctypes.byref(matrix), ctypes.c_uint64(1), ctypes.byref(booster))
  for name, value in (PARAMETERS | {'base_score': np.mean(label)}).items():
    call('XGBoosterSetParam', booster, name.encode(), str(value).encode())
  for i in range(ROUNDS):
    call('XGBoosterUpdateOneIter', booster, i, matrix)
  return matrix, booster


def predict(matrix, booster, option):
  length, out = ctypes.c_uint64(), ctypes.POINTER(ctypes.c_float)()
  call('XGBoosterPredict', booster, matrix, option, 0, 0, ctypes.byref(length), ctypes.byref(out))
  return np.ctypeslib.as_array(out, (length.value,)).astype(float).reshape(ROWS, -1)


def single(v):
  return float(np.float32(v))


def nodes(booster):
  """Of every tree a list of its nodes (feature, threshold, left, right, missing, value, cover)"""
  length, out = ctypes.c_uint64(), ctypes.POINTER(ctypes.c_char_p)()
  call('XGBoosterDumpModelEx', booster, b'', 1, b'json', ctypes.byref(length), ctypes.byref(out))
  for i in range(length.value):
    found, stack = {}, [json.loads(out[i].decode())]
    while stack:
      n = stack.pop()
      if 'leaf' in n:
        found[n['nodeid']] = (-1, 0, 0, 0, 0, single(n['leaf']), single(n['cover']))
      else:
        found[n['nodeid']] = (int(n['split'][1:]), single(n['split_condition']), n['yes'], n['no'], n['missing'], 0,
                              single(n['cover']))
        stack += n['children']
    assert sorted(found) == list(range(len(found)))
    yield [found[k] for k in range(len(found))]


def expected(tree, row, known, at=0):
  """What the tree gives if only the features `known` of the row are told"""
  feature, threshold, left, right, missing, value, _ = tree[at]
  if feature < 0:
    return value
  if feature in known:
    x = row[feature]
    return expected(tree, row, known, missing if math.isnan(x) else left if np.float32(x) < np.float32(threshold) else right)
  weights = tree[left][6], tree[right][6]
  return (weights[0] * expected(tree, row, known, left) + weights[1] * expected(tree, row, known, right)) / sum(weights)


def contributions(trees, row):
  subsets = [frozenset(s) for k in range(FEATURES + 1) for s in combinations(range(FEATURES), k)]
  of = {s: BASE + math.fsum(expected(t, row, s) for t in trees) for s in subsets}
  shares = [math.fsum(math.factorial(len(s)) * math.factorial(FEATURES - len(s) - 1) / math.factorial(FEATURES)
                      * (of[s | {i}] - of[s]) for s in subsets if i not in s) for i in range(FEATURES)]
  return of[subsets[-1]], of[subsets[0]], shares


x, y = make(1)
BASE = math.log(sum(y) / (ROWS - sum(y)))  # the margin of base_score
matrix, booster = train(x, y)
margins, shapley = predict(matrix, booster, 1), predict(matrix, booster, 4)
trees = list(nodes(booster))

with open('test/data/trees_train.csv', 'w', newline='') as out:
  out = csv.writer(out, lineterminator='\n')
  out.writerow(['label'] + [f'x{i}' for i in range(FEATURES)])
  for label, row in zip(y, x):
    out.writerow(['ft'[label]] + ['' if math.isnan(v) else repr(v) for v in row])

with open('test/data/trees_nodes.csv', 'w', newline='') as out:
  out = csv.writer(out, lineterminator='\n')
  out.writerow(['tree', 'node', 'feature', 'threshold', 'left', 'right', 'missing', 'value', 'cover'])
  for i, tree in enumerate(trees):
    for k, n in enumerate(tree):
      out.writerow([i, k] + list(n))

with open('test/data/trees_rows.csv', 'w', newline='') as out:
  out = csv.writer(out, lineterminator='\n')
  out.writerow([f'x{i}' for i in range(FEATURES)] + ['margin', 'base'] + [f'c{i}' for i in range(FEATURES)])
  apart = [0, 0]
  for row, theirs, their_shares in zip(x[:WRITTEN], margins, shapley):
    margin, base, shares = contributions(trees, row)
    apart[0] = max(apart[0], abs(margin - theirs[0]))
    apart[1] = max(apart[1], *(abs(a - b) for a, b in zip(shares + [base], their_shares)))
    assert abs(base + math.fsum(shares) - margin) < 1e-9
    out.writerow([repr(v) for v in row + [margin, base] + shares])
  assert max(apart) < 1e-4
  print(f'{sum(map(len, trees))} nodes; XGBoost is at most {apart[0]:.1e} apart in margins, {apart[1]:.1e} in contributions')
