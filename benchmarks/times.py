"""How long each classical method takes on a plane of 2048 x 2048, with its defaults.

Run ``python benchmarks/times.py``; the shorter of two runs.
"""

import time

import numpy as np
from skimage import data

from napari_tessera import METHODS, watershed

SIZE = 2048


def inputs():
    """Return what each method is given: coins, their objects, and 100 seeds of two labels."""
    coins = np.tile(data.coins(), (7, 6))[:SIZE, :SIZE]
    seeds = np.zeros(coins.shape, np.uint8)
    seeds[100::200, 100::200] = 1 + np.arange(100).reshape(10, 10) % 2
    return {"image": coins, "labels": watershed(coins), "markers": seeds}


def main():
    given = inputs()
    for method in METHODS.values():
        arrays = {p.name: given[p.word.name] for p in method.parameters if p.required}
        times = []
        for _ in range(2):
            began = time.perf_counter()
            method.function(**arrays)
            times.append(time.perf_counter() - began)
        print(f"{method.display:24} {min(times):8.3f} s", flush=True)


if __name__ == "__main__":
    main()
