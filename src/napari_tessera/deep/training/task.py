"""What a training is asked for, besides its examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from napari_tessera.deep.networks.registry import NETWORKS
from napari_tessera.deep.settings import (
    Augmentation,
    Examples,
    Objective,
    ObjectTargets,
    Optimisation,
    Targets,
    Transfer,
)
from napari_tessera.signature.words import LabelsAre


@dataclass(frozen=True)
class Task:
    """Everything that was asked for, besides the examples.

    Attributes
    ----------
    network : str
        A key of `napari_tessera.deep.networks.registry.NETWORKS`.
    options : dict
        Of the network; None = those that train on a laptop.
    kind : {"objects", "classes"}
        What the labels are: numbered objects, or numbers of classes.
    targets : {"boundaries", "distances"}
        What the network learns of objects: interior and boundary, or how far inside a pixel is.
        Networks that find objects one by one learn the objects themselves.
    examples, augmentation, objective, optimisation, transfer
        Groups of settings.
    class_names, colours : tuple of str, or dict of int to str
        Of the classes: in order, or by their numbers, where some may be missing.
    seed : int
        The same seed gives the same weights on one CPU.
    """

    network: str = "unet"
    options: Mapping[str, Any] | None = None
    kind: LabelsAre = "objects"
    targets: ObjectTargets = "boundaries"
    examples: Examples = Examples()
    augmentation: Augmentation = Augmentation()
    objective: Objective = Objective()
    optimisation: Optimisation = Optimisation()
    transfer: Transfer = Transfer()
    class_names: tuple[str, ...] | Mapping[int, str] = ()
    colours: tuple[str, ...] | Mapping[int, str] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        if self.network not in NETWORKS:
            raise ValueError(f"network is {self.network!r}; choose one of {', '.join(NETWORKS)}")
        for name, allowed in (
            ("kind", ("objects", "classes")),
            ("targets", ("boundaries", "distances")),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}; choose one of {', '.join(allowed)}"
                )
        check_fits(self)

    @property
    def learns(self) -> Targets:
        """What the network gives: classes, one of the pictures of objects, or instances."""
        if NETWORKS[self.network].finds == "objects":
            return "instances"
        return "classes" if self.kind == "classes" else self.targets

    @property
    def network_options(self) -> dict[str, Any]:
        """The options of the network, those for a laptop if none are given."""
        return dict(NETWORKS[self.network].preset if self.options is None else self.options)

    @property
    def axes(self) -> int:
        """Spatial axes of the network."""
        return int(self.network_options.get("axes", 2))


def check_fits(task: Task) -> None:
    """Raise an error if a network is asked for what it cannot learn."""
    entry, settings = NETWORKS[task.network], task.augmentation
    if entry.finds == "pixels":
        if settings.mosaic:
            raise ValueError(
                f"mosaic is {settings.mosaic}, but {entry.title} scores pixels; choose mixup or "
                "cutmix, or a network that finds objects one by one"
            )
        return
    if task.kind == "classes":
        raise ValueError(
            f"kind is 'classes', but {entry.title} finds objects; choose 'objects' and number them "
            "in the labels"
        )
    for name in ("mixup", "cutmix"):
        if getattr(settings, name):
            raise ValueError(
                f"{name} is {getattr(settings, name)}, but {entry.title} learns objects one by "
                "one, which cannot be blended; choose 0 (mosaic is for objects)"
            )
    if task.objective != Objective():
        raise ValueError(
            f"objective is {task.objective}, but {entry.title} has losses of its own; leave the "
            "objective as it is"
        )
