"""One line for each price: how buyers react, what the best price would be, and which rule decided."""

from dataclasses import dataclass

import numpy as np

from merx.price.choose import Choice
from merx.price.grade import Grades
from merx.price.limits import RANGE, PriceRules


@dataclass(frozen=True)
class Found:
    """What a reason tells of I items besides the choice.

    Parameters
    ----------
    price_now, price, best_price, alone_price : float64 (I,)
        `best_price` is the best looked at without any rule, `alone_price` the best under the rules without
        regard to what it does to other products.
    gain : float64 (I,)
        Of the price over today's, in the objective a week.
    elasticity : float64 (I, 3)
        Mean, and the bounds of the central 80 %.
    cost_assumed, cost_missing : bool (I,)
    held : object array of str (I,)
        The shared rule that keeps an item from its own best price, in words; "" where none does.
    conflict : tuple of str
        Shared rules that cannot all be kept, so that no price changes.
    proven : bool
        That these cannot be.
    """

    price_now: np.ndarray
    price: np.ndarray
    best_price: np.ndarray
    alone_price: np.ndarray
    gain: np.ndarray
    elasticity: np.ndarray
    cost_assumed: np.ndarray
    cost_missing: np.ndarray
    held: np.ndarray
    conflict: tuple[str, ...]
    proven: bool


def reason(
    i: int,
    choice: Choice,
    found: Found,
    grades: Grades,
    rules: PriceRules,
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
    parts.append(_decision(i, choice, found, rules))
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


def _decision(i: int, choice: Choice, found: Found, rules: PriceRules) -> str:
    now, price = float(found.price_now[i]), float(found.price[i])
    objective = "the mix" if rules.objective == "mix" else rules.objective
    if found.conflict:
        words = _list([f"'{name}'" for name in found.conflict])
        if not found.proven:
            return f"No prices were found that keep the rules {words}: no price changes."
        if len(found.conflict) == 1:
            return (
                f"The rule {words} cannot be kept together with those of single products: no price changes."
            )
        return f"The rules {words} cannot all be kept: no price changes until one gives way."
    held = str(found.held[i])
    named = [f"'{held}'"] if held else [f"'{rules.in_words(r)}'" for r in choice.binding[i].split("+") if r]
    rule = f"the rule {named[0]}" if len(named) == 1 else f"the rules {_list(named)}"
    stops = "stops" if len(named) == 1 else "stop"
    top = _best(found.best_price[i], now, objective)
    if choice.conflict[i]:
        words = _list([f"'{rules.in_words(r)}'" for r in choice.conflict[i]])
        leave = f"rule {words} leaves" if len(choice.conflict[i]) == 1 else f"rules {words} leave"
        said = f"{top}, but the {leave} no other price than today's {now:.2f}: it stays."
        if choice.cheapest[i] and len(choice.conflict[i]) > 1:
            said += f" It costs least to give up '{rules.in_words(choice.cheapest[i])}'."
        return said
    if price != found.alone_price[i]:
        gain = found.gain[i] / abs(choice.value_now[i]) if choice.value_now[i] != 0 else 0.0
        verb = "stays at" if price == now else "is"
        return (
            f"By itself it would cost {found.alone_price[i]:.2f}; with what that does to the sales of other "
            f"products the best price {verb} {price:.2f} (its own {objective} {gain:+.1%})."
        )
    if price == now:
        if not held and choice.binding[i] == "min_confidence":
            return f"{top} ({choice.confidence[i]:.0%} sure to earn more); {rule} keeps it at {now:.2f}."
        if not named:
            return f"No other price promises a noticeable gain: it stays at {now:.2f}."
        return f"{top}, but {rule} {stops} it at today's {now:.2f}."
    gain = found.gain[i] / abs(choice.value_now[i]) if choice.value_now[i] != 0 else 0.0
    expected = f"expected {objective} {gain:+.1%}"
    if choice.breaks[i]:
        return (
            f"Today's {now:.2f} breaks the rule '{rules.in_words(choice.breaks[i])}'; the best price that "
            f"keeps all rules is {price:.2f} ({expected})."
        )
    if not named:
        return f"{_capital(objective)} is highest at {price:.2f} ({expected})."
    return f"{top}; {rule} {stops} it at {price:.2f} ({expected})."


def _best(best: float, now: float, objective: str) -> str:
    if best >= now * RANGE * 0.98:
        return f"{_capital(objective)} still rises at {best:.2f}, the highest price looked at"
    if best <= now / RANGE * 1.02:
        return f"{_capital(objective)} still rises down to {best:.2f}, the lowest price looked at"
    return f"{_capital(objective)} is highest at {best:.2f}"


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]


def _list(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def _number(value: float) -> str:
    return f"{value:.1f}".replace("-", "−")
