"""What a prediction will cost, found out by trying a small tile."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from napari_tessera.deep.inference.cache import Cache
from napari_tessera.deep.inference.fitting import sizes_at
from napari_tessera.deep.inference.predictor import Predictor
from napari_tessera.deep.inference.three_axes import plane_shape
from napari_tessera.deep.models.library import find_model
from napari_tessera.deep.networks.registry import NETWORKS
from napari_tessera.deep.triton import keep_away
from napari_tessera.signature.words import VoxelSize

if TYPE_CHECKING:
    import torch

    from napari_tessera.deep.inference.tile_plan import TilePlan
    from napari_tessera.deep.inference.tiling import TileRun

TRIED = 128
"""Side of the tile that is tried, in pixels."""

ALIVE = 0.3
"""Share of all that the layers of a network give that is in memory at once, as measured."""


@dataclass(frozen=True)
class Estimate:
    """What a prediction will cost.

    Attributes
    ----------
    tiles : int
        In all planes or volumes together.
    tile : tuple of int
        Their size in pixels.
    memory : int
        Bytes, besides the image as it is.
    seconds : float
    device : str
        In words, with the reason.
    """

    tiles: int
    tile: tuple[int, ...]
    memory: int
    seconds: float
    device: str


def predict_estimate(
    values: Mapping[str, Any], shape: tuple[int, ...], count: int, spacing: VoxelSize, cache: Cache
) -> Estimate:
    """Return what it costs to predict planes or volumes.

    Parameters
    ----------
    values : mapping
        The parameters of `predict`.
    shape : tuple of int
        Of one plane or volume, without channels.
    count : int
        How many there are.
    spacing : VoxelSize
    cache : Cache
        Where the network is kept for the run.

    Raises
    ------
    ValueError
        If the model or the device is not there, or the model takes other images.
    """
    from napari_tessera.deep import devices
    from napari_tessera.deep.inference.tile_plan import plan_tiles

    predictor = Predictor(
        find_model(values["model"]),
        values["device"],
        cache,
        values["tile"],
        averaged=values.get("volumes") == "averaged",
    )
    model, config = predictor.model, predictor.model.config
    if len(shape) < config.axes:
        raise ValueError(f"model {model.name!r} works on volumes; choose to work on a volume")
    sized = sizes_at(shape, spacing, model)
    run = predictor.tile_run(sized[-config.axes :])
    plan, tried = run.tiles, plan_tiles((TRIED,) * config.axes, predictor.sizes, tile=TRIED)
    seconds, layers = _tried(replace(run, tiles=tried), config.in_channels)
    share = math.prod(plan.tile) / math.prod(tried.tile)
    plans, mirrors = _plans(predictor, shape, sized, spacing), 4 if values.get("flips") else 1
    seen = sum(planes * each.count * math.prod(each.tile) for planes, each in plans)
    row = config.classes * plan.tile[0] * math.prod(plan.shape[1:])
    weights = sum(each.numel() for each in run.network.parameters())
    maps = config.classes * (2 if len(plans) > 1 else 1)  # those across Z, and the sums of all
    pixels = math.prod(sized) * (config.in_channels + maps)
    return Estimate(
        count * sum(planes * each.count for planes, each in plans),
        plan.tile,
        4 * (weights + pixels + row) + int(ALIVE * layers * share * min(plan.count, run.batch)),
        count * seconds * seen / math.prod(tried.tile) * mirrors,
        devices.explained(values["device"]),
    )


def _plans(
    predictor: Predictor, shape: tuple[int, ...], sized: tuple[int, ...], spacing: VoxelSize
) -> list[tuple[int, TilePlan]]:
    """Return how many planes there are, or volumes, and how each is covered; for each axis."""
    axes = predictor.model.config.axes
    found = [(sized[0] if len(sized) > axes else 1, predictor.tiles(sized[-axes:]))]
    if predictor.averages(len(sized)):
        for axis in (1, 2):
            across = plane_shape(shape, sized, spacing, axis)
            found.append((sized[axis], predictor.tiles(across)))
    return found


def _tried(tried: TileRun, channels: int) -> tuple[float, int]:
    """Return the seconds that a tile takes, and the bytes that all layers give for it."""
    import torch

    network, tiles, given = tried.network, tried.tiles, 0

    def count(module: Any, inputs: Any, output: Any) -> None:
        nonlocal given
        if isinstance(output, torch.Tensor):
            given += output.numel() * output.element_size()

    leaves = [module for module in network.modules() if not list(module.children())]
    hooks = [leaf.register_forward_hook(count) for leaf in leaves]
    sides = [side + 2 * tiles.margin for side in tiles.tile]
    try:
        with tried.inference():
            image = torch.zeros((1, channels, *sides), device=tried.device)  # (1, C, *tile)
            run = _runner(network)
            run(image)
            for hook in hooks:
                hook.remove()
            began = time.perf_counter()
            run(image).cpu()
            return time.perf_counter() - began, given
    finally:
        for hook in hooks:
            hook.remove()


def _runner(network: torch.nn.Module) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return what a network does with a tile, whether it scores pixels or finds objects."""
    if not hasattr(network, "detect"):
        return network
    return lambda image: network.detect(image, confidence=0.5, overlap=0.5, limit=100)[0].boxes


@dataclass(frozen=True)
class Cost:
    """How large a network is.

    Attributes
    ----------
    parameters : int
    operations : int
        Multiplications for one patch.
    """

    parameters: int
    operations: int

    def __str__(self) -> str:
        """Return it for people.

        Examples
        --------
        >>> str(Cost(5_200_000, 1_230_000_000))
        '5.2 million weights, 1.2 billion multiplications per patch'
        """
        return (
            f"{self.parameters / 1e6:.1f} million weights, {self.operations / 1e9:.1f} billion "
            "multiplications per patch"
        )


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Let a logger say nothing but errors for a while."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def network_cost(
    name: str, options: Mapping[str, Any], *, patch: int, channels: int = 1, classes: int = 3
) -> Cost:
    """Return how large a network is, without making its weights.

    Of networks that find objects one by one, the operations are those for the whole patch; each
    object found takes more.

    Parameters
    ----------
    name : str
        A key of `napari_tessera.deep.networks.registry.NETWORKS`.
    options : mapping
        Of the network.
    patch : int
        Side of a patch in pixels.
    channels, classes : int
        Of images and scores.

    Examples
    --------
    >>> network_cost("unet", {"depth": 1, "width": 1 / 64}, patch=16).parameters
    138
    """
    keep_away()
    import torch

    from napari_tessera.deep.networks.registry import build

    with _quiet("torch.utils.flop_counter"):  # it warns of Triton, which is not asked for here
        from torch.utils.flop_counter import FlopCounterMode

    config = NETWORKS[name].configure(**options)
    sizes, axes = config.sizes, int(options.get("axes", 2))
    side = max(patch, sizes.smallest)
    side += (sizes.offset - side) % sizes.multiple + 2 * sizes.margin
    with torch.device("meta"):
        network = build(name, in_channels=channels, classes=classes, **options).eval()
        image = torch.zeros((1, channels, *(side,) * axes))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(image)
    parameters = sum(weights.numel() for weights in network.parameters())
    return Cost(parameters, counter.get_total_flops() // 2)
