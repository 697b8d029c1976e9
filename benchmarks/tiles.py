"""Prediction of a large plane in tiles, beside the bare network and MONAI: ``tiles.py [SIDE]``.

The same network, of random weights, labels a plane of SIDE x SIDE (4096) in tiles of 512 that share a
quarter of their sides: the bare network on as many equal tiles, one after the other; ours, which blends
them band by band; and MONAI's ``sliding_window_inference`` with Gaussian weights, where it is installed.
They take turns; then each runs in a process of its own, whose peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from napari_tessera.deep import devices
from napari_tessera.deep.inference.tile_plan import plan_tiles
from napari_tessera.deep.inference.tiling import TileRun, evaluating, tiled_scores
from napari_tessera.deep.networks.options import ENCODER, Sizes
from napari_tessera.deep.networks.registry import build

TILE, OVERLAP, CLASSES = 512, 0.25, 3
CPU = torch.device("cpu")


def network() -> torch.nn.Module:
    """Return the default U-Net."""
    torch.manual_seed(0)
    return build("unet", in_channels=1, classes=CLASSES, encoder=ENCODER).eval()


def bare(model: torch.nn.Module, image: np.ndarray) -> None:
    """Let the network label as many tiles as the others do, and forget what it finds."""
    count = plan_tiles(image.shape[1:], Sizes(multiple=32), tile=TILE, overlap=OVERLAP).count
    tile = torch.from_numpy(np.ascontiguousarray(image[None, :, :TILE, :TILE]))
    with torch.inference_mode(), evaluating(model), devices.autocast(CPU, enabled=True):
        for _ in range(count):
            model(tile)


def ours(model: torch.nn.Module, image: np.ndarray) -> None:
    """Label the plane as Predict does."""
    tiles = plan_tiles(image.shape[1:], Sizes(multiple=32), tile=TILE, overlap=OVERLAP)
    tiled_scores(image, TileRun(model, tiles, CPU), classes=CLASSES)


def monai(model: torch.nn.Module, image: np.ndarray) -> None:
    """Label the plane as MONAI does, with as much in common and weights as smooth."""
    from monai.inferers import sliding_window_inference

    whole = torch.from_numpy(image[None])
    with torch.inference_mode(), evaluating(model), devices.autocast(CPU, enabled=True):
        found = sliding_window_inference(
            whole, (TILE, TILE), 1, model, overlap=OVERLAP, mode="gaussian"
        )
        torch.softmax(found.float(), dim=1)


WAYS: dict[str, Callable[[torch.nn.Module, np.ndarray], None]] = {
    "bare network": bare,
    "napari-tessera": ours,
    "MONAI": monai,
}


def plane(side: int) -> np.ndarray:
    """Return noise: what is seen does not matter."""
    return np.random.default_rng(0).random((1, side, side), np.float32)


def alone(way: str, side: int) -> None:
    """Print how much more memory a way takes at its peak than network and image do."""
    model, image = network(), plane(side)
    WAYS[way](model, image[:, :TILE, :TILE])  # what is loaded once
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    WAYS[way](model, image)
    print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("side", type=int, nargs="?", default=4096)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alone", choices=WAYS, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.alone:
        alone(asked.alone, asked.side)
        return
    ways, model, image = dict(WAYS), network(), plane(asked.side)
    try:
        import monai as _
    except ImportError:
        del ways["MONAI"]
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for run in ways.values():
        run(model, image[:, : 2 * TILE, : 2 * TILE])
    for _ in range(asked.rounds):
        for way, run in ways.items():
            began = time.perf_counter()
            run(model, image)
            seconds[way].append(time.perf_counter() - began)
    print(f"{asked.side} x {asked.side}, {torch.get_num_threads()} threads, best and median")
    for way, took in seconds.items():
        command = [sys.executable, __file__, str(asked.side), "--alone", way]
        more = json.loads(subprocess.check_output(command).split()[-1])
        ratio = min(seconds["bare network"]) / min(took)
        print(
            f"{way:15} {min(took):7.1f} s {np.median(took):7.1f} s  {ratio:5.2f} of the bare network"
            f"  {more / 1e3:7.0f} MB"
        )


if __name__ == "__main__":
    main()
