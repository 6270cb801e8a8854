"""What a network is taught by: how far the next item stands out from others, and how well heads foretell.

The scores of N events against K items are by far the largest thing in training, and are never kept: the
slopes of a cross-entropy are known as soon as its value is, so both are made a few rows at a time.
"""

from typing import Any

import torch
from torch import Tensor, nn

TINY = torch.finfo(torch.float32).tiny
LINE = 16  # numbers in a line of the cache
CHUNK = 1 << 20  # scores held at once: they stay in the processor's cache


class SharedSoftmax(torch.autograd.Function):
    """Mean cross-entropy of the next item against K others that all N events share.

    loss = - mean_n log( exp(h_n . t_n) / (exp(h_n . t_n) + sum_k exp(h_n . v_k - shift_k)) ).

    With all items as the others, and no shift, this is the full softmax. With a sample of them, shift_k = the
    logarithm of the chance that k was drawn makes the sum an unbiased estimate of the full one (the log-q
    correction: Bengio & Senecal, Adaptive importance sampling to accelerate training of a neural
    probabilistic language model, 2008). The next item itself was not drawn, so it has no shift, and where it
    is among the others it does not count there.
    """

    @staticmethod
    def forward(  # noqa: D102
        ctx: Any, hidden: Tensor, target: Tensor, others: Tensor, shift: Tensor | None, same: Tensor
    ) -> Tensor:
        n, k = len(hidden), len(others)
        step = max(1, CHUNK // (k + 1))
        d_hidden, d_target, d_others = (torch.empty_like(x) for x in (hidden, target, others))
        loss = hidden.new_zeros(())
        width = -(-(k + 1) // LINE) * LINE  # rows begin with a line of the cache
        buffer = hidden.new_empty(min(step, n), width)
        for first in range(0, n, step):
            part = slice(first, first + step)
            h, t = hidden[part], target[part]
            score = buffer[: len(h)]  # (n, K, the next item, what fills the line)
            torch.mm(h, others.T, out=score[:, :k])
            if shift is not None:
                score[:, :k] -= shift
            score[:, k] = (h * t).sum(1)
            score[:, k + 1 :] = -torch.inf
            bar(score, same[part])
            slope = torch.softmax(score, 1, out=score)  # by the scores
            own = slope[:, k : k + 1] - 1
            loss -= slope[:, k].clamp_min(TINY).log().sum()
            d_target[part] = own * h
            torch.addmm(own * t, slope[:, :k], others, out=d_hidden[part])
            d_others.addmm_(slope[:, :k].T, h, beta=min(first, 1))  # at first there is nothing to add to
        ctx.save_for_backward(d_hidden, d_target, d_others)
        ctx.n = n
        return loss / n

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:  # noqa: D102
        d_hidden, d_target, d_others = (part * (slope / ctx.n) for part in ctx.saved_tensors)
        return d_hidden, d_target, d_others, None, None


def bpr_max(hidden: Tensor, target: Tensor, others: Tensor, same: Tensor, regularization: float) -> Tensor:
    """How surely the next item beats those of the others that come near it.

    loss = - mean_n [ log sum_k s_k sigmoid(own - r_k) - regularization sum_k s_k r_k^2 ],

    s = softmax of the others' scores r. Hidasi & Karatzoglou, Recurrent neural networks with top-k gains for
    session-based recommendations, CIKM (2018), equation 10.
    """
    own = (hidden * target).sum(1, keepdim=True)
    score = hidden @ others.T  # (N, K)
    share = bar(score.clone(), same).softmax(1)
    beats = (share * (own - score).sigmoid()).sum(1)
    return (regularization * (share * score**2).sum(1) - torch.log(beats + 1e-24)).mean()


def places(items: Tensor, target: Tensor) -> Tensor:
    """Where each target (N,) is among the sorted items (K,), -1 where it is not, (N,)."""
    place = torch.searchsorted(items, target).clamp_(max=len(items) - 1)
    return torch.where(items[place] == target, place, -1)


def bar(score: Tensor, same: Tensor) -> Tensor:
    """Set score[n, same[n]] to -inf, in place, where same (N,) is a place."""
    row = torch.nonzero(same >= 0)[:, 0]
    score[row, same[row]] = -torch.inf
    return score


def heads_loss(
    says: dict[str, Tensor], labels: dict[str, Tensor], weight: dict[str, Tensor]
) -> dict[str, Tensor]:
    """The mean loss of each head but the next item's, where its label is known.

    event : cross-entropy, each class with its weight.
    gap : what a normal distribution of the logarithm of the seconds to the next event has left to explain.
    purchase : binary cross-entropy, purchases with their weight.
    """
    losses = {}
    for name, said in says.items():
        label = labels[name]
        there = label >= 0
        if not there.any():
            continue
        said, label = said[there], label[there]
        if name == "event":
            losses[name] = nn.functional.cross_entropy(said, label, weight[name])
        elif name == "gap":
            spread = said[:, 1].clamp(-3, 3)
            losses[name] = (spread + 0.5 * ((label - said[:, 0]) / spread.exp()) ** 2).mean()
        else:
            losses[name] = nn.functional.binary_cross_entropy_with_logits(
                said[:, 0], label.float(), pos_weight=weight[name]
            )
    return losses
