"""Recommenders as numpy and scipy have them, on the pairs of customer and item
that bench/recommend wrote: seconds of each, with the data in memory.

    python3 bench/numpy_recommender.py pairs.csv
"""
import sys
import time

import numpy as np
from scipy import linalg, sparse


def similar(x, neighbours=50):
  norm = 1 / np.sqrt(np.maximum(np.asarray(x.power(2).sum(axis=0)).ravel(), 1e-9))
  scaled = x @ sparse.diags(norm)
  cosine = (scaled.T @ scaled).toarray()
  np.fill_diagonal(cosine, 0)
  return np.argpartition(-cosine, neighbours, axis=1)[:, :neighbours]


def ease(x, penalty=100):
  gram = (x.T @ x).toarray()
  gram[np.diag_indices_from(gram)] += penalty
  inverse = linalg.inv(gram, overwrite_a=True, check_finite=False)
  weights = inverse / -np.diag(inverse)
  np.fill_diagonal(weights, 0)
  return weights


def als_half(x, fixed, confidence, penalty):
  k = fixed.shape[1]
  gram = fixed.T @ fixed + penalty * np.eye(k)
  solved = np.zeros((x.shape[0], k))
  for row in range(x.shape[0]):
    cells = slice(x.indptr[row], x.indptr[row + 1])
    f = fixed[x.indices[cells]]
    weight = confidence * x.data[cells]
    if len(f):
      solved[row] = linalg.solve(gram + (f.T * weight) @ f, f.T @ (1 + weight),
                                 assume_a='pos', check_finite=False)
  return solved


def als(x, factors=32, confidence=20, penalty=5, iterations=6):
  turned = x.T.tocsr()
  items = (np.random.default_rng(1).random((x.shape[1], factors)) - 0.5) / np.sqrt(factors)
  for _ in range(iterations):
    customers = als_half(x, items, confidence, penalty)
    items = als_half(turned, customers, confidence, penalty)
  return customers, items


def main():
  pairs = np.loadtxt(sys.argv[1], delimiter=',', dtype=np.int64)
  x = sparse.csr_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])))
  for work in similar, ease, als:
    begun = time.perf_counter()
    work(x)
    print('%s %.3f' % (work.__name__, time.perf_counter() - begun))


if __name__ == '__main__':
  main()
