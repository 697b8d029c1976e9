"""The layers of a network whose features can be looked at: found by name, seen as they work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from napari_tessera.deep.inference.tiling import evaluating
from napari_tessera.deep.networks.options import Sizes
from napari_tessera.deep.networks.registry import entry_of

MOST_NAMED = 40
"""Layers that an error names."""

LayerShapes = list[tuple[int, ...]]


@dataclass(frozen=True)
class Layer:
    """A layer and its features.

    Attributes
    ----------
    name : str
        Of the module.
    deepest : bool
        Whether only the last of its features are meant.
    strides : tuple of tuple of float
        Pixels per place along each axis, of all features that are meant.
    """

    name: str
    deepest: bool
    strides: tuple[tuple[float, ...], ...]

    @property
    def axes(self) -> int:
        """How many spatial axes the features have."""
        return len(self.strides[0])

    def chosen(self, output: Any) -> list[torch.Tensor]:
        """Return the features (B, F, *f) that are meant, of all that the module gives."""
        found = [each for each in _tensors(output) if each.ndim == self.axes + 2]
        return found[-1:] if self.deepest else found


def find_layer(
    network: nn.Module, layer: str, *, sizes: Sizes, in_channels: int, axes: int
) -> Layer:
    """Return a layer by its name, or "bottleneck" or "last".

    The network looks at two small empty images, from which follows how many pixels its features
    stand for.

    Parameters
    ----------
    network : torch.nn.Module
    layer : str
    sizes : Sizes
        What the network takes.
    in_channels, axes : int
        Of its images.

    Raises
    ------
    ValueError
        If there is no such layer, or its features have no places; the message names those that can
        be chosen.

    Examples
    --------
    >>> network = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.MaxPool2d(2))
    >>> find_layer(network, "1", sizes=Sizes(), in_channels=1, axes=2).strides
    ((2.0, 2.0),)
    """
    name, deepest, entry = layer, layer == "bottleneck", entry_of(network)
    if layer in ("bottleneck", "last") and entry is not None:
        name = entry.parts.layer(network, layer)
    modules = dict(network.named_modules())
    side = max(sizes.multiple + sizes.offset, sizes.smallest) if axes == 2 else sizes.multiple
    side += (sizes.offset - side) % sizes.multiple + 2 * sizes.margin
    # a multiple of what any layer halves, so that nothing is rounded
    more = sizes.multiple * (-(-64 // sizes.multiple) if axes == 2 else 1)
    device = next((each.device for each in network.parameters()), torch.device("cpu"))
    shapes = [(1, in_channels, *(length,) * axes) for length in (side, side + more)]
    images = [torch.zeros(shape, device=device) for shape in shapes]
    found = _strides(network, {name: modules[name]} if name in modules else {}, images)
    if name not in found:
        raise ValueError(_unknown(layer, list(_strides(network, modules, images))))
    strides = found[name][-1:] if deepest else found[name]
    return Layer(name, deepest, tuple(strides))


@contextmanager
def seen(network: nn.Module, layer: Layer) -> Iterator[list[torch.Tensor]]:
    """Collect the features (B, F, *f) that a layer gives, for a while."""
    features: list[torch.Tensor] = []

    def note(name: str, output: Any) -> None:
        features.extend(layer.chosen(output))

    with _watched({layer.name: network.get_submodule(layer.name)}, note):
        yield features


@contextmanager
def begun(network: nn.Module, layer: Layer) -> Iterator[list[torch.Tensor]]:
    """Let gradients begin at the features (B, F, *f) of a layer, for a while, and collect these.

    What comes before them is best run under `torch.no_grad`, and takes no memory then.
    """
    features: list[torch.Tensor] = []

    def begin(name: str, output: Any) -> Any:
        chosen = layer.chosen(output)
        torch.set_grad_enabled(True)  # until the caller's no_grad ends
        leaves = [each.detach().requires_grad_() for each in chosen]
        features.extend(leaves)
        # copies, because a later layer may write into what it is given
        copies = {id(old): leaf.clone() for old, leaf in zip(chosen, leaves, strict=True)}
        return _mapped(output, lambda tensor: copies.get(id(tensor), tensor))

    with _watched({layer.name: network.get_submodule(layer.name)}, begin):
        yield features


@contextmanager
def _watched(modules: Mapping[str, nn.Module], watch: Callable[[str, Any], Any]) -> Iterator[None]:
    """Call `watch` with what modules give, for a while; it may return something in its place.

    The network may be at work in other threads too, which do not notice.
    """
    own = threading.get_ident()

    def hook(name: str) -> Callable[[nn.Module, Any, Any], Any]:
        return lambda _, inputs, output: (
            watch(name, output) if threading.get_ident() == own else None
        )

    hooks = [module.register_forward_hook(hook(name)) for name, module in modules.items()]
    try:
        yield
    finally:
        for each in hooks:
            each.remove()


def _strides(
    network: nn.Module, modules: Mapping[str, nn.Module], images: list[torch.Tensor]
) -> dict[str, list[tuple[float, ...]]]:
    """Return the strides of all features of modules; those without places are left out."""
    small, large = (_shapes(network, modules, image) for image in images)
    more = images[1].shape[2] - images[0].shape[2]
    result: dict[str, list[tuple[float, ...]]] = {}
    for name, own in small.items():
        pairs = list(zip(own, large[name], strict=True))
        grown = [[b - a for a, b in zip(one[2:], other[2:], strict=True)] for one, other in pairs]
        if grown and min(map(min, grown)) > 0:
            result[name] = [tuple(more / each for each in steps) for steps in grown]
    return result


def _shapes(
    network: nn.Module, modules: Mapping[str, nn.Module], image: torch.Tensor
) -> dict[str, LayerShapes]:
    """Return the shapes of all features that modules give for an image."""
    found: dict[str, LayerShapes] = {}

    def note(name: str, output: Any) -> None:
        own = [tuple(each.shape) for each in _tensors(output) if each.ndim == image.ndim]
        found.setdefault(name, []).extend(own)

    with torch.no_grad(), evaluating(network), _watched(modules, note):
        network(image)
    return found


def _unknown(layer: str, names: list[str]) -> str:
    """Say which layers there are: the uppermost, as many as can be read."""
    order = sorted(filter(None, names), key=lambda name: name.count("."))
    shown = [each for each in filter(None, names) if each in order[:MOST_NAMED]]
    rest = len(order) - len(shown)
    more = f" and {rest} inside these" if rest else ""
    return (
        f"layer is {layer!r}; choose 'bottleneck', 'last', or one of the network's own: "
        f"{', '.join(shown)}{more}"
    )


def _tensors(output: Any) -> list[torch.Tensor]:
    """Return all tensors in what a module gives, each once."""
    if isinstance(output, torch.Tensor):
        return [output]
    parts = output.values() if isinstance(output, Mapping) else output
    if not isinstance(output, Mapping | list | tuple):
        return []
    found = {id(each): each for part in parts for each in _tensors(part)}
    return list(found.values())


def _mapped(output: Any, change: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """Return what a module gives with all its tensors changed."""
    if isinstance(output, torch.Tensor):
        return change(output)
    if isinstance(output, Mapping):
        return type(output)((key, _mapped(each, change)) for key, each in output.items())  # type: ignore[call-arg]
    if isinstance(output, list | tuple):
        return type(output)(_mapped(each, change) for each in output)
    return output
