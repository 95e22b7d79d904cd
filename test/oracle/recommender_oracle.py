#!/usr/bin/env python3
"""Reference values for recommenders: similarity, EASE and factors by dense matrices.

    python3 test/oracle/recommender_oracle.py

Prints, as rows of VALUES for test/pgtap/recommender.sql, the five best items
and their scores for some baskets, by each ranking.  Customers, items, weights
and days come of a formula that the test has too.  Everything is dense and by
the published formulas: cosine with shrinkage (Bell and Koren 2007), EASE (Steck
2019) by a plain inverse, and alternating least squares (Hu, Koren and Volinsky
2008) by solving each customer's and each item's normal equations as they stand
in the paper.  The factors start from xoroshiro128** seeded by splitmix64, which
is the server's generator.  Needs python3-numpy; run from anywhere.
"""
import numpy as np

CUSTOMERS, ITEMS, DAYS = 200, 30, 300
HALF_LIFE, MOST, FEWEST = 100, 2, 5
NEIGHBOURS, SHRINKAGE = 12, 4
EASE_NEIGHBOURS, PENALTY = 10, 50
FACTORS, CONFIDENCE, FACTOR_PENALTY, ITERATIONS, SEED = 6, 15, 3, 6, 7
BASKETS = [[1], [2, 9], [3, 14, 27], [5, 6, 7, 8, 30]]
MASK = (1 << 64) - 1


def rows():
  """customer, item, weight, day"""
  for c in range(1, CUSTOMERS + 1):
    for i in range(1, ITEMS + 1):
      if (c * c * 31 + i * i * 17 + c * i * 7 + c // 3) % 11 < 3 or (c + i) % 10 == 0:
        yield c, i, 0.5 + c * i % 3, (c * 13 + i * 29) % DAYS


def rotate(x, bits):
  return ((x << bits) | (x >> (64 - bits))) & MASK


def generator(seed):
  """Uniform numbers from 0 to 1, as pg_prng_double() gives them"""
  state = []
  for _ in range(2):
    seed = (seed + 0x9E3779B97F4A7C15) & MASK
    z = ((seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    state.append(z ^ (z >> 31))
  s0, s1 = state
  while True:
    sx = s1 ^ s0
    value = (rotate((s0 * 5) & MASK, 7) * 9) & MASK
    s0, s1 = rotate(s0, 24) ^ sx ^ ((sx << 16) & MASK), rotate(sx, 37)
    yield (value >> 12) * 2.0 ** -52


def keep_largest(matrix, size, most):
  """The largest of each row by size; of equal ones the item that stands first"""
  kept = np.zeros_like(matrix)
  for i, row in enumerate(size):
    best = sorted((j for j in range(len(row)) if row[j] > 0), key=lambda j: (-row[j], j))[:most]
    kept[i, best] = matrix[i, best].astype(np.float32)
  return kept


def similar(x, bought):
  norm = np.sqrt((x * x).sum(axis=0))
  cosine = x.T @ x / (np.outer(norm, norm) + SHRINKAGE)
  cosine[bought.T @ bought < FEWEST] = 0
  np.fill_diagonal(cosine, 0)
  return keep_largest(cosine, cosine, NEIGHBOURS)


def ease(x):
  p = np.linalg.inv(x.T @ x + PENALTY * np.eye(ITEMS))
  b = -p / np.diag(p)
  np.fill_diagonal(b, 0)
  return keep_largest(b, abs(b), EASE_NEIGHBOURS)


def solve(fixed, r):
  """Factors of one row, with a weight for every cell, also for the empty ones"""
  weight = np.diag(1 + CONFIDENCE * r)
  return np.linalg.solve(fixed.T @ weight @ fixed + FACTOR_PENALTY * np.eye(FACTORS), fixed.T @ weight @ (r > 0))


def factors(x):
  random = generator(SEED)
  of_items = np.array([(next(random) - 0.5) / np.sqrt(FACTORS) for _ in range(ITEMS * FACTORS)]).reshape(ITEMS, FACTORS)
  for _ in range(ITERATIONS):
    of_customers = np.array([solve(of_items, row) for row in x])
    of_items = np.array([solve(of_customers, row) for row in x.T])
  return of_items


def main():
  x, days = np.zeros((CUSTOMERS, ITEMS)), np.zeros(ITEMS)
  last = max(day for _, _, _, day in rows())
  for c, i, weight, day in rows():
    x[c - 1, i - 1] += weight * 2 ** (-(last - day) / HALF_LIFE)
    days[i - 1] += 2 ** (-(last - day) / 90)
  bought = (x > 0).astype(int)
  x = np.minimum(x, MOST)
  assert bought.sum(axis=0).min() >= FEWEST
  links = {'similar': similar(x, bought), 'ease': ease(x)}
  of_items = factors(x)
  for ranking in ('similar', 'ease', 'factors'):
    for basket in BASKETS:
      has = np.zeros(ITEMS)
      has[[i - 1 for i in basket]] = 1
      score = of_items @ solve(of_items, has) if ranking == 'factors' else has @ links[ranking]
      score = np.maximum(score, 0) + 0.003 + 1e-7 * days
      best = sorted(np.flatnonzero(has == 0), key=lambda i: -score[i])[:5]
      print(f"\t('{ranking}', '{{{','.join(map(str, basket))}}}', '{{{','.join(str(i + 1) for i in best)}}}', "
            f"'{{{','.join(f'{score[i]:.9f}' for i in best)}}}'),")


if __name__ == '__main__':
  main()
