"""How plausible an outline is, from what is known of it.

The weights were fitted so that of all outlines around a point the one that overlaps best with the
object comes first: nuclei, cells, powder particles and pebbles under free licences, see
`benchmarks/clicks.py`.
"""

from __future__ import annotations

import numpy as np

from napari_tessera.signature.words import Array

_TABLE = np.array(
    [  # mean, deviation, weight, weight of the square
        (1.768, 1.365, 0.459, -0.128),  # mean step
        (0.3409, 1.094, 0.207, 0.375),  # weakest fifth of steps
        (1.602, 1.712, 0.662, 0),  # median step
        (33.46, 26.02, -0.689, -0.189),  # steps within
        (1.617, 1.134, -0.238, 0),  # unevenness
        (3.231, 1.353, -0.762, -0.876),  # size
        (0.5739, 0.225, -0.549, 1.19),  # unlike within
        (1.349, 0.7945, 0.292, 0),  # steps around
        (0.08295, 0.1667, -0.0735, 0),  # outside the image
        (0.5426, 0.1808, 0.0965, 0),  # narrowness
        (0.7304, 0.1459, 0.537, 0),  # middle narrowness
        (0.5976, 0.2139, -0.712, 0),  # unlike around
        (0.2671, 0.6563, 0.0142, 0),  # centre against around
        (0.4322, 0.4954, 1.07, 0),  # bright
        (0.4489, 0.4974, -0.919, 0),  # dark
    ]
)

_FARTHEST = 3.0  # deviations from the mean beyond which nothing is known


def plausibility(measures: Array) -> Array:
    """Return how plausible outlines are beside one another.

    Parameters
    ----------
    measures : ndarray, shape (N, len(MEASURES))
        See `napari_tessera.algorithms.picking.outlines.MEASURES`.

    Examples
    --------
    >>> steady, weak = np.tile(_TABLE[:, 0], (2, 1))
    >>> weak[0] -= 1  # its mean step
    >>> plausibility(np.array([steady, weak])).round(2).tolist()
    [0.0, -0.4]
    """
    mean, deviation, weight, square = _TABLE.T
    seen = np.clip((measures - mean) / deviation, -_FARTHEST, _FARTHEST)
    return np.asarray(seen @ weight + seen**2 @ square)
