"""Kernels of the softmax of logits of which the last is 0; they let other threads run."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit


@njit(nogil=True, fastmath=True, inline="always", cache=True)  # type: ignore[untyped-decorator]
def exponential(value: Any) -> Any:
    """Return exp(value) of a float32 of at most 0, to 2e-7; unlike `exp` it is vectorised."""
    # exp(v) = 2^n e^r: n whole, |r| <= log(2) / 2. Below 2^-126 there are no normal numbers
    power = max(value * np.float32(1.44269504), np.float32(-126))
    whole = np.floor(power + np.float32(0.5))
    rest = (power - whole) * np.float32(0.693147181)
    series = np.float32(1) + rest * (
        np.float32(1)
        + rest
        * (
            np.float32(0.5)
            + rest
            * (
                np.float32(1 / 6)
                + rest
                * (np.float32(1 / 24) + rest * (np.float32(1 / 120) + rest * np.float32(1 / 720)))
            )
        )
    )
    # n as the exponent bits of a float32, whose bias is 127
    return series * np.int32((np.int32(whole) + 127) << 23).view(np.float32)


@njit(nogil=True, fastmath=True, inline="always", cache=True)  # type: ignore[untyped-decorator]
def contrasts(logits: Any, found: Any) -> None:
    """Write by how much each label is more probable than the last one, whose logit is 0."""
    count = logits.size
    if count == 1:
        value = logits[0]
        # tanh(v / 2), of the negative magnitude so that nothing overflows
        small = exponential(-abs(value))
        ratio = (np.float32(1) - small) / (np.float32(1) + small)
        found[0] = ratio if value >= 0 else -ratio
        return
    # softmax with the largest logit taken away; the last label has the logit 0
    highest = np.float32(0)
    for c in range(count):
        highest = max(highest, logits[c])
    last = exponential(-highest)
    total = last
    for c in range(count):
        found[c] = exponential(logits[c] - highest)
    for c in range(count):
        total += found[c]
    for c in range(count):
        found[c] = (found[c] - last) / total


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def look_up(table: Any, places: Any, rows: Any) -> None:
    """Write the row of a table for each place; places below 0 count from its end."""
    for i in range(places.size):
        own, row = table[places[i]], rows[i]
        for k in range(own.size):
            row[k] = own[k]


@njit(nogil=True, fastmath=True, cache=True)  # type: ignore[untyped-decorator]
def softmax(logits: Any, found: Any) -> None:
    """Write the probabilities (L, N) of logits (N, L - 1), that of the last label being 0."""
    count = logits.shape[1]
    if count == 1:
        for i in range(logits.shape[0]):
            small = exponential(-abs(logits[i, 0]))
            less = small / (np.float32(1) + small)
            found[0, i] = less if logits[i, 0] < 0 else np.float32(1) - less
            found[1, i] = np.float32(1) - found[0, i]
        return
    own = np.empty(count, np.float32)
    for i in range(logits.shape[0]):
        highest = np.float32(0)
        for k in range(count):
            highest = max(highest, logits[i, k])
        last = exponential(-highest)
        total = last
        for k in range(count):
            own[k] = exponential(logits[i, k] - highest)
        for k in range(count):
            total += own[k]
        for k in range(count):
            found[k, i] = own[k] / total
        found[count, i] = last / total
