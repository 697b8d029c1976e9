"""One trained model: a folder with weights, and what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_tessera.deep.models.config import ModelConfig
from napari_tessera.deep.models.folder import CONFIG, WEIGHTS, read_config, read_tensors, sha256
from napari_tessera.deep.models.shipped.index import SHIPPED, shipped_folder

if TYPE_CHECKING:
    from pathlib import Path

    import torch


@dataclass(frozen=True)
class Model:
    """A trained network in its folder.

    Attributes
    ----------
    path : Path
        The folder.
    config : ModelConfig
        What is known of it.
    """

    path: Path
    config: ModelConfig

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.path.name

    @property
    def is_shipped(self) -> bool:
        """Whether it comes with napari-tessera, and stays as it is."""
        return self.name in SHIPPED and self.path.parent.resolve() == shipped_folder().resolve()

    @property
    def title(self) -> str:
        """What it is called in lists: its name, or what a shipped one finds."""
        return SHIPPED[self.name] if self.is_shipped else self.name

    @property
    def trained(self) -> float:
        """When its training was last at it, in seconds since 1970."""
        return (self.path / CONFIG).stat().st_mtime

    def verify(self) -> None:
        """Raise an error if the weights are not those that were written.

        Raises
        ------
        ValueError
            If there are none, or others.
        """
        path = self.path / WEIGHTS
        _check_weights(self.path, self.config)
        found = sha256(path)
        if found != self.config.weights:
            raise ValueError(
                f"model {self.name!r}: {WEIGHTS} is damaged or was exchanged (its hash is "
                f"{found[:12]}, and {self.config.weights[:12]} was written); restore the folder "
                "from a copy, or train the model anew"
            )

    def load_network(self) -> torch.nn.Module:
        """Return the network with its weights, ready to predict on the CPU.

        Raises
        ------
        ValueError
            If weights are missing, damaged, no safetensors, no numbers, or not those of the
            network.
        """
        from napari_tessera.deep.networks.registry import build

        self.verify()
        own = self.config
        try:
            network = build(
                own.network, in_channels=own.in_channels, classes=own.classes, **own.options
            )
        except (TypeError, ValueError) as error:
            raise ValueError(f"model {self.name!r}: {error}") from error
        weights = read_tensors(self.path / WEIGHTS)[0]
        _check_tensors(weights, network.state_dict(), self.name)
        try:
            network.load_state_dict(weights)
        except RuntimeError as error:
            raise ValueError(
                f"model {self.name!r}: the weights do not fit the network {own.network} that "
                f"config.json describes ({error})"
            ) from error
        return network.eval()


def _check_tensors(
    weights: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor], name: str
) -> None:
    """Raise an error if weights are of another kind of numbers, or none."""
    for key in weights.keys() & wanted.keys():
        floats, given = wanted[key].is_floating_point(), weights[key]
        if given.is_floating_point() != floats:
            raise ValueError(
                f"model {name!r}: {WEIGHTS} has {key} as {given.dtype}, but the network takes "
                f"{wanted[key].dtype}; restore the folder from a copy"
            )
        if floats and not given.isfinite().all():
            raise ValueError(
                f"model {name!r} has weights that are no numbers ({key}); train it again"
            )


def read_model(path: Path) -> Model:
    """Return the model in a folder; its weights are not checked.

    Raises
    ------
    ValueError
        If it cannot be read, or has no weights.
    """
    try:
        config = read_config(path)
    except (FileNotFoundError, ValueError) as error:
        raise ValueError(f"model {path.name!r}: {error}") from None
    _check_weights(path, config)
    return Model(path, config)


def _check_weights(path: Path, config: ModelConfig) -> None:
    if not config.weights:
        raise ValueError(
            f"model {path.name!r} has no weights yet: its training is in its first epoch, or was "
            "ended there; train it again"
        )
    if not (path / WEIGHTS).is_file():
        raise ValueError(
            f"model {path.name!r}: {WEIGHTS} is missing; restore it from a copy, or train the "
            "model anew"
        )
