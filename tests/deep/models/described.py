"""What is known of a model, without the model."""

import torch

from napari_tessera.deep.models.config import ModelConfig, versions
from napari_tessera.deep.models.folder import Folder
from napari_tessera.deep.networks.registry import build

OPTIONS = {"unet": {"width": 1 / 16, "depth": 2}, "segnet_basic": {"width": 1 / 16}}


def described(network="unet", **changes):
    known = {
        "network": network,
        "options": OPTIONS.get(network, {}),
        "in_channels": 1,
        "rgb": False,
        "channel_names": (),
        "axes": 2,
        "targets": "boundaries",
        "ids": (),
        "class_names": (),
        "colours": (),
        "spacing": (0.5, 0.5),
        "unit": "um",
        "normalise": "percentiles",
        "low": 1.0,
        "high": 99.8,
        "thresholds": {"threshold": 0.5},
        "patch": 64,
        "diameter": 18.0,
        "score": 0.875,
        "scored": "average precision",
        "examples": 3,
        "data": "abc",
        "training": {"optimisation": {"epochs": 2, "minutes": None}, "seed": 0},
        "versions": versions(),
        "created": "2025-01-31",
        "weights": "",
    }
    return ModelConfig(**{**known, **changes})


def made(home, name="cells", seed=0, **changes):
    """Write a model with random weights and return its network."""
    torch.manual_seed(seed)
    config = described(**changes)
    network = build(
        config.network, in_channels=config.in_channels, classes=config.classes, **config.options
    )
    folder = Folder(home / name)
    folder.create(config)
    folder.write_weights(network.state_dict(), config)
    return network.eval()
