"""What a training is asked for, besides its examples: what is learnt, and how.

A `Task` makes of pairs of images and labels the `Data`, of these the batches, and of both the
`Lesson` for `napari_tessera.deep.training.loop.fit`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

from napari_tessera.deep.data.patches import Patches
from napari_tessera.deep.data.pieces import ImagePairs, pieces
from napari_tessera.deep.data.preparation import Data
from napari_tessera.deep.data.replayed_patches import ReplayedPatches
from napari_tessera.deep.networks.options import Sizes
from napari_tessera.deep.networks.registry import NETWORKS, Network
from napari_tessera.deep.settings import (
    Augmentation,
    Examples,
    Objective,
    ObjectTargets,
    Optimisation,
    Targets,
    Transfer,
)
from napari_tessera.deep.training.kinds import TrainingKind, training_kind
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import LabelsAre, Report, Word

if TYPE_CHECKING:
    import torch

    from napari_tessera.deep.data.batches import Batches
    from napari_tessera.deep.data.object_batches import ObjectBatches
    from napari_tessera.deep.training.loop import Lesson


_OF_PLANES: dict[str, Any] = {"examples": Examples(), "optimisation": Optimisation()}
_OF_VOLUMES = {"examples": Examples(patch=48), "optimisation": Optimisation(batch=2)}
"""What is taken where nothing is asked for: cubes of 128 voxels are too large for laptops."""


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
        Groups of settings. Networks for volumes learn two patches of 48 voxels a side in a step,
        unless these are given.
    class_names, colours : tuple of str, or dict of int to str
        Of the classes: in order, or by their numbers, where some may be missing.
    seed : int
        The same seed gives the same weights on one CPU.
    """

    network: str = "unet"
    options: Mapping[str, Any] | None = None
    kind: LabelsAre = "objects"
    targets: Annotated[ObjectTargets, Word(when=("kind", ("objects",)))] = "boundaries"
    examples: Examples = _OF_PLANES["examples"]
    augmentation: Augmentation = Augmentation()
    objective: Objective = Objective()
    optimisation: Optimisation = _OF_PLANES["optimisation"]
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
        if not isinstance(self.seed, int) or self.seed < 0:
            raise ValueError(f"seed is {self.seed!r}; pass a whole number from 0")
        if self.axes == 3:
            for name, usual in _OF_PLANES.items():
                if getattr(self, name) is usual:  # it was not given
                    object.__setattr__(self, name, _OF_VOLUMES[name])
        if self.entry.one_by_one:  # anchors are as large as the objects
            object.__setattr__(self, "examples", replace(self.examples, widest=0.0))
        self._training.check(self)

    @property
    def entry(self) -> Network:
        """What is known of the network."""
        return NETWORKS[self.network]

    @property
    def _training(self) -> TrainingKind:
        return training_kind(self.entry)

    @property
    def learns(self) -> Targets:
        """What the network gives: classes, one of the pictures of objects, or instances."""
        return self._training.learns(self)

    @property
    def network_options(self) -> dict[str, Any]:
        """The options of the network, those for a laptop if none are given."""
        return dict(self.entry.preset if self.options is None else self.options)

    @property
    def axes(self) -> int:
        """Spatial axes of the network."""
        return int(self.network_options.get("axes", 2))

    @property
    def sizes(self) -> Sizes:
        """The image sizes that the network takes."""
        return self.entry.configure(**self.network_options).sizes

    @property
    def batch_size(self) -> int:
        """Patches per step, at least as many as the network needs."""
        return max(self.optimisation.batch, self.entry.smallest_batch)

    def prepared(self, pairs: ImagePairs, report: Reporter) -> tuple[Task, Data]:
        """Return the examples, read and divided, and the task that fits these."""
        found = pieces(
            pairs.images,
            pairs.labels,
            axes=self.axes,
            channel_axis=pairs.channel_axis,
            names=pairs.names,
        )
        return self._training.prepared(self, found, pairs.classes, report)

    def batches(self, data: Data, *, rgb: bool = False) -> Batches | ObjectBatches:
        """Return the batches that a training on `data` goes through.

        Parameters
        ----------
        data : Data
        rgb : bool
            Whether the channels are red, green and blue.
        """
        sparse = self.kind == "objects" and self.examples.ignore is not None
        everywhere = self.examples.unlabelled == "background" and not sparse
        patches = Patches(
            data, self._side(data), self.sizes.margin, self.augmentation, everywhere=everywhere
        )
        if data.replay is not None:
            own = self.examples.unlabelled == "background"
            patches = ReplayedPatches.of(patches, data.replay, everywhere=own)
        return self._training.batches(self, data, patches, rgb=rgb)

    def lesson(
        self, data: Data, device: torch.device, *, rgb: bool = False, report: Report = None
    ) -> Lesson:
        """Return what a network is taught of `data`, and how.

        Parameters
        ----------
        data : Data
        device : torch.device
        rgb : bool
            Whether the channels are red, green and blue.
        report : callable, optional
        """
        from napari_tessera.deep.training.loop import Lesson
        from napari_tessera.deep.training.validation import PIXELS, SHARE, HeldOut

        batches, shown = self.batches(data, rgb=rgb), (data.validation or data.training)[0]
        learnt = self.optimisation.steps * self.batch_size * self.examples.patch**self.axes
        pixels = max(PIXELS, round(SHARE * learnt))
        held_out = HeldOut(data.validation, shown, self.sizes, self.examples.patch, device, pixels)
        validator = self._training.validator(self, data, batches, held_out, report)
        return Lesson(batches, validator, self.optimisation, self._frozen(), device, self.seed)

    def _side(self, data: Data) -> tuple[int, ...]:
        """Return the side of the labelled part of a patch, which the network must take."""
        sizes = self.sizes
        step, wanted = sizes.multiple, max(self.examples.patch, sizes.smallest)
        flat = max(sizes.smallest, (wanted - sizes.offset) // step * step + sizes.offset)
        if self.axes == 2:
            return flat, flat
        depth = min(wanted, max(piece.shape[0] for piece in data.training))
        return -(-(depth - sizes.offset) // step) * step + sizes.offset, flat, flat

    def _frozen(self) -> Callable[[int], bool]:
        """Return the function that says in which epochs the encoder keeps its weights."""
        until = {"never": 0, "first": self.transfer.freeze_epochs, "always": math.inf}
        return lambda epoch: epoch < until[self.transfer.freeze]
