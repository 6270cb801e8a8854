"""Many effects of which most are none: how much of each estimate to believe (adaptive shrinkage).

Effects come from a mixture of 0 and normals about 0 with given standard deviations. The weights of the
mixture are those under which the estimates are likeliest (EM), 0 being given ten effects' worth of faith.
M. Stephens: False discovery rates: a new deal. Biostatistics 18 (2), 2017. Where the bulk of the estimates
lies wider about 0 than their errors say, these are widened, by 5 % at most, as the bulk may be real:
B. Efron, Large-scale simultaneous hypothesis testing: the choice of a null hypothesis. JASA 99, 2004.
"""

import numpy as np
from scipy.special import log_ndtr

SDS = np.array([0.0, 0.2, 0.4, 0.8])
MEDIAN = 0.6745  # of the size of a standard normal
WIDEST = 1.05
NONE = 10.0  # effects' worth of faith in 0
ITERATIONS = 200


def shrunk(estimate: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Posterior mean and standard deviation, and how surely the effect has the sign of its mean, each (n,).

    Parameters
    ----------
    estimate, error : float64 (n,)
        Estimates that were not shrunk, and their standard errors, above 0.
    """
    wide = np.median(np.abs(estimate / error)) / MEDIAN
    prior, noise = SDS[:, None] ** 2, (error * np.clip(wide, 1.0, WIDEST)) ** 2  # (S, 1), (n,)
    total = prior + noise
    log_density = -0.5 * (np.log(total) + estimate**2 / total)  # (S, n)
    density = np.exp(log_density - log_density.max(axis=0))
    weight = np.full(len(SDS), 1.0 / len(SDS))
    faith = np.where(SDS == 0, NONE, 1.0) - 1.0
    for _ in range(ITERATIONS):
        share = weight[:, None] * density
        share /= share.sum(axis=0)
        weight = share.sum(axis=1) + faith
        weight /= weight.sum()
    share = weight[:, None] * density
    share /= share.sum(axis=0)
    gain = prior / total
    centre, variance = gain * estimate, gain * noise  # (S, n) of each part of the mixture
    mean = (share * centre).sum(axis=0)
    sd = np.sqrt((share * (variance + centre**2)).sum(axis=0) - mean**2)
    some = SDS > 0
    same_sign = np.exp(log_ndtr(np.abs(centre[some]) / np.sqrt(variance[some])))
    sure = (share[some] * same_sign).sum(axis=0)
    return mean, sd, sure
