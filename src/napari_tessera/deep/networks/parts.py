"""Where a network has what others ask it for: the encoder to freeze, the features to explain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Parts:
    """Names of the modules of a network, which depend on its options: the first it has counts.

    Attributes
    ----------
    encoder : tuple of str
        What finds features, and can be frozen.
    last : tuple of str
        Gives those that its answers are made of.
    bottleneck : tuple of str
        Gives the deepest features, last of all its own; empty = the encoder. Where a name ends in
        a negative number, the modules inside are counted from behind.
    vgg16 : str
        The encoder, if it has the layers of VGG16.
    """

    encoder: tuple[str, ...] = ("encoder",)
    last: tuple[str, ...] = ("decoder",)
    bottleneck: tuple[str, ...] = ()
    vgg16: str = ""

    def layer(self, network: nn.Module, wanted: str) -> str:
        """Return the name of the module that is meant by "bottleneck" or "last"."""
        names = self.last if wanted == "last" else self.bottleneck or self.encoder
        return first_there(network, names)


def first_there(network: nn.Module, names: Sequence[str]) -> str:
    """Return the first of some names of modules that a network has, or "" for none.

    Examples
    --------
    >>> from torch import nn
    >>> first_there(nn.Sequential(nn.Sequential(nn.ReLU(), nn.ReLU())), ["encoder", "0.-1"])
    '0.1'
    """
    modules = dict(network.named_modules())
    for name in names:
        before, _, last = name.rpartition(".")
        if last.startswith("-") and before in modules:
            children = [key for key, _ in modules[before].named_children()]
            if len(children) >= -int(last):
                return f"{before}.{children[int(last)]}"
        if name in modules:
            return name
    return ""
