"""One line for each price: how buyers react, what the best price would be, and which rule decided."""

from dataclasses import dataclass

import numpy as np

from merx.price.grade import Grades
from merx.price.limits import RANGE, PriceRules


@dataclass(frozen=True)
class Choice:
    """What the search found for each of I items, before refusals.

    Parameters
    ----------
    price, gain, value_now : float64 (I,)
        The price chosen, its expected gain a week, and today's expected value.
    best_price, best_confidence : float64 (I,)
        The best price looked at without any rule, and how surely it beats today's.
    binding : tuple of I str
        The rule, or rules joined by "+", between the two; "" where none is.
    conflict : tuple of I tuples of str
        The rules that together leave no other price than today's; empty where some is left.
    breaks_margin : bool (I,)
        Today's price is below the least margin.
    """

    price: np.ndarray
    gain: np.ndarray
    value_now: np.ndarray
    best_price: np.ndarray
    best_confidence: np.ndarray
    binding: tuple[str, ...]
    conflict: tuple[tuple[str, ...], ...]
    breaks_margin: np.ndarray


@dataclass(frozen=True)
class Found:
    """What a reason tells of I items besides the choice.

    Parameters
    ----------
    price_now, price : float64 (I,)
    elasticity : float64 (I, 3)
        Mean, and the bounds of the central 80 %.
    cost_assumed, cost_missing : bool (I,)
    """

    price_now: np.ndarray
    price: np.ndarray
    elasticity: np.ndarray
    cost_assumed: np.ndarray
    cost_missing: np.ndarray


def reason(
    i: int,
    choice: Choice,
    found: Found,
    grades: Grades,
    rules: PriceRules,
    objective: str,
) -> str:
    """The reason for the price of item i."""
    if grades.grade[i] == "D":
        advice = (
            "it sells too little for a price test to tell how buyers react."
            if grades.sells_too_little[i]
            else "some weeks at each of a few other prices (a price test) would show how buyers react."
        )
        return f"No price can be recommended (grade D): {grades.missing[i]}. The price stays; {advice}"
    parts = [_response(found.elasticity[i], grades.grade[i], grades.evidence[i])]
    if grades.alarm[i]:
        parts.append(f"Caution, {grades.alarm[i]}.")
    if found.cost_missing[i]:
        parts.append(
            "The best price depends on the cost of a unit, which is not known: give the cost, or a margin to "
            "assume (assumed_margin). The price stays."
        )
        return " ".join(parts)
    if found.cost_assumed[i]:
        parts.append(
            f"The cost is not known: a margin of {rules.assumed_margin:.0%} at today's price is assumed."
        )
    parts.append(_decision(i, choice, float(found.price_now[i]), float(found.price[i]), rules, objective))
    return " ".join(parts)


def _response(elasticity: np.ndarray, grade: str, evidence: str) -> str:
    mean, low, high = elasticity
    size = abs(mean)
    word = (
        "strongly" if size >= 2.5 else "clearly" if size >= 1.5 else "moderately" if size >= 1 else "weakly"
    )
    return (
        f"Buyers react {word} (elasticity {_number(mean)}, 80 % between {_number(low)} and {_number(high)}; "
        f"grade {grade}: {evidence})."
    )


def _decision(i: int, choice: Choice, now: float, price: float, rules: PriceRules, objective: str) -> str:
    named = [f"'{rules.in_words(rule)}'" for rule in choice.binding[i].split("+") if rule]
    rule = f"the rule {named[0]}" if len(named) == 1 else f"the rules {_list(named)}"
    stops = "stops" if len(named) == 1 else "stop"
    top = _best(choice.best_price[i], now, objective)
    if choice.conflict[i]:
        words = _list([f"'{rules.in_words(r)}'" for r in choice.conflict[i]])
        return f"{top}, but the rules {words} leave no other price than today's {now:.2f}: it stays."
    if price == now:
        if choice.binding[i] == "min_confidence":
            return f"{top} ({choice.best_confidence[i]:.0%} sure to earn more); {rule} keeps it at {now:.2f}."
        if not named:
            return f"No other price promises a noticeable gain: it stays at {now:.2f}."
        return f"{top}, but {rule} {stops} it at today's {now:.2f}."
    gain = choice.gain[i] / abs(choice.value_now[i]) if choice.value_now[i] != 0 else 0.0
    expected = f"expected {objective} {gain:+.1%}"
    if choice.breaks_margin[i]:
        return (
            f"Today's {now:.2f} breaks the rule '{rules.in_words('min_margin')}'; the best price that keeps "
            f"all rules is {price:.2f} ({expected})."
        )
    if not named:
        return f"{objective.capitalize()} is highest at {price:.2f} ({expected})."
    return f"{top}; {rule} {stops} it at {price:.2f} ({expected})."


def _best(best: float, now: float, objective: str) -> str:
    if best >= now * RANGE * 0.98:
        return f"{objective.capitalize()} still rises at {best:.2f}, the highest price looked at"
    if best <= now / RANGE * 1.02:
        return f"{objective.capitalize()} still rises down to {best:.2f}, the lowest price looked at"
    return f"{objective.capitalize()} is highest at {best:.2f}"


def _list(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def _number(value: float) -> str:
    return f"{value:.1f}".replace("-", "−")
