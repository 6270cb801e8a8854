"""One of G points for each of I items: the best allowed one, and the best under multipliers of shared rules.

A point that is not allowed has the value -inf. The entries of shared rules are sorted by item: item i owns
those from ptr[i] to ptr[i + 1], and entry e says how much each point of the item uses of the rule row[e].
"""

import numpy as np
from numba import njit

FAR = 40.0  # temperatures below the best: exp(-40) adds nothing in double precision
EPS = 1e-9
PASSES = 100


@njit(nogil=True, cache=True, fastmath={"nnan", "nsz", "reassoc"})
def best_of_allowed(value, barred, ignored, place, reached, first, last):
    """The first best point of the items first..last with no bit of `barred` but the ignored; -1, -inf: none.

    The best value is sought first and its place after: without a branch in it, the search runs in lanes.
    """
    kept = np.uint32(~ignored)
    for i in range(first, last):
        values, bits = value[i], barred[i]
        best = -np.inf
        for g in range(len(values)):
            allowed = values[g] if bits[g] & kept == 0 else -np.inf
            best = allowed if allowed > best else best
        place[i] = -1
        reached[i] = best
        if best > -np.inf:
            for g in range(len(values)):
                if values[g] == best and bits[g] & kept == 0:
                    place[i] = g
                    break


@njit(nogil=True, cache=True)
def bar_outside(price, low, high, barred, first, last):
    """Set bit r of barred[i, g] where price[i, g] is not within low[r, i]..high[r, i]."""
    rules, points = len(low), price.shape[1]
    for i in range(first, last):
        for r in range(rules):
            below, above = low[r, i], high[r, i]
            bit = np.uint32(1) << np.uint32(r)
            if below == -np.inf and above == np.inf:
                continue
            for g in range(points):
                if price[i, g] < below or price[i, g] > above:
                    barred[i, g] |= bit


@njit(nogil=True, cache=True)
def _reduced(value, ptr, row, weight, multiplier, i, out):
    """The value of each point of item i less what it uses at the multipliers; gives the best one's place."""
    points = value.shape[1]
    for g in range(points):
        out[g] = value[i, g]
    for e in range(ptr[i], ptr[i + 1]):
        price = multiplier[row[e]]
        if price != 0.0:
            for g in range(points):
                out[g] -= price * weight[e, g]
    best = 0
    for g in range(1, points):
        if out[g] > out[best]:
            best = g
    return best


@njit(nogil=True, cache=True)
def priced_best(value, ptr, row, weight, multiplier, place, first, last):
    """The best point of the items first..last at the multipliers; gives the sum of the reduced values."""
    out = np.empty(value.shape[1])
    total = 0.0
    for i in range(first, last):
        place[i] = _reduced(value, ptr, row, weight, multiplier, i, out)
        total += out[place[i]]
    return total


@njit(nogil=True, cache=True)
def soft_best(value, ptr, row, weight, multiplier, temperature, usage, spread, first, last):
    """As `priced_best` with a softened maximum, temperature * log sum exp(reduced / temperature).

    Adds each rule's expected usage to `usage` and its variance to `spread`, both (R,).
    """
    points = value.shape[1]
    out = np.empty(points)
    total = 0.0
    for i in range(first, last):
        best = out[_reduced(value, ptr, row, weight, multiplier, i, out)]
        mass = 0.0
        for g in range(points):
            below = (out[g] - best) / temperature
            out[g] = np.exp(below) if below > -FAR else 0.0
            mass += out[g]
        total += best + temperature * np.log(mass)
        for e in range(ptr[i], ptr[i + 1]):
            mean = 0.0
            square = 0.0
            for g in range(points):
                if out[g] > 0.0:
                    share = out[g] / mass * weight[e, g]
                    mean += share
                    square += share * weight[e, g]
            usage[row[e]] += mean
            spread[row[e]] += max(square - mean * mean, 0.0)
    return total


@njit(nogil=True, cache=True)
def reduced_loss(value, ptr, row, weight, multiplier, loss):
    """What each point loses against the best one of its item at the multipliers, (I, G)."""
    for i in range(len(value)):
        best = _reduced(value, ptr, row, weight, multiplier, i, loss[i])
        most = loss[i, best]
        for g in range(value.shape[1]):
            loss[i, g] = most - loss[i, g]


@njit(nogil=True, cache=True)
def _move(ptr, row, weight, place, slack, i, g):
    """Item i takes point g."""
    for e in range(ptr[i], ptr[i + 1]):
        slack[row[e]] -= weight[e, g] - weight[e, place[i]]
    place[i] = g


@njit(nogil=True, cache=True)
def _harms(ptr, row, weight, place, slack, i, g):
    """Whether point g of item i breaks a rule, or a broken one further."""
    for e in range(ptr[i], ptr[i + 1]):
        more = weight[e, g] - weight[e, place[i]]
        if more > EPS and slack[row[e]] - more < -EPS:
            return True
    return False


@njit(nogil=True, cache=True)
def _breaks(ptr, row, weight, place, slack, urgency, i, g):
    """How much more the rules are broken in all, each by its urgency, once item i takes point g."""
    more = 0.0
    for e in range(ptr[i], ptr[i + 1]):
        r = row[e]
        left = slack[r] - weight[e, g] + weight[e, place[i]]
        more += urgency[r] * (max(-left, 0.0) - max(-slack[r], 0.0))
    return more


@njit(nogil=True, cache=True)
def mend(value, loss, ptr, row, weight, by_row_ptr, by_row, item, place, slack):
    """Move items until no rule is broken: of each broken rule those first that lose least for what they mend.

    Where no move of one item breaks the rules less, the broken rule becomes more urgent than the others
    (Morris, The breakout method, AAAI 1993). Gives whether all rules are kept.
    """
    points = value.shape[1]
    urgency = np.ones(len(slack))
    for _ in range(PASSES):
        broken = False
        for r in range(len(slack)):
            if slack[r] >= -EPS:
                continue
            broken = True
            size = by_row_ptr[r + 1] - by_row_ptr[r]
            ratio = np.empty(size * points)
            where = np.empty((size * points, 2), np.int64)
            found = 0
            for at in range(by_row_ptr[r], by_row_ptr[r + 1]):
                e = by_row[at]
                i = item[e]
                for g in range(points):
                    if weight[e, place[i]] - weight[e, g] > EPS and value[i, g] > -np.inf:
                        more = _breaks(ptr, row, weight, place, slack, urgency, i, g)
                        if more < -EPS:
                            ratio[found] = max(loss[i, g] - loss[i, place[i]], 0.0) / -more
                            where[found, 0], where[found, 1] = i, g
                            found += 1
            moved = False
            for at in np.argsort(ratio[:found]):
                if slack[r] >= -EPS:
                    break
                i, g = where[at]
                if _breaks(ptr, row, weight, place, slack, urgency, i, g) < -EPS:
                    _move(ptr, row, weight, place, slack, i, g)
                    moved = True
            if not moved:
                urgency[r] *= 2.0
        if not broken:
            return True
    return False


@njit(nogil=True, cache=True)
def improve(value, ptr, row, weight, place, slack, order):
    """Move one item at a time to a better point that breaks no rule, until there is none."""
    for _ in range(PASSES):
        moved = 0
        for i in order:
            now = value[i, place[i]]
            best = place[i]
            for g in range(value.shape[1]):
                if value[i, g] > now and not _harms(ptr, row, weight, place, slack, i, g):
                    now = value[i, g]
                    best = g
            if best != place[i]:
                _move(ptr, row, weight, place, slack, i, best)
                moved += 1
        if moved == 0:
            return
