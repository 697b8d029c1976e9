"""The compiled parts of a forest: a tree is grown, and pixels are led down trees."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

_TOGETHER = 256
"""Rows that are led down one tree after the other: they stay in the cache, as does each tree."""


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _random(state: Any) -> np.uint64:
    """Return 64 random bits and move on (SplitMix64, G. L. Steele et al., OOPSLA 2014)."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    mixed = state[0]
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.uint64(mixed ^ (mixed >> np.uint64(31)))


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _share(state: Any) -> float:
    """Return a random number from 0 to 1."""
    return float(_random(state) >> np.uint64(11)) * 2.0**-53


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def grow_tree(
    rows: Any,
    classes: Any,
    weights: Any,
    settings: tuple[int, int, int],
    feature: Any,
    level: Any,
    left: Any,
    shares: Any,
    gains: Any,
) -> int:
    """Grow one tree on all rows and return how many nodes it has.

    Node 0 is the root; the children of a node are `left` and `left` + 1. A leaf is its own left
    child, and its level is infinite, so that every row that has come there stays.

    Parameters
    ----------
    rows : ndarray of float32, shape (N, F)
    classes : ndarray of int, shape (N,)
        0, 1, 2, ...
    weights : ndarray of float64, shape (K,)
        What a row of each class counts.
    settings : tuple of int
        How many features are tried at each node, how many rows a node must have to be divided, and
        the seed.
    feature, left : ndarray of uint32, shape (2 N,)
    level : ndarray of float32, shape (2 N,)
        A row goes to the right where its feature is above.
    shares : ndarray of float32, shape (2 N, K)
        Of the classes in each leaf.
    gains : ndarray of float64, shape (F,)
        By how much each feature has made the nodes purer, summed up.
    """
    tries, least, seed = settings
    count, features = rows.shape
    kinds = weights.size
    state = np.array([seed], np.uint64)
    order, names = np.arange(count), np.arange(features)
    begin, end = np.zeros(2 * count, np.int64), np.zeros(2 * count, np.int64)
    end[0] = count
    nodes, node = 1, 0
    own, lower = np.zeros(kinds), np.zeros(kinds)
    while node < nodes:  # breadth first: the top of a tree, which all pass, lies together
        first, stop = begin[node], end[node]
        here = order[first:stop]
        _weigh(classes, weights, here, own)
        total = own.sum()
        best, chosen, cut = 0.0, -1, np.float32(0)
        impurity = total - (own * own).sum() / total
        if stop - first >= least and impurity > 1e-9 * total:
            tried, left_over = 0, features
            while tried < tries and left_over > 0:
                at = int(_random(state) % np.uint64(left_over))
                name = names[at]
                left_over -= 1
                names[at], names[left_over] = names[left_over], name
                low, high = _ends(rows, here, name)
                if not low < high:
                    continue
                tried += 1
                place = np.float32(low + _share(state) * (high - low))
                place = low if place >= high else place
                lower[:] = 0
                for row in here:  # a list of those below first would take longer
                    if rows[row, name] <= place:
                        lower[classes[row]] += weights[classes[row]]
                below = lower.sum()
                above = total - below
                pure = (lower * lower).sum() / below + ((own - lower) ** 2).sum() / above
                gain = pure - (own * own).sum() / total
                if gain > best or chosen < 0:
                    best, chosen, cut = gain, name, place
        if chosen < 0:
            feature[node], level[node], left[node] = 0, np.inf, node
            shares[node] = own / total
        else:
            gains[chosen] += best
            middle = first + _parted(rows, here, chosen, cut)
            feature[node], level[node], left[node] = chosen, cut, nodes
            begin[nodes], end[nodes] = first, middle
            begin[nodes + 1], end[nodes + 1] = middle, stop
            nodes += 2
        node += 1
    return nodes


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _weigh(classes: Any, weights: Any, here: Any, sums: Any) -> None:
    """Add up what the rows of each class count."""
    sums[:] = 0
    for row in here:
        sums[classes[row]] += weights[classes[row]]


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _ends(rows: Any, here: Any, name: int) -> tuple[Any, Any]:
    """Return the lowest and the highest of a feature."""
    low = high = rows[here[0], name]
    for row in here[1:]:
        value = rows[row, name]
        low, high = min(low, value), max(high, value)
    return low, high


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _parted(rows: Any, here: Any, name: int, cut: Any) -> int:
    """Order rows so that those up to a cut come first, and return how many these are."""
    middle, last = 0, here.size - 1
    while middle <= last:
        if rows[here[middle], name] <= cut:
            middle += 1
        else:
            here[middle], here[last] = here[last], here[middle]
            last -= 1
    return middle


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def add_shares(
    rows: Any, roots: Any, feature: Any, level: Any, left: Any, shares: Any, out: Any
) -> None:
    """Add up the shares of the leaves that each row comes to in all trees.

    Four rows are led down a tree side by side, so that none waits for what another one reads.
    Numbers are unsigned: of others, numba would ask at each step whether they count from the end.

    Parameters
    ----------
    rows : ndarray of float32, shape (N, F)
    roots : ndarray of uint32, shape (T,)
    feature, level, left, shares
        Of the nodes of all trees, see `grow_tree`.
    out : ndarray of float32, shape (N, K)
    """
    count, kinds = out.shape
    numbers, wide = rows.reshape(-1), np.uint64(rows.shape[1])
    stay, go = np.uint32(0), np.uint32(1)
    for first in range(0, count, _TOGETHER):
        # what is left of four is led down once more
        last = min(first + _TOGETHER, count) - 1
        for root in roots:
            for start in range(first, last + 1, 4):
                rest = np.uint64(last - start)
                i = np.uint64(start)
                j, k, m = (
                    i + min(np.uint64(1), rest),
                    i + min(np.uint64(2), rest),
                    i + min(np.uint64(3), rest),
                )
                p, q, r, s = i * wide, j * wide, k * wide, m * wide
                a = b = c = d = root
                while True:
                    e = left[a] + (go if numbers[p + feature[a]] > level[a] else stay)
                    f = left[b] + (go if numbers[q + feature[b]] > level[b] else stay)
                    g = left[c] + (go if numbers[r + feature[c]] > level[c] else stay)
                    h = left[d] + (go if numbers[s + feature[d]] > level[d] else stay)
                    if e == a and f == b and g == c and h == d:
                        break
                    a, b, c, d = e, f, g, h
                for kind in range(kinds):
                    out[i, kind] += shares[a, kind]
                    if rest > 0:
                        out[j, kind] += shares[b, kind]
                    if rest > 1:
                        out[k, kind] += shares[c, kind]
                    if rest > 2:
                        out[m, kind] += shares[d, kind]
