"""What a judgement of one model is, and how every kind of a task is judged."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from merx.registry import Kind

Judged = TypeVar("Judged")


class Each(Protocol):
    """Judges every kind of a task by a function, and gives what it found by the kind's name."""

    def __call__(self, task: str, judge: Callable[[Kind], Judged], /) -> dict[str, Judged]:
        """Without the kinds that refuse."""
        ...


@dataclass(frozen=True)
class Score:
    """What one model scored.

    Parameters
    ----------
    task, model : str
    metrics : dict of name -> number
    beats_trivial : bool or None
        None for the trivial model itself.
    sentence : str
        The verdict in words.
    """

    task: str
    model: str
    metrics: dict[str, float]
    beats_trivial: bool | None
    sentence: str
