#!/usr/bin/env python3
"""Arbitrary-precision reference values for customer-lifetime-value models (CSV on stdout or argv[1])."""
import itertools
import math
import sys
import zlib
from functools import lru_cache
from mpmath import mp, mpf
from mpmath.calculus.quadrature import GaussLegendre

H = mpf("0.15")  # base step of the trapezoid rule; halved at every level
LEVEL = 0        # each level adds digits and halves the step, so agreement tests both
INF = math.inf
TINY = mpf("1e-300")  # smaller probabilities and expectations are left out


def cached(fn):
    """Cache per level: a cached value must not survive a change of precision."""
    store = lru_cache(maxsize=100000)(lambda level, prec, *args: fn(*args))
    return lambda *args: store(LEVEL, mp.prec, *args)


def settle(fn, args):
    """Raise digits and refine steps until two successive levels agree to 1e-25."""
    global LEVEL
    last = None
    for LEVEL in range(7):
        mp.dps = 60 + 20 * LEVEL
        value = fn(*args)
        if last is not None and abs(value - last) <= mpf("1e-25") * abs(value):
            return value
        if last is not None and "log_likelihood" in fn.__name__ and max(abs(value), abs(last)) < mpf("1e-45"):
            return mpf(0)  # ln 1: what is left is rounding
        last = value
    raise AssertionError(("no agreement", fn.__name__, args))


# --- quadrature: positive integrands, uniform steps in a logit variable -------------------------

def trapezoid(term, centre, width=1):
    """Integrate over the real line a function with one hump; width = its narrowest scale."""
    h = H / 2 ** LEVEL * min(mpf(1), 3 * width)
    eps = mpf(10) ** -(36 + 8 * LEVEL)
    total = term(centre)
    for sign in (1, -1):
        small, k = 0, 0
        while small < 8:  # eight in a row: one small term may be a change of sign
            k += 1
            e = mp.exp(k * h / 8)
            v = term(centre + sign * 4 * (e - 1 / e)) * (e + 1 / e) / 2  # y = 8 sinh(tau / 8) shortens slow tails
            total += v
            small = small + 1 if abs(v) <= eps * abs(total) else 0
    return total * h


def integral(f, lo, hi, width=1):
    """Integral of f(u) over (lo, hi); f gets u, hi may be inf. Log-resolved at both ends."""
    if hi == lo:
        return mpf(0)

    def term(y):
        e = mp.exp(y)
        if hi == INF:
            return f(lo + e) * e
        return f(lo + (hi - lo) * e / (1 + e)) * (hi - lo) * e / (1 + e) ** 2
    return trapezoid(term, mpf(0), width)


@cached
def lbeta(a, b):
    return mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)


def beta_mean(F, a, b, F0, F1):
    """E[F(p, 1-p)] for p ~ Beta(a, b); F0, F1 = F at p = 0, 1."""
    # A shape near 0 leaves slow tails: take the end value out, its mean is known exactly.
    c0 = F0 if a < 0.3 else 0
    c1 = F1 if b < 0.3 else 0
    lb = lbeta(a, b)

    def term(y):
        e = mp.exp(y)
        p, q, l = e / (1 + e), 1 / (1 + e), mp.log1p(e)
        return mp.exp(a * (y - l) - b * l - lb) * (F(p, q) - c0 * q - c1 * p)
    # The remainder vanishes at a subtracted end, so its hump sits as if that shape were larger by 1.
    a1, b1 = a + (a < 0.3), b + (b < 0.3)
    return (c0 * b + c1 * a) / (a + b) + trapezoid(term, mp.log(a1 / b1), mp.sqrt(1 / a1 + 1 / b1))


def scaled_expint(nu, w):
    """exp(w) E_nu(w); mpmath's expint is wrong or slow for large arguments, hence the fraction."""
    if nu < 100 and w < 8:
        return mp.exp(w) * mp.expint(nu, w)
    eps = mpf(10) ** (3 - mp.dps)
    b, c, d, k = w + nu, mpf(10) ** 300, 1 / (w + nu), 0
    h = d
    while True:
        k += 1
        an = -k * (nu - 1 + k)
        b += 2
        d = 1 / (an * d + b)
        c = b + an / c
        h *= c * d
        if abs(c * d - 1) < eps:
            return h


def annuity(t, delta):
    """Integral of exp(-delta s) over (0, t)."""
    if delta == 0:
        return t
    return 1 / delta if t == INF else -mp.expm1(-delta * t) / delta


# --- negative binomial pieces shared by the continuous models ----------------------------------

@cached
def nb_log(n, r, alpha, t):
    """ln P(n purchases in (0, t]) without dropout."""
    v = mp.loggamma(r + n) - mp.loggamma(r) - mp.loggamma(n + 1) - r * mp.log1p(t / alpha)
    return v + n * mp.log(t / (alpha + t)) if n else v


def nb_tail(n, r, alpha, t):
    """P(at least n purchases in (0, t]) without dropout: the n-th purchase falls before t."""
    if n == 0:
        return mpf(1)
    lb = lbeta(mpf(n), r)
    return integral(lambda u: mp.exp(n * mp.log(u) - (r + n) * mp.log(alpha + u) + r * mp.log(alpha) - lb) / u,
                    mpf(0), t, mp.sqrt(1 / mpf(n) + 1 / r))


class NBD:
    def __init__(self, r, alpha):
        self.r, self.alpha = r, alpha

    def log_likelihood(self, x, tx, T):
        return (mp.loggamma(self.r + x) - mp.loggamma(self.r) + self.r * mp.log(self.alpha)
                - (self.r + x) * mp.log(self.alpha + T))

    def expected_purchases(self, x, tx, T, t):
        return self.discounted_purchases(x, tx, T, t, mpf(0))

    def expected_new(self, t):
        return self.r / self.alpha * t

    def purchase_probability(self, n, t):
        return mp.exp(nb_log(n, self.r, self.alpha, t))

    def p_no_purchase(self, x, tx, T, t):
        return mp.exp(-(self.r + x) * mp.log1p(t / (self.alpha + T)))

    def discounted_purchases(self, x, tx, T, t, delta):
        return (self.r + x) / (self.alpha + T) * annuity(t, delta)


class Dropout(NBD):
    """Shared by the models with death: dead_odds, idle_alive and buys_alive differ."""

    def p_alive(self, x, tx, T):
        return 1 / (1 + self.dead_odds(x, tx, T))

    def log_likelihood(self, x, tx, T):
        return self.log_alive_part(x, tx, T) + mp.log1p(self.dead_odds(x, tx, T))

    def p_no_purchase(self, x, tx, T, t):
        odds = self.dead_odds(x, tx, T)
        return (odds + self.idle_alive(x, T, t)) / (1 + odds)

    def expected_purchases(self, x, tx, T, t):
        return self.p_alive(x, tx, T) * self.buys_alive(x, T, t, mpf(0))

    def discounted_purchases(self, x, tx, T, t, delta):
        return self.p_alive(x, tx, T) * self.buys_alive(x, T, t, delta)


@cached
def coin_buys(R, A, a, b, t, delta):
    """Discounted purchases in (0, t] while alive: lambda ~ Gamma(R, A), dropout p ~ Beta(a, b)."""
    if delta == 0:
        if t == INF:
            return (a + b - 1) / (a - 1)
        c = t / A
        F = lambda p, q: -mp.expm1(-R * mp.log1p(p * c)) / p
        return beta_mean(F, a, b, R * c, -mp.expm1(-R * mp.log1p(c)))

    def F(p, q=None):
        w = delta * A / p
        v = scaled_expint(R + 1, w)
        if t != INF:
            late = -delta * t - R * mp.log1p(p * t / A)
            if late > -200:
                v -= mp.exp(late) * scaled_expint(R + 1, w + delta * t)
        return R / p * v
    return beta_mean(F, a, b, R / A * annuity(t, delta), F(mpf(1)))


class BGNBD(Dropout):
    first = 0  # 1 when the coin is also tossed at time zero

    def __init__(self, r, alpha, a, b):
        self.r, self.alpha, self.a, self.b = r, alpha, a, b

    def log_alive_part(self, x, tx, T):
        return (NBD.log_likelihood(self, x, tx, T)
                + lbeta(self.a, self.b + x + self.first) - lbeta(self.a, self.b))

    def dead_odds(self, x, tx, T):
        if x + self.first == 0:
            return mpf(0)
        grow = mp.exp((self.r + x) * mp.log1p((T - tx) / (self.alpha + tx)))
        return self.a / (self.b + x + self.first - 1) * grow

    def idle_alive(self, x, T, t):
        return NBD.p_no_purchase(self, x, None, T, t)

    def buys_alive(self, x, T, t, delta):
        return coin_buys(self.r + x, self.alpha + T, self.a, self.b + x + self.first, t, delta)

    def expected_new(self, t):
        return self.expected_purchases(0, mpf(0), mpf(0), t)

    def purchase_probability(self, n, t):
        a, b, f, lb = self.a, self.b, self.first, lbeta(self.a, self.b)
        alive = mp.exp(lbeta(a, b + n + f) - lb + nb_log(n, self.r, self.alpha, t))
        if n + f == 0:
            return alive
        return alive + mp.exp(lbeta(a + 1, b + n + f - 1) - lb) * nb_tail(n, self.r, self.alpha, t)


class MBGNBD(BGNBD):
    first = 1


class Pareto(Dropout):
    def __init__(self, r, alpha, s, beta):
        self.r, self.alpha, self.s, self.beta = r, alpha, s, beta

    def log_alive_part(self, x, tx, T):
        return NBD.log_likelihood(self, x, tx, T) - self.s * mp.log1p(T / self.beta)

    @staticmethod
    def death_integral(R, A, s, B, A1, B1, lo, hi):
        """s * integral over (lo, hi) of (A1/(A+u))^R (B1/(B+u))^s / (B+u) du."""
        top = R * mp.log(A1) + s * mp.log(B1)
        return s * integral(lambda u: mp.exp(top - R * mp.log(A + u) - s * mp.log(B + u)) / (B + u), lo, hi)

    def dead_odds(self, x, tx, T):
        return self.death_integral(self.r + x, self.alpha, self.s, self.beta,
                                   self.alpha + T, self.beta + T, tx, T)

    def idle_alive(self, x, T, t):
        R, A, B = self.r + x, self.alpha + T, self.beta + T
        stay = mp.exp(-R * mp.log1p(t / A) - self.s * mp.log1p(t / B))
        return stay + self.death_integral(R, A, self.s, B, A, B, mpf(0), t)

    def buys_alive(self, x, T, t, delta):
        R, A, B, s = self.r + x, self.alpha + T, self.beta + T, self.s
        if delta == 0:
            if t == INF:
                return R / A * B / (s - 1)
            l = mp.log1p(t / B)
            return R / A * B * (l if s == 1 else mp.expm1((1 - s) * l) / (1 - s))
        return R / A * integral(lambda u: mp.exp(-delta * u - s * mp.log1p(u / B)), mpf(0), t)

    def expected_new(self, t):
        return self.buys_alive(0, mpf(0), t, mpf(0))

    def purchase_probability(self, n, t):
        r, al, s, be = self.r, self.alpha, self.s, self.beta
        stay = mp.exp(nb_log(n, r, al, t) - s * mp.log1p(t / be))
        if n == 0:
            return stay + self.death_integral(r, al, s, be, al, be, mpf(0), t)
        top = mp.loggamma(r + n) - mp.loggamma(r) - mp.loggamma(n + 1) + r * mp.log(al) + s * mp.log(be)
        f = lambda u: mp.exp(top + n * mp.log(u) - (r + n) * mp.log(al + u) - s * mp.log(be + u)) / (be + u)
        return stay + s * integral(f, mpf(0), t, mp.sqrt(1 / mpf(n) + 1 / (r + s)))


class BGBB(Dropout):
    """Opportunities 1..n: a death coin (theta), then if alive a purchase coin (p)."""

    def __init__(self, alpha, beta, gamma, delta):
        self.al, self.be, self.ga, self.de = alpha, beta, gamma, delta

    def log_alive_part(self, x, tx, n):
        return (lbeta(self.al + x, self.be + n - x) - lbeta(self.al, self.be)
                + lbeta(self.ga, self.de + n) - lbeta(self.ga, self.de))

    def dead_odds(self, x, tx, n):
        # Term i (alive through opportunity i, dead from i+1) over the alive part, from i = n-1 down.
        term = self.ga / (self.de + n - 1) * (self.al + self.be + n - 1) / (self.be + n - 1 - x) if n > tx else 0
        total = mpf(0)
        for i in range(int(n) - 1, int(tx) - 1, -1):
            total += term
            if i > tx:
                term *= (self.ga + self.de + i) / (self.de + i - 1) * (self.al + self.be + i - 1) / (self.be + i - 1 - x)
        return total

    def idle_alive(self, x, n, t):
        a, b, g, d = self.al + x, self.be + n - x, self.ga, self.de + n
        idle, live, total = mpf(1), mpf(1), mpf(0)
        for i in range(int(t)):
            total += idle * live * g / (g + d + i)  # E[(1-p)^i] E[theta (1-theta)^i]
            idle *= (b + i) / (a + b + i)
            live *= (d + i) / (g + d + i)
        return total + idle * live

    def buys_alive(self, x, n, t, delta):
        g, d = self.ga, self.de + n
        each = (self.al + x) / (self.al + self.be + n)
        if t == INF:
            if delta == 0:
                return each * d / (g - 1)
            z, w = mp.exp(-delta), -mp.expm1(-delta)
            return each * beta_mean(lambda p, q: z * q / (w + z * p), g, d, z / w, mpf(0))
        term, total, z = mpf(1), mpf(0), mp.exp(-delta)
        for i in range(int(t)):
            term *= z * (d + i) / (g + d + i)
            total += term
        return each * total

    def expected_new(self, t):
        return self.buys_alive(0, mpf(0), t, mpf(0))

    def purchase_probability(self, x, n):
        a, b, g, d = self.al, self.be, self.ga, self.de
        term = mp.exp(lbeta(a + x, b) - lbeta(a, b) + lbeta(g, d + x) - lbeta(g, d))
        total = mpf(0)  # term: C(i, x) P(these purchases in i opportunities) P(alive through i)
        for i in range(x, int(n)):
            total += term * g / (g + d + i)
            term *= mpf(i + 1) / (i + 1 - x) * (b + i - x) / (a + b + i) * (d + i) / (g + d + i)
        return total + term


class GammaGamma:
    def __init__(self, p, q, v):
        self.p, self.q, self.v = p, q, v

    def log_likelihood(self, x, m):
        p, q, v = self.p, self.q, self.v
        return (mp.loggamma(p * x + q) - mp.loggamma(p * x) - mp.loggamma(q) + q * mp.log(v)
                + (p * x - 1) * mp.log(m) + p * x * mp.log(x) - (p * x + q) * mp.log(x * m + v))

    def expected_order_value(self, x, m):
        return self.p * (self.v + x * m) / (self.p * x + self.q - 1)


MODELS = {"bgnbd": BGNBD, "mbgnbd": MBGNBD, "pareto_nbd": Pareto, "nbd": NBD, "bgbb": BGBB, "gamma_gamma": GammaGamma}
FIELDS = {"log_likelihood": "x tx T", "p_alive": "x tx T", "expected_purchases": "x tx T t",
          "expected_new": "t", "purchase_probability": "x t", "p_no_purchase": "x tx T t",
          "discounted_purchases": "x tx T t delta", "expected_order_value": "x tx"}


def evaluate(function, model, params, data):
    """data: dict of doubles; x stays an integer, all else starts from exactly the double."""
    args = [data[k] if k == "x" or data[k] == INF else mpf(data[k]) for k in FIELDS[function].split() if k in data]
    call = lambda *a: getattr(MODELS[model](*map(mpf, params)), function)(*a)
    call.__name__ = "%s %s %r" % (model, function, params)
    return settle(call, args)


# --- cross-checks by other routes ---------------------------------------------------------------

def close(u, v, tol, what):
    assert abs(u - v) <= mpf(tol) * abs(v), (what, u, v)


def closed_coin_buys(R, A, a, b, t):
    """The published 2F1 form; its removable poles are passed by a shift far below the tolerance."""
    with mp.workdps(200):
        a = a + mpf(10) ** -70
        z = t / (A + t)
        f = mp.hyp2f1(R, b, a + b - 1, z, maxterms=10 ** 6, maxprec=10 ** 5)
        return (a + b - 1) / (a - 1) * (1 - mp.exp(-R * mp.log1p(t / A)) * f)


def closed_death_integral(r, al, s, be, x, tx, T):
    """Fader & Hardie's A0 form of the pareto_nbd integral (two 2F1), over (tx, T)."""
    with mp.workdps(150):
        R, top = r + x, max(al, be)
        second = s + 1 if al >= be else r + x
        g = lambda u: mp.hyp2f1(R + s, second, R + s + 1, abs(al - be) / (top + u), maxterms=10 ** 6) / (top + u) ** (R + s)
        return s / (R + s) * (g(tx) - g(T))


def check_row(function, model, params, data, value):
    """Second route for the rows the closed forms can reach; True when checked."""
    par, d = [mpf(v) for v in params], {k: mpf(v) if k != "x" else v for k, v in data.items()}
    small = max(params) < 50 and min(params) > 1e-3 and data.get("x", 0) <= 30
    if not small:
        return False
    if model in ("bgnbd", "mbgnbd"):
        r, al, a, b = par
        f = int(model == "mbgnbd")
        if function in ("expected_purchases", "expected_new"):
            x, tx, T = (d["x"], d["tx"], d["T"]) if "x" in d else (0, mpf(0), mpf(0))
            alive = MODELS[model](*par).p_alive(x, tx, T)
            close(closed_coin_buys(r + x, al + T, a, b + x + f, d["t"]) * alive, value, "1e-25", data)
            return True
        if function == "purchase_probability" and 0 < d["x"]:
            n, t = d["x"], d["t"]
            tail = mp.betainc(n, r, 0, t / (al + t), regularized=True)
            pmf = mp.beta(a, b + n + f) / mp.beta(a, b) * mp.exp(nb_log(n, r, al, t))
            close(pmf + mp.beta(a + 1, b + n + f - 1) / mp.beta(a, b) * tail, value, "1e-25", data)
            return True
        if function == "discounted_purchases" and d["delta"] > 0 and data["x"] <= 3 and d["delta"] * d["T"] < 50:
            # Integrate over time instead of over p; costly, so only the everyday parameters.
            if params[0] != 0.242594522 and params[0] != 0.524843159:
                return False
            R, A, b1 = r + d["x"], al + d["T"], b + d["x"] + f
            with mp.workdps(30):
                g = lambda s: mp.exp(-d["delta"] * s) * R / A * mp.hyp2f1(R + 1, a, a + b1, -s / A)
                hi = min(d["t"], 75 / d["delta"])
                cuts = [0] + [c for c in (mpf(10) ** k for k in range(-2, 8)) if c < hi] + [hi]
                v = mp.quad(g, cuts) * MODELS[model](*par).p_alive(d["x"], d["tx"], d["T"])
            close(v, value, "1e-20", data)
            return True
    if model == "pareto_nbd":
        m = Pareto(*par)
        if function in ("log_likelihood", "p_alive") and data["T"] > data["tx"]:
            r, al, s, be = par
            I = closed_death_integral(r, al, s, be, d["x"], d["tx"], d["T"])
            odds = I * (al + d["T"]) ** (r + d["x"]) * (be + d["T"]) ** s
            v = 1 / (1 + odds) if function == "p_alive" else m.log_alive_part(d["x"], d["tx"], d["T"]) + mp.log1p(odds)
            close(v, value, "1e-25", data)
            return True
        if function == "discounted_purchases" and d["delta"] > 0:
            with mp.workdps(100):
                B, s = m.beta + d["T"], m.s
                v = B * scaled_expint(s, d["delta"] * B)
                if data["t"] != INF:
                    B1 = B + d["t"]
                    v -= mp.exp(-d["delta"] * d["t"] + s * mp.log(B / B1)) * B1 * scaled_expint(s, d["delta"] * B1)
                v *= (m.r + d["x"]) / (m.alpha + d["T"]) * m.p_alive(d["x"], d["tx"], d["T"])
            close(v, value, "1e-25", data)
            return True
    if model == "bgbb":
        m = BGBB(*par)
        g = m.ga
        if function == "expected_purchases" and abs(g - 1) > 1e-12:
            dd = m.de + d["T"]
            v = dd / (g - 1) * -mp.expm1(lbeta(g - 1, dd + 1 + d["t"]) - lbeta(g - 1, dd + 1)) if g > 1 else None
            if v is not None:
                v *= m.p_alive(d["x"], d["tx"], d["T"]) * (m.al + d["x"]) / (m.al + m.be + d["T"])
                close(v, value, "1e-25", data)
                return True
        if function == "discounted_purchases" and data["t"] == INF and data["delta"] >= 0.01:
            v = m.discounted_purchases(d["x"], d["tx"], d["T"], 80 / data["delta"], d["delta"])
            close(v, value, "1e-25", data)
            return True
    return False


def check_bgbb_by_enumeration():
    """Every life length and purchase string of n + m opportunities, with exact beta moments."""
    par, n, m = [mpf("1.2"), mpf("0.75"), mpf("0.66"), mpf("2.78")], 4, 3
    N, mod, al, be, ga, de = n + m, BGBB(*par), *par
    z, cells = mpf("0.9"), {}
    for life in range(N + 1):
        die = mp.beta(ga + (life < N), de + life) / mp.beta(ga, de)
        for s in itertools.product((0, 1), repeat=life):
            s = s + (0,) * (N - life)
            w = die * mp.beta(al + sum(s), be + life - sum(s)) / mp.beta(al, be)
            c = cells.setdefault(s[:n], [mpf(0)] * 5)
            fut = s[n:]
            for k, v in enumerate((1, life >= n, sum(fut), not any(fut), sum(z ** (i + 1) * v for i, v in enumerate(fut)))):
                c[k] += w * v
    counts = {}
    for s, (L, alive, buys, none, disc) in cells.items():
        x, tx = sum(s), max([i + 1 for i, v in enumerate(s) if v] or [0])
        counts[x] = counts.get(x, 0) + L
        close(mp.exp(mod.log_likelihood(x, tx, n)), L, "1e-40", "bgbb L")
        close(mod.p_alive(x, tx, n), alive / L, "1e-40", "bgbb alive")
        close(mod.expected_purchases(x, tx, n, m), buys / L, "1e-40", "bgbb buys")
        close(mod.p_no_purchase(x, tx, n, m), none / L, "1e-40", "bgbb none")
        close(mod.discounted_purchases(x, tx, n, m, -mp.log(z)), disc / L, "1e-40", "bgbb discounted")
    for x, v in counts.items():
        close(mod.purchase_probability(x, n), v, "1e-40", "bgbb pmf")
    close(mod.expected_new(n), sum(x * v for x, v in counts.items()), "1e-40", "bgbb new")


def check_total_laws():
    """Likelihood, survival and forecasts of each continuous model must fit one another."""
    sets = {"bgnbd": "0.6 6 0.8 1.4", "mbgnbd": "0.5 6 0.9 1.6", "pareto_nbd": "0.55 6 0.6 4"}
    T, t, delta = mpf(1), mpf(2), mpf("0.3")
    gauss = GaussLegendre(mp).calc_nodes(3, mp.prec)
    for name, par in sets.items():
        m = MODELS[name](*map(mpf, par.split()))
        probs = [m.purchase_probability(n, t) for n in range(60)]
        close(sum(probs), mpf(1), "1e-25", "pmf sum")
        close(sum(n * v for n, v in enumerate(probs)), m.expected_new(t), "1e-24", "pmf mean")
        close(m.expected_purchases(0, mpf(0), mpf(0), t), m.expected_new(t), "1e-25", "new")
        close(m.p_no_purchase(0, mpf(0), mpf(0), t), m.purchase_probability(0, t), "1e-25", "idle")
        # Purchase times before the last fill a simplex: density of (x, tx) = L tx^(x-1)/(x-1)!
        totals = [mpf(0)] * 3
        for x in range(8):
            if x == 0:
                spots = [(mpf(0), mpf(1))]
            else:
                spots = [(T * (1 + u) / 2, w * T / 2 * (T * (1 + u) / 2) ** (x - 1) / mp.factorial(x - 1)) for u, w in gauss]
            part = mpf(0)
            for tx, w in spots:
                w = w * mp.exp(m.log_likelihood(x, tx, T))
                part += w
                totals[0] += w * m.expected_purchases(x, tx, T, t)
                totals[1] += w * m.discounted_purchases(x, tx, T, t, delta)
                totals[2] += w * m.p_no_purchase(x, tx, T, t) * (x == 0)
            close(part, m.purchase_probability(x, T), "1e-11", "likelihood integrates to pmf")
        new = lambda end, d: m.discounted_purchases(0, mpf(0), mpf(0), end, d)
        close(totals[0], new(T + t, mpf(0)) - new(T, mpf(0)), "1e-5", "total expectation")
        close(totals[1], (new(T + t, delta) - new(T, delta)) * mp.exp(delta * T), "1e-5", "total discounted")
        close(totals[2], m.purchase_probability(0, T + t), "1e-25", "no purchase twice")


# --- the grid -----------------------------------------------------------------------------------

NEAR_ONE = [1.0, 1 + 1e-9, 1 - 1e-9, 1 + 1e-4, 1 - 1e-4, 1 + 1e-3, 1 - 1e-3]
BIG, LOW = 1e6, 1e-6
COIN = ([(0.7, 5.0, a, 2.5) for a in NEAR_ONE] + [(3.2, 0.9, a, 0.3) for a in NEAR_ONE[:3]]
        + [(0.5, 6.0, 0.4, 0.6), (0.5, 6.0, 0.3, 0.7 + 1e-9), (2.0, 6.0, 0.25, 0.75), (0.8, 3.0, 0.9, 0.1 - 1e-7),
           (0.5, 4.0, 0.75, 0.75), (1.0, 2.0, 1.0, 1.0), (2.0, 9.0, 1.25, 1.75), (1.5, 4.0, 0.75, 0.75)]
        + [(0.3, 4.0, a, b) for a in (BIG, LOW) for b in (BIG, LOW)]
        + [(0.3, 4.0, BIG, 2.4), (0.3, 4.0, LOW, 2.4), (0.3, 4.0, 0.8, BIG), (0.3, 4.0, 0.8, LOW), (0.9, 20.0, 12.5, 70.0)]
        + [(r, al, 0.8, 2.4) for r in (BIG, LOW) for al in (BIG, LOW)]
        + [(BIG, BIG, 1.0, BIG), (LOW, LOW, LOW, LOW), (2.0, BIG, 1.5, 0.5), (2.0, LOW, 2.5, 0.5)])
PARETO = ([(0.55, 10.5, s, 11.7) for s in (1.0, 1 + 1e-9, 1 - 1e-9, 2.0)]
          + [(0.7, 8.0, 0.6, 8.0), (0.7, 8.0, 1.0, 8.0), (1.4, 8.0, 0.6, 8.0 + 1e-8), (0.7, 8000.0, 0.6, 0.8),
             (0.7, 0.8, 0.6, 8000.0), (1.0, 1.0, 1.0, 1.0), (3.0, 40.0, 2.5, 4.0), (3.0, 4.0, 2.5, 40.0)]
          + [(0.55, 10.5, s, be) for s in (BIG, LOW) for be in (BIG, LOW)]
          + [(0.55, 10.5, BIG, 12.0), (0.55, 10.5, LOW, 12.0), (0.55, 10.5, 0.6, BIG), (0.55, 10.5, 0.6, LOW)]
          + [(r, al, 0.6, 11.7) for r in (BIG, LOW) for al in (BIG, LOW)]
          + [(BIG, BIG, BIG, BIG), (LOW, LOW, LOW, LOW), (2.0, BIG, 1.5, LOW), (2.0, LOW, 1.5, BIG)])
BGBB_SETS = [(1.204, 0.75, 0.657, 2.783), (1.0, 1.0, 1.0, 1.0), (0.8, 2.0, 1 + 1e-9, 3.0), (0.8, 2.0, 1 - 1e-9, 3.0),
             (0.8, 2.0, 1 + 1e-4, 3.0), (0.8, 2.0, 2.5, 0.5), (BIG, BIG, BIG, BIG), (LOW, LOW, LOW, LOW), (BIG, 1.0, 0.6, 2.0),
             (LOW, 1.0, 0.6, 2.0), (1.0, BIG, 0.6, 2.0), (1.0, LOW, 0.6, 2.0), (1.0, 2.0, BIG, 2.0), (1.0, 2.0, LOW, 2.0),
             (1.0, 2.0, 0.6, BIG), (1.0, 2.0, 0.6, LOW), (1.0, 2.0, LOW, BIG), (30.0, 70.0, 5.0, 200.0)]
SETS = {"bgnbd": [(0.242594522, 4.41360202, 0.792922017, 2.42590678)] + COIN,
        "mbgnbd": [(0.524843159, 6.18308528, 0.891359391, 1.61400224)] + COIN,
        "pareto_nbd": [(0.553277047, 10.5776835, 0.606239989, 11.6687353)] + PARETO,
        "nbd": [(0.385, 12.07), (1.0, 1.0)] + [(r, al) for r in (BIG, LOW) for al in (BIG, LOW)] + [(BIG, 3.0), (0.5, LOW)],
        "bgbb": BGBB_SETS,
        "gamma_gamma": [(6.24957227, 3.74422467, 15.4435210), (1.0, 1.0, 1.0), (1.0, 1 + 1e-9, 15.0), (BIG, BIG, BIG),
                        (LOW, 2.0, 15.0), (6.0, LOW, 15.0), (6.0, 3.0, LOW), (6.0, 3.0, BIG), (LOW, LOW, LOW), (BIG, 3.0, 1.5)]}
# Rows wanted: for the first parameter set, then for each other one; costly models get fewer.
WANT = {"log_likelihood": (60, 10), "p_alive": (50, 7), "p_no_purchase": (50, 6), "expected_order_value": (30, 9),
        "expected_new": (5, 3), "expected_purchases": (50, 4), "purchase_probability": (25, 3), "discounted_purchases": (30, 2)}
WANT_MODEL = {"pareto_nbd": {"log_likelihood": (50, 7), "p_alive": (40, 5), "p_no_purchase": (30, 3), "expected_new": (5, 4),
                             "expected_purchases": (40, 5), "purchase_probability": (20, 2), "discounted_purchases": (40, 3)},
              "bgbb": {"expected_new": (5, 4), "p_no_purchase": (30, 4), "expected_purchases": (30, 4),
                       "purchase_probability": (30, 4), "discounted_purchases": (40, 4)},
              "nbd": {f: (30, 9) for f in WANT}}
XS = [0, 1, 2, 3, 7, 30, 150, 1000, 10000]
TS = [1e-3, 1.0, 38.857142857142854, 500.0, 1e4]
HORIZONS = [1e-3, 1.0, 39.0, 520.0, 1e4]
DELTAS = [0.0, math.log(1.15) / 52.1775, 0.01, 1e-6, 1.0]


def histories(model):
    if model == "gamma_gamma":
        return [dict(x=x, tx=m) for x in XS for m in (1e-3, 0.5, 1.0, 35.078125, 1e4)]
    if model == "bgbb":
        rows = [dict(x=0, tx=0.0, T=float(n)) for n in (0, 1, 6, 50, 500, 10000)]
        for x, n in itertools.product(XS[1:], (1, 6, 50, 500, 10000)):
            rows += [dict(x=x, tx=float(tx), T=float(n)) for tx in sorted({x, (x + n) // 2, n - 1, n})
                     if x <= tx <= n and (n < 10000 or x >= 1000)]
        return rows
    rows = [dict(x=0, tx=0.0, T=T) for T in [0.0] + TS]
    for x, T in itertools.product(XS[1:], TS):
        rows += [dict(x=x, tx=tx, T=T) for tx in (T, T * (1 - 1e-6), T - 1e-6, T / 2, 1e-6 * T)]
    return rows


def candidates(function, model):
    """Every data combination for this function; thin() takes a part."""
    fields = FIELDS[function].split()
    steps = [1.0, 2.0, 39.0, 520.0, 1e4] if model == "bgbb" else HORIZONS
    rows = histories(model) if "tx" in fields else [dict(x=x) for x in XS] if "x" in fields else [dict()]
    if "t" in fields:
        more = steps + [INF, INF] if "delta" in fields else steps
        rows = [dict(row, t=t) for row in rows for t in more]
    if "delta" in fields:
        rows = [dict(row, delta=d) for row in rows for d in DELTAS]
    return rows


def allowed(function, model, params, d):
    if model == "gamma_gamma":
        if function == "log_likelihood":
            return d["x"] > 0
        return params[0] * d["x"] + params[1] > 1
    if model == "nbd" and function == "p_alive":
        return False
    if d.get("t") == INF and d["delta"] == 0:
        return model != "nbd" and params[2] > 1
    return not (model == "bgbb" and function == "purchase_probability" and d["x"] > d["t"])


def thin(rows, count, salt):
    """A fixed pseudo-random choice that no library version can change."""
    return sorted(rows, key=lambda row: zlib.crc32((salt + repr(row)).encode()))[:count]


def main(out):
    mp.dps = 60
    check_bgbb_by_enumeration()
    check_total_laws()
    out.write("function,model,p1,p2,p3,p4,x,tx,T,t,delta,value\n")
    checked = {}
    for function in WANT:
        for model, sets in SETS.items():
            if not hasattr(MODELS[model], function):
                continue
            first, others = WANT_MODEL.get(model, {}).get(function, WANT[function])
            for params in sets:
                rows = [d for d in candidates(function, model) if allowed(function, model, params, d)]
                want, got, seen = first if params == sets[0] else others, 0, set()
                for d in thin(rows, len(rows), function + model + repr(params)):
                    if got == want:
                        break
                    if repr(d) in seen:  # two rules can give the same double: a written row counts, once
                        got += 1
                        continue
                    value = evaluate(function, model, params, d)
                    if function not in ("log_likelihood", "expected_order_value") and value < TINY:
                        continue
                    got += 1
                    seen.add(repr(d))
                    key = (function, model)
                    n, c = checked.get(key, (0, 0))
                    checked[key] = (n + 1, c + check_row(function, model, params, d, value))
                    cells = [repr(v) for v in params] + [""] * (4 - len(params))
                    cells += [repr(d[k]) if k in d else "" for k in ("x", "tx", "T", "t", "delta")]
                    out.write(",".join([function, model] + cells + [mp.nstr(value, 20)]) + "\n")
    for key, (n, c) in checked.items():
        sys.stderr.write("%s %s: %d rows, %d checked by a second route\n" % (key + (n, c)))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        with open(sys.argv[1], "w") as handle:
            main(handle)
    else:
        main(sys.stdout)
