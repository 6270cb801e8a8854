"""Log-likelihoods of models of repeat purchase with their slopes, customer by customer.

x repeat purchases, the last at t, of a customer observed for T (t <= T), all counted from the first purchase.
Rows are written one by one, so ranges of them can be worked on at the same time. Gamma functions are worked
out where x is another than in the row before: sort rows by x, and there are few.
"""

import math

import numpy as np
from numba import njit

NODES, WEIGHTS = np.polynomial.legendre.leggauss(32)
FEW_NODES, FEW_WEIGHTS = np.polynomial.legendre.leggauss(16)  # where the integrand is nearly straight
STEEP = 45.0  # beyond a fall by so many powers of e an integrand adds nothing
NOTHING = 1e-13  # of a sum: terms that are smaller than this together are left out


@njit(nogil=True, cache=True)
def digamma(z):
    """The slope of ln Gamma, z > 0 (Abramowitz & Stegun 6.3.5 and 6.3.18)."""
    total = 0.0
    while z < 8.0:
        total -= 1.0 / z
        z += 1.0
    w = 1.0 / (z * z)
    series = w * (1 / 12 - w * (1 / 120 - w * (1 / 252 - w * (1 / 240 - w * (1 / 132)))))
    return total + math.log(z) - 0.5 / z - series


@njit(nogil=True, cache=True)
def pareto_rows(first, last, x, t, T, parameters, value, slope, alive):
    """Of the Pareto/NBD: value (n,), its slopes by r, alpha, s, beta (n, 4), probability alive (n,).

    L = Gamma(r + x) alpha^r / Gamma(r) [ beta^s / ((alpha + T)^(r + x) (beta + T)^s)
        + s beta^s int_t^T (alpha + u)^-(r + x) (beta + u)^-(s + 1) du ],
    the integral in e = ln((alpha + u) / (alpha + t)), in which it falls like exp(-(r + x - 1) e).
    Where it falls by less than exp(-8), over at most 3, and the pole at u = -beta is no nearer than that
    length, 16 Gauss-Legendre nodes are as exact as 32.
    """
    r, alpha, s, beta = parameters
    log_alpha, log_beta = math.log(alpha), math.log(beta)
    gamma_r, slope_r, before = math.lgamma(r), digamma(r), -1.0
    gamma_n = slope_n = 0.0
    for i in range(first, last):
        n = r + x[i]
        if x[i] != before:
            before, gamma_n, slope_n = x[i], math.lgamma(n), digamma(n)
        at, aT, bT = alpha + t[i], alpha + T[i], beta + T[i]
        log_at, log_fall, log_bT = math.log(at), math.log(aT / at), math.log(bT)
        end = min(log_fall, STEEP / n)
        steep = n * end + s * (log_bT - math.log(beta + t[i]))
        few = steep < 8 and end < 3 and beta + t[i] > end * at
        nodes, weights = (FEW_NODES, FEW_WEIGHTS) if few else (NODES, WEIGHTS)
        # all in units of at^-n bT^-s, which may be too small for a number
        still = math.exp(-n * log_fall)
        gone = gone_r = gone_alpha = gone_s = gone_beta = 0.0
        for k in range(len(nodes)):
            e = 0.5 * end * (nodes[k] + 1)
            au = at * math.exp(e)
            bu = beta + au - alpha
            log_bu = math.log(bu)
            part = 0.5 * end * weights[k] * au / bu * math.exp(-n * e - s * (log_bu - log_bT))
            gone += part
            gone_r -= part * e
            gone_alpha -= part / au
            gone_s -= part * log_bu
            gone_beta -= part / bu
        inner = still + s * gone
        value[i] = gamma_n - gamma_r + r * log_alpha + s * (log_beta - log_bT) - n * log_at + math.log(inner)
        alive[i] = still / inner
        slope[i, 0] = slope_n - slope_r + log_alpha - log_at + (s * gone_r - still * log_fall) / inner
        # d/d alpha of (alpha + u)^-n is -n (alpha + u)^-(n + 1); of the scale at^-n nothing is left
        slope[i, 1] = r / alpha + n * (s * gone_alpha - still / aT) / inner
        slope[i, 2] = log_beta + (gone + s * gone_s - still * log_bT) / inner
        slope[i, 3] = s / beta + s * ((s + 1) * gone_beta - still / bT) / inner


@njit(nogil=True, cache=True)
def beta_geometric_rows(first, last, x, t, T, parameters, at_zero, value, slope, alive):
    """Of the BG/NBD: value (n,), its slopes by r, alpha, a, b (n, 4), probability alive (n,).

    With k = x chances to leave, or x + 1 where one may leave after the first purchase (`at_zero`, MBG/NBD),
    L = Gamma(r + x) alpha^r / Gamma(r) B(a, b + k) / B(a, b)
        [ (alpha + T)^-(r + x) + a / (b + k - 1) (alpha + t)^-(r + x) if k > 0 ].
    """
    r, alpha, a, b = parameters
    log_alpha, slope_r, slope_ab, slope_b = math.log(alpha), digamma(r), digamma(a + b), digamma(b)
    constant = math.lgamma(a + b) - math.lgamma(b) - math.lgamma(r) + r * log_alpha
    before, gammas, slope_n, chances, stays, log_chance = -1.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(first, last):
        n, k = r + x[i], x[i] + at_zero
        if x[i] != before:
            before = x[i]
            gammas = constant + math.lgamma(n) + math.lgamma(b + k) - math.lgamma(a + b + k)
            slope_n, chances, stays = digamma(n), slope_ab - digamma(a + b + k), digamma(b + k) - slope_b
            log_chance = math.log(a / (b + k - 1)) if k > 0 else 0.0
        at, aT = alpha + t[i], alpha + T[i]
        log_aT = math.log(aT)
        log_fall = math.log(aT / at)
        gone = log_inner = 0.0
        if k > 0:
            log_odds = n * log_fall + log_chance
            if log_odds > 0:
                gone = 1 / (1 + math.exp(-log_odds))
                log_inner = log_odds + math.log1p(math.exp(-log_odds))
            else:
                gone = 1 - 1 / (1 + math.exp(log_odds))
                log_inner = math.log1p(math.exp(log_odds))
        value[i] = gammas - n * log_aT + log_inner
        alive[i] = 1 - gone
        slope[i, 0] = slope_n - slope_r + log_alpha - log_aT + gone * log_fall
        slope[i, 1] = r / alpha - n / aT + gone * n * (1 / aT - 1 / at)
        slope[i, 2] = chances + gone / a
        slope[i, 3] = chances + stays
        if k > 0:
            slope[i, 3] -= gone / (b + k - 1)


@njit(nogil=True, cache=True)
def beta_geometric_future(first, last, x, T, parameters, at_zero, days, expected):
    """Purchases in the next `days` of customers who are alive, by the BG/NBD: expected (n,).

    The sum over m of P(m purchases in that time if nobody left) times the expected number made before
    leaving, W_m = sum over j < m of E[(1 - p)^j]. Every term is positive, unlike in the paper's equation
    (10), which is 0 / 0 at a = 1.
    """
    r, alpha, a, b = parameters
    for i in range(first, last):
        n, scale, stay = r + x[i], alpha + T[i], b + x[i] + at_zero
        z = days / (scale + days)
        log_chance = -n * math.log1p(days / scale)  # of m purchases, negative binomial
        made, kept, total, m = 0.0, 1.0, 0.0, 0
        while True:
            ratio = z * (n + m) / (m + 1)
            log_chance += math.log(ratio)
            made += kept
            kept *= (stay + m) / (a + stay + m)
            m += 1
            term = math.exp(log_chance) * made
            total += term
            falls = max(z, z * (n + m) / (m + 1)) * (1 + 1 / m)  # no term is a larger part of the one before
            if falls < 1 and term * falls <= NOTHING * (1 - falls) * total:
                break
        expected[i] = total


@njit(nogil=True, cache=True)
def gamma_gamma_rows(first, last, x, mean, parameters, value, slope):
    """Of the Gamma-Gamma model: value (n,) and its slopes by p, q, v (n, 3), of x purchases of a mean value.

    L = Gamma(p x + q) / (Gamma(p x) Gamma(q)) v^q x^(p x) m^(p x - 1) / (v + x m)^(p x + q).
    """
    p, q, v = parameters
    log_v, slope_q, constant = math.log(v), digamma(q), -math.lgamma(q) + q * math.log(v)
    before, gammas, both, alone, log_x = -1.0, 0.0, 0.0, 0.0, 0.0
    for i in range(first, last):
        px, log_sum, log_m = p * x[i], math.log(v + x[i] * mean[i]), math.log(mean[i])
        if x[i] != before:
            before, log_x, both, alone = x[i], math.log(x[i]), digamma(px + q), digamma(px)
            gammas = constant + math.lgamma(px + q) - math.lgamma(px)
        value[i] = gammas + px * (log_x + log_m) - log_m - (px + q) * log_sum
        slope[i, 0] = x[i] * (both - alone + log_x + log_m - log_sum)
        slope[i, 1] = both - slope_q + log_v - log_sum
        slope[i, 2] = q / v - (px + q) / (v + x[i] * mean[i])
