"""A forest of extremely randomized trees, which classifies rows of numbers.

P. Geurts, D. Ernst and L. Wehenkel, "Extremely randomized trees", Machine Learning 63, 2006.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from napari_tessera.algorithms.parallel import parallel_for, slabs
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import Array

TREES = 40
"""How many trees a forest has."""

LEAST = 2
"""Rows that a node has at least, to be divided."""

_PIECE = 1 << 13
"""Rows that are led down all trees in one go."""


@dataclass(frozen=True, eq=False)
class Forest:
    """Trees as flat arrays, one node after the other and one tree after the other.

    Attributes
    ----------
    classes : tuple of int
        The numbers of the classes, rising.
    features : int
        How many numbers a row has.
    roots : ndarray of uint32, shape (trees,)
        The first node of each tree.
    feature, left : ndarray of uint32, shape (nodes,)
        Which number is compared, and the left child, which the right one follows; a leaf is its
        own left child.
    level : ndarray of float32, shape (nodes,)
        A row goes to the right where its number is above.
    shares : ndarray of float32, shape (nodes, classes)
        Of the classes in each leaf.
    gains : ndarray of float64, shape (features,)
        How much each number has told of the classes: shares of 1.
    """

    classes: tuple[int, ...]
    features: int
    roots: Array
    feature: Array
    left: Array
    level: Array
    shares: Array
    gains: Array

    def check(self) -> None:
        """Raise an error unless every row comes to a leaf: compiled code does not look.

        Raises
        ------
        ValueError
        """
        nodes, own = len(self.left), np.arange(len(self.left))
        leaf = self.left == own
        children = self.left.astype(np.int64)[~leaf]
        types = self.roots, self.feature, self.left
        if not (
            all(each.dtype == np.uint32 and each.ndim == 1 for each in types)
            and self.level.dtype == self.shares.dtype == np.float32
            and self.feature.shape == self.left.shape == self.level.shape == (nodes,)
            and self.shares.shape == (nodes, len(self.classes))
            and len(self.roots) > 0
            and self.roots.max() < nodes
            and self.feature.max() < self.features
            # each step leads on, so that none goes in circles
            and np.all(children > own[~leaf])
            and np.all(children + 1 < nodes)
            and not np.isnan(self.level).any()
            and np.all((self.shares >= 0) & (self.shares <= 1))
        ):
            raise ValueError("its trees lead nowhere")

    def probabilities(self, rows: Array, report: Reporter | None = None) -> Array:
        """Return how likely each row belongs to each class, on all cores.

        Parameters
        ----------
        rows : ndarray of float32, shape (N, features)
        report : Reporter, optional

        Returns
        -------
        ndarray of float32, shape (N, classes)
        """
        from napari_tessera.algorithms.forest.kernels import add_shares

        result = np.zeros((len(rows), len(self.classes)), np.float32)
        nodes = self.feature, self.level, self.left, self.shares

        def add(part: tuple[int, int]) -> None:
            own = slice(*part)
            add_shares(rows[own], self.roots, *nodes, result[own])

        parallel_for(add, slabs(len(rows), 1, pixels=_PIECE), report)
        result /= len(self.roots)
        return result


def grown_forest(
    rows: Array,
    labels: Array,
    *,
    trees: int = TREES,
    seed: int = 0,
    least: int = LEAST,
    report: Reporter | None = None,
) -> Forest:
    """Grow a forest from examples; all classes count alike, however many examples they have.

    Parameters
    ----------
    rows : ndarray of float32, shape (N, F)
        Without NaN.
    labels : ndarray of int, shape (N,)
        The class of each row.
    trees : int
    seed : int
        The same examples in the same order and the same seed give the same forest.
    least : int
        Rows that a node has at least, to be divided.
    report : Reporter, optional

    Returns
    -------
    Forest

    Examples
    --------
    >>> rows = np.array([[0], [1], [8], [9]], np.float32)
    >>> forest = grown_forest(rows, np.array([3, 3, 5, 5]))
    >>> forest.classes, forest.probabilities(np.array([[0.5], [8.5]], np.float32)).tolist()
    ((3, 5), [[1.0, 0.0], [0.0, 1.0]])
    """
    from napari_tessera.algorithms.forest.kernels import grow_tree

    ids, numbers, counts = np.unique(labels, return_inverse=True, return_counts=True)
    rows, weights = np.ascontiguousarray(rows, np.float32), 1 / counts
    tries = max(1, round(math.sqrt(rows.shape[1])))

    def tree(number: int) -> tuple[Array, ...]:
        size = 2 * len(rows)
        feature, left = np.empty((2, size), np.uint32)
        level, shares = np.empty(size, np.float32), np.zeros((size, ids.size), np.float32)
        gains = np.zeros(rows.shape[1])
        settings = tries, least, seed * trees + number
        nodes = grow_tree(rows, numbers, weights, settings, feature, level, left, shares, gains)
        return feature[:nodes], left[:nodes], level[:nodes], shares[:nodes].copy(), gains

    grown = parallel_for(tree, range(trees), report)
    sizes = [len(each[0]) for each in grown]
    roots = np.cumsum([0, *sizes[:-1]])
    gains = sum(each[4] for each in grown)
    total = float(np.sum(gains))
    return Forest(
        tuple(map(int, ids)),
        rows.shape[1],
        roots.astype(np.uint32),
        np.concatenate([each[0] for each in grown]),
        np.concatenate([each[1] + root for each, root in zip(grown, roots, strict=True)]).astype(
            np.uint32
        ),
        np.concatenate([each[2] for each in grown]),
        np.concatenate([each[3] for each in grown]),
        np.asarray(gains / total if total else gains),
    )
