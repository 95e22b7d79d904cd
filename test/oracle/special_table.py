#!/usr/bin/env python3
"""Prints test/model/special_table.h, worked out with 120 digits.

    python3 test/oracle/special_table.py >test/model/special_table.h
"""

import mpmath as mp

mp.mp.dps = 120

HEADER = """/*-------------------------------------------------------------------------
 *
 * special_table.h
 *	  Values of special functions with 20 digits.
 *
 * Made by test/oracle/special_table.py (mpmath with 120 digits); do not edit.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TEST_SPECIAL_TABLE_H
#define TEST_SPECIAL_TABLE_H

/* Arguments and value */
typedef struct Case
{
	double		at[4];
	double		value;
} Case;
"""


def exactly(function, *numbers):
    value = function(*[mp.mpf(float(n)) for n in numbers])
    return mp.mpf(0) if numbers[-1] == 0 and abs(value) < 1e-100 else value


def row(numbers, value):
    # arguments are doubles, so each is written with all the digits it needs
    arguments = ", ".join(repr(float(n)) for n in numbers)
    print("\t{{%s}, %s}," % (arguments, mp.nstr(value, 20, min_fixed=0, max_fixed=0)))


def table(name, rows):
    print("static const Case %s[] = {" % name)
    for numbers, value in rows:
        row(numbers, value)
    print("};\n")


def log_rising(a, n):
    return mp.loggamma(a + n) - mp.loggamma(a)


def log_beta_ratio(a, b, n):
    return (mp.loggamma(b + n) - mp.loggamma(a + b + n)
            - mp.loggamma(b) + mp.loggamma(a + b))


def beta_inc(a, b, x):
    return mp.betainc(a, b, 0, x, regularized=True)


def negbin_log_mass(r, tau, n):
    return (mp.loggamma(r + n) - mp.loggamma(r) - mp.loggamma(n + 1)
            + n * mp.log(tau) - (r + n) * mp.log1p(tau))


def negbin_tail(r, tau, n):
    # the positive sum: from n on, until it changes no more
    mass = mp.exp(negbin_log_mass(r, tau, n))
    total = mp.mpf(0)
    ratio = tau / (1 + tau)
    k = n
    while True:
        total += mass
        step = ratio * (r + k) / (k + 1)
        if step < 1 and mass * step / (1 - step) < total * mp.mpf(10) ** -40:
            return total
        mass *= step
        k += 1


def normal_tail_quantile(tail):
    # of the double, whose error counts where tails are near 1/2
    if tail == mp.mpf(1) / 2:
        return mp.mpf(0)
    return mp.sqrt(2) * mp.erfinv(1 - 2 * tail) if tail > 1e-20 else mp.findroot(
        lambda z: mp.log(mp.erfc(z / mp.sqrt(2)) / 2) - mp.log(tail),
        mp.sqrt(-2 * mp.log(tail)))


SIZES = [1e-100, 1e-20, 1e-7, 1e-3, 0.1, 0.5, 0.9999999, 1.0,
         1.0000001, 1.4616321449683622, 2.0, 2.5, 5.25, 9.999999, 10.0, 10.5,
         23.75, 100.0, 1234.5, 1e6, 123456789.125, 1e12, 1e17]
COUNTS = [0.0, 1.0, 2.0, 24.0, 25.0, 100.0, 1e6]
SHARES = [1e-12, 1e-3, 0.125, 0.5, 0.75, 0.984375]


def main():
    print(HEADER)
    table("rising", [((a, n), exactly(log_rising, a, n))
                     for a in SIZES
                     for n in COUNTS + [1e-3, 0.5, 2.25, 24.5, 777.7]])
    some = [1e-15, 1e-9, 1e-3, 0.5, 1.0, 2.5, 9.999999, 100.0, 1e6, 6e7, 1e9, 1e12, 1e15]
    table("beta_ratio", [((a, b, n), exactly(log_beta_ratio, a, b, n))
                         for a in some for b in some for n in COUNTS])
    table("psi", [((x,), exactly(lambda x: mp.psi(0, x), x)) for x in SIZES])
    table("psi_one", [((x,), exactly(lambda x: mp.psi(1, x), x))
                      for x in SIZES if x > 1e-150])
    shapes = [1e-3, 0.5, 1.0, 2.5, 10.0, 100.0, 1234.5]
    table("incomplete",
          [((a, b, x, y), exactly(lambda a, b, x: beta_inc(a, b, x), a, b, x))
           for a in shapes for b in shapes for x in SHARES
           for y in [1 - x]
           if mp.betainc(a, b, 0, x, regularized=True) > 1e-280])
    table("mass", [((r, tau, n), exactly(negbin_log_mass, r, tau, n))
                   for r in [1e-7, 1e-3, 0.5, 12.5, 1e3, 1e7]
                   for tau in [1e-9, 1e-3, 0.5, 100.0, 1e6]
                   for n in [0.0, 1.0, 64.0, 65.0, 1000.0, 1e6]])
    table("tail", [((r, tau, n), exactly(negbin_tail, r, tau, n))
                   for r in [1e-3, 0.5, 1.0, 12.5, 300.0]
                   for tau in [1e-6, 1e-3, 0.5, 2.0, 20.0]
                   for n in [0.0, 1.0, 2.0, 64.0, 200.0]
                   if tau > 1e-3 or n < 64])
    table("deviations", [((tail,), exactly(normal_tail_quantile, tail))
                         for tail in [0.5, 0.49, 0.4, 0.25, 0.1, 0.05, 0.025,
                                      0.005, 5e-4, 5e-6, 5e-10, 1e-15, 1e-100,
                                      1e-300]])
    print("#endif\t\t\t\t\t\t\t/* TEST_SPECIAL_TABLE_H */")


main()
