"""Terms of texts, categories, brands and prices, and what each weighs.

As in Salton & Buckley, Term-weighting approaches in automatic text retrieval, Information Processing &
Management 24 (1988): (1 + ln tf) ln(1 + I / df), each field brought to length 1.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable

import numpy as np
from scipy import sparse

BAND = math.log(1.5)  # prices are laid between bands a factor of 1.5 apart
COMMON = 5_000  # a term of more items than this is no term: it tells little, and would cost the most
# a run of letters or digits; Chinese, Japanese and Korean are written without spaces, so two signs at a time
WORD = re.compile(r"[぀-ヿ㐀-鿿가-힯]+|(?:(?![぀-ヿ㐀-鿿가-힯])[^\W_])+")


def words(text: str | None) -> list[str]:
    """The words of a text, without case; of writing without spaces, every two neighbouring signs."""
    found = []
    for run in WORD.findall((text or "").casefold()):
        if run[0] < "぀" or len(run) < 3:
            found.append(run)
        else:
            found += [run[place : place + 2] for place in range(len(run) - 1)]
    return found


def term_vectors(terms: Iterable[Iterable[str]]) -> sparse.csr_array:
    """One row per item out of its terms, of length 1 where it has any: float32 CSR (I, terms)."""
    column_of: dict[str, int] = {}
    column, frequency, offsets = [], [], [0]
    for own in terms:
        for term, n in Counter(own).items():
            column.append(column_of.setdefault(term, len(column_of)))
            frequency.append(n)
        offsets.append(len(column))
    n_items, n_terms = len(offsets) - 1, len(column_of)
    place = np.array(column, np.int64)
    items_with = np.bincount(place, minlength=n_terms)  # (terms,)
    rarity = np.where(items_with > COMMON, 0, np.log1p(n_items / np.maximum(items_with, 1)))  # (terms,)
    value = (1 + np.log(np.array(frequency, np.float64))) * rarity[place]
    return unit_rows(sparse.csr_array((value, place, np.array(offsets)), shape=(n_items, n_terms)))


def price_bands(price: np.ndarray) -> sparse.csr_array:
    """Each price between the two bands nearest to it, so that prices close to each other share bands.

    Parameters
    ----------
    price : float64 (I,)
        NaN or not above 0 where not known.
    """
    known = np.flatnonzero(price > 0)
    level = np.log(price[known]) / BAND
    lower = np.floor(level).astype(np.int64)
    share = level - lower  # of the upper band
    first = lower.min(initial=0)
    row, band = np.tile(known, 2), np.concatenate([lower, lower + 1]) - first
    shape = (len(price), int(band.max(initial=0)) + 1)
    bands = sparse.csr_array((np.concatenate([1 - share, share]), (row, band)), shape=shape)
    crowded = np.bincount(bands.indices, minlength=shape[1]) > COMMON
    bands.data[crowded[bands.indices]] = 0
    return unit_rows(bands)


def unit_rows(matrix: sparse.csr_array) -> sparse.csr_array:
    """The rows brought to length 1, without zeros, as float32."""
    matrix.eliminate_zeros()
    matrix.sort_indices()
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    length = np.sqrt(np.bincount(row, matrix.data**2, matrix.shape[0]))
    return sparse.csr_array(
        ((matrix.data / length[row]).astype(np.float32), matrix.indices, matrix.indptr), shape=matrix.shape
    )
