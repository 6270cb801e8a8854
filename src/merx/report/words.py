"""Plain words for what the trade calls otherwise: events by their GA4 names, and metrics."""

from __future__ import annotations

from collections.abc import Iterable

_EVENTS = {
    "view_item": "looked at",
    "select_item": "clicked",
    "add_to_wishlist": "wished for",
    "add_to_cart": "put in the cart",
    "remove_from_cart": "took out of the cart",
    "purchase": "bought",
    "refund": "sent back",
    "rate": "rated",
    "share": "shared",
}

_METRICS = {
    "recall": "of what the shopper took next, the share that was on the list",
    "precision": "of what was on the list, the share that the shopper took next",
    "ndcg": "like recall, and a hit counts more the higher it stands; 1 is perfect",
    "mrr": "one over the place of the first hit, on average; 1 is perfect",
    "tail": "share of what was taken outside the most popular fifth of the products that the list holds",
    "debiased": "share of what was taken that the lists hold, popular products counting less",
    "map": "precision averaged over the places of the hits; 1 is perfect",
    "hit": "share of lists with at least one hit",
    "coverage@": "share of the catalogue that is recommended to anyone",
    "catalogue": "share of the catalogue that is recommended to anyone",
    "novelty": "how far from the bestsellers the lists are",
    "mase": "error against repeating the last season; below 1 is better than that",
    "smape": "error in percent of the value",
    "rmse": "typical error, large errors counting more, in units of what is foretold",
    "mae": "typical error, in units",
    "bias": "whether what is foretold is too high (above 0) or too low",
    "coverage": "how often the truth lay inside the range; should be near the range's own percentage",
    "pinball": "error of the whole range, not only of its middle; lower is better",
    "crps": "error of the whole range, not only of its middle; lower is better",
    "error": "how far the middle of the range is off, on average, as a share of the price",
    "regret": "profit lost against the best price, where the truth is known",
    "elasticity": "error of how strongly demand answers to price",
    "log loss": "how surprised the chances were by what came; lower is better",
    "mean error": "how far off the amounts are, on average",
    "average precision": "of the shoppers told as likely, the share that did it, the likeliest counting most",
    "ece": "expected calibration error: how far chances lie from the shares that came, on average",
    "correlation": "whether more came of whom more was foretold; 1 is perfect, 0 is no relation",
    "auc": "how well those who did it are told from the others; 0.5 is guessing, 1 is perfect",
}


_ACRONYMS = {"ndcg", "mrr", "map", "mase", "rmsse", "rmse", "auc", "ece"}


def label(metric: str) -> str:
    """A metric as it is written: NDCG@10, hit rate@10."""
    name, at, k = metric.partition("@")
    written = name.upper() if name in _ACRONYMS else name.replace("_", " ")
    return f"{written}{at}{k}"


def event(name: str) -> str:
    """GA4's name of an event -> what the shopper did; an unknown name loses its underscores."""
    return _EVENTS.get(name, name.replace("_", " "))


def glossary(metrics: Iterable[str]) -> list[tuple[str, str]]:
    """(metric, what it says) for each metric that has an explanation, in the given order."""
    found = []
    for metric in dict.fromkeys(metrics):
        name = metric.lower()
        match = max((key for key in _METRICS if name.startswith(key)), key=len, default="")
        if match:
            found.append((metric, _METRICS[match]))
    return found
