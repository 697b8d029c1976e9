from itertools import product

import numpy as np
import pytest
from scipy import special

from napari_tessera.algorithms.crf.bilateral_grid import Axis, Intensity
from napari_tessera.algorithms.crf.mean_field_kernels import AGAIN, FIRST, LAST, sweep

WEIGHTS = np.float32(5), np.float32(3)


class Field:
    """Pixels (5, 3, 7) between random grids, and all nodes around each of them one by one."""

    def __init__(self, labels, rng):
        self.shape = shape = (5, 3, 7)
        self.wide = [Axis.along(length, 4.0, 2.0) for length in shape]
        self.tight = [Axis.along(length, 3.0) for length in shape]
        self.levels = Intensity.of(rng.uniform(0, 3, shape).astype(np.float32))
        self.norm = rng.random(shape, np.float32)
        ends = [axis.nodes + 1 for axis in self.wide]
        self.far = rng.random((*ends, self.levels.nodes + 1, labels - 1), np.float32)
        self.near = rng.random((*[axis.nodes + 1 for axis in self.tight], labels - 1), np.float32)
        self.logits = rng.normal(0, 2, (*shape, labels - 1)).astype(np.float32)

    def run(self, mode):
        """Return the next grids and the logits."""
        far, near, result = map(np.zeros_like, (self.far, self.near, self.logits))
        wide, tight = (tuple(axis.pair for axis in axes) for axes in (self.wide, self.tight))
        norms = tuple(axis.norm() for axis in self.tight)
        sweep(
            mode, (0, 5), self.logits, wide, self.levels.index, self.levels.share, self.norm,
            tight, norms, WEIGHTS, self.far, self.near, far, near, result,
        )  # fmt: skip
        return far, near, result

    def nodes(self, place):
        """Yield grid, node and share times norm for the 16 and 8 nodes around a pixel."""
        axes = [(a.index[i], a.share[i]) for a, i in zip(self.wide, place, strict=True)]
        axes.append((self.levels.index[place], self.levels.share[place]))
        others = [(a.index[i], a.share[i]) for a, i in zip(self.tight, place, strict=True)]
        norm = np.prod([a.norm()[i] for a, i in zip(self.tight, place, strict=True)])
        for grid, own, scale in ((0, axes, self.norm[place]), (1, others, norm)):
            for step in product((0, 1), repeat=len(own)):
                shares = [t if up else 1 - t for up, (_, t) in zip(step, own, strict=True)]
                node = tuple(i + up for up, (i, _) in zip(step, own, strict=True))
                yield grid, node, float(np.prod(shares)) * scale

    def expected(self, mode):
        """Return what `run` should, from one node after the other."""
        grids = np.zeros(self.far.shape), np.zeros(self.near.shape)
        logits = self.logits.astype(float)
        for place in np.ndindex(self.shape):
            if mode != FIRST:
                for grid, node, share in self.nodes(place):
                    logits[place] += WEIGHTS[grid] * share * (self.far, self.near)[grid][node]
            found = special.softmax(np.append(logits[place], 0))
            for grid, node, share in self.nodes(place):
                grids[grid][node] += share * (found[:-1] - found[-1])
        return *grids, logits


@pytest.mark.parametrize("labels", [2, 3, 6])
@pytest.mark.parametrize("mode", [FIRST, AGAIN])
def test_a_sweep_puts_contrasts_into_all_nodes_around_each_pixel(labels, mode, rng):
    field = Field(labels, rng)
    for found, expected in zip(field.run(mode)[:2], field.expected(mode)[:2], strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("labels", [2, 3, 6])
def test_the_last_sweep_returns_the_logits_and_puts_nothing(labels, rng):
    field = Field(labels, rng)
    far, near, logits = field.run(LAST)
    np.testing.assert_allclose(logits, field.expected(LAST)[2], atol=1e-5)
    assert not far.any()
    assert not near.any()
