"""Connected components from runs of one label: what is kept grows with the runs, not the pixels.

Runs are numbered as a scan meets them, and so are components by their first run (L. He, Y. Chao and
K. Suzuki, "A run-based two-scan labeling algorithm", IEEE Trans. Image Processing 17(5), 2008).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from napari_tessera.algorithms.labels.boxes import volume
from napari_tessera.algorithms.labels.ids import smallest_dtype
from napari_tessera.algorithms.parallel import SLAB, parallel_for, slabs
from napari_tessera.signature.words import Array


class ComponentRuns(NamedTuple):
    """The runs of a volume line by line, each with the number of its component.

    Attributes
    ----------
    first : ndarray of int64, shape (lines + 1,)
        The first run of each line of all planes, and how many runs there are.
    starts, ends : ndarray of int, shape (N,)
        Where each run begins and ends (exclusive) in its line.
    numbers : ndarray of int, shape (N,)
        1, 2, 3, ... in the order in which a scan meets the components.
    highest : int
    """

    first: Array
    starts: Array
    ends: Array
    numbers: Array
    highest: int

    @classmethod
    def of(cls, whole: Array, steps: int) -> ComponentRuns:
        """Find the runs of a volume, background left out.

        Parameters
        ----------
        whole : ndarray of unsigned int, shape (Z, Y, X)
        steps : int
            1: neighbours share a face; more: corners count too.
        """
        planes, lines, columns = whole.shape
        rows = whole.reshape(planes * lines, columns)
        parts = _parts(whole.shape)
        first = np.zeros(len(rows) + 1, np.int64)
        parallel_for(lambda part: _count(rows, first, *part), parts)
        np.cumsum(first, out=first)
        place = np.int32 if columns < 2**31 else np.int64
        starts, ends = np.empty((2, int(first[-1])), place)
        parents = np.arange(first[-1], dtype=np.int32 if first[-1] < 2**31 else np.int64)
        parallel_for(lambda part: _find(rows, first, starts, ends, *part), parts)
        full = steps > 1
        # lines before this one that touch it: planes and lines back
        near = np.array([(0, 1), (1, 1), (1, 0), (1, -1)] if full else [(0, 1), (1, 0)])

        def join(lines_of: tuple[int, int], others: tuple[int, int]) -> None:
            _join(rows, lines, first, starts, ends, parents, near, int(full), lines_of, others)

        # each part by itself, side by side; then what lies along the seams between them
        parallel_for(lambda part: join(part, part), parts)
        for start, stop in parts[1:]:
            join((start, min(start + (lines + 1 if planes > 1 else 1), stop)), (0, start))
        return cls(first, starts, ends, parents, int(_number(parents)))


def _parts(shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return the first line of each part of a volume and the one after its last: whole planes.

    Of a single plane, lines are parts.
    """
    planes, lines, columns = shape
    if planes == 1:
        return slabs(lines, columns, pixels=SLAB)
    return [
        (start * lines, stop * lines) for start, stop in slabs(planes, lines * columns, pixels=SLAB)
    ]


def numbered_components(labels: Array, steps: int) -> Array:
    """Number the pieces of connected pixels of one label, as `components` does.

    Parameters
    ----------
    labels : ndarray of int or bool, a plane or a volume
    steps : int
        1: neighbours share a face; the number of axes: corners count too.
    """
    whole = volume(labels)
    runs = ComponentRuns.of(whole, steps)
    result = np.zeros(whole.shape, smallest_dtype("objects", runs.highest))
    rows = result.reshape(-1, whole.shape[2])
    parallel_for(lambda part: _fill(runs[:4], rows, *part), _parts(whole.shape))
    return result.reshape(labels.shape)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _count(rows: Any, first: Any, begin: int, stop: int) -> None:
    """Write behind the place of each line how many runs it has, background left out."""
    for line in range(begin, stop):
        own = rows[line]
        count = np.int64(own[0] != 0)
        for x in range(1, own.size):
            count += (own[x] != own[x - 1]) & (own[x] != 0)
        first[line + 1] = count


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _find(rows: Any, first: Any, starts: Any, ends: Any, begin: int, stop: int) -> None:
    """Write where runs begin and end (exclusive)."""
    for line in range(begin, stop):
        own, run = rows[line], first[line]
        before = own[0]
        start = 0
        for x in range(1, own.size):
            if own[x] != before:
                if before != 0:
                    starts[run], ends[run] = start, x
                    run += 1
                start, before = x, own[x]
        if before != 0:
            starts[run], ends[run] = start, own.size


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _join(
    rows: Any,
    lines: int,
    first: Any,
    starts: Any,
    ends: Any,
    parents: Any,
    near: Any,
    slack: int,
    own: Any,
    others: Any,
) -> None:
    """Join runs of some lines to those of others that touch; the root of a tree is its first run.

    `lines` are those of a plane, `own` and `others` the first of some and the one after the last.
    """
    for here in range(own[0], own[1]):
        plane, line = here // lines, here % lines
        for k in range(len(near)):
            p, other = plane - near[k, 0], line - near[k, 1]
            there = p * lines + other
            if 0 <= other < lines and others[0] <= there < others[1]:
                _join_lines(
                    (rows[here], rows[there]),
                    (first[here], first[here + 1]),
                    (first[there], first[there + 1]),
                    starts,
                    ends,
                    parents,
                    slack,
                )


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _join_lines(
    pair: Any, here: Any, there: Any, starts: Any, ends: Any, parents: Any, slack: int
) -> None:
    own, other = pair
    i, j = here[0], there[0]
    while i < here[1] and j < there[1]:
        touch = starts[i] < ends[j] + slack and starts[j] < ends[i] + slack
        # most runs that touch have met by way of others before
        if touch and parents[i] != parents[j] and own[starts[i]] == other[starts[j]]:
            _unite(parents, i, j)
        if ends[i] < ends[j]:
            i += 1
        elif ends[j] < ends[i]:
            j += 1
        else:
            # both end here: only over a corner does the next one of a line touch the last of the
            # other
            after = slack and j + 1 < there[1] and starts[j + 1] == ends[i]
            if after and own[starts[i]] == other[starts[j + 1]]:
                _unite(parents, i, j + 1)
            after = slack and i + 1 < here[1] and starts[i + 1] == ends[j]
            if after and own[starts[i + 1]] == other[starts[j]]:
                _unite(parents, i + 1, j)
            i += 1
            j += 1


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _unite(parents: Any, one: Any, other: Any) -> None:
    while parents[one] != one:
        parents[one] = parents[parents[one]]
        one = parents[one]
    while parents[other] != other:
        parents[other] = parents[parents[other]]
        other = parents[other]
    parents[max(one, other)] = min(one, other)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _number(parents: Any) -> int:
    """Turn the parent of each run into the number of its component; return the highest."""
    highest = 0
    for run in range(parents.size):
        if parents[run] == run:
            highest += 1
            parents[run] = highest
        else:  # the parent comes before, and has its number
            parents[run] = parents[parents[run]]
    return highest


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _fill(runs: Any, rows: Any, begin: int, stop: int) -> None:
    first, starts, ends, numbers = runs
    for line in range(begin, stop):
        own = rows[line]
        for run in range(first[line], first[line + 1]):
            own[starts[run] : ends[run]] = numbers[run]
