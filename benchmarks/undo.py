"""Take back a step that changed a whole stack of labels: ``undo.py [PLANES [SIZE]]``.

Every object of the stack shrinks by a pixel. Printed are the time to find what changes, the memory it
takes, and the times of writing it, taking it back and making it again, without a viewer.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from skimage import data

from napari_tessera import morphology, watershed
from napari_tessera.pipeline.edits import differences, weight


def main() -> None:
    """Run the benchmark."""
    planes = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    size = int(sys.argv[2]) if len(sys.argv) > 2 else 2048
    coins = watershed(data.coins(), background="60 px").astype(np.uint16)
    tiles = -(-size // min(coins.shape))
    plane = np.tile(coins, (tiles, tiles))[:size, :size]
    smaller = morphology(plane, operation="erosion", radius="1 px")
    labels = np.repeat(plane[None], planes, axis=0)
    changed = np.broadcast_to(smaller, labels.shape)
    print(f"{labels.shape} {labels.dtype}: {labels.nbytes / 1e6:.0f} MB")
    began = time.perf_counter()
    changes = differences(labels, (0, 0, 0), changed)
    print(
        f"found in {time.perf_counter() - began:.2f} s: {weight(changes) / 1e6:.1f} MB kept, "
        f"{len(changes)} boxes"
    )
    for what, expected in (("written", smaller), ("undone", plane), ("redone", smaller)):
        began = time.perf_counter()
        for change in changes:
            change.flip(labels)
        took = time.perf_counter() - began
        print(f"{what} in {took:.2f} s, right: {bool((labels[-1] == expected).all())}")


if __name__ == "__main__":
    main()
