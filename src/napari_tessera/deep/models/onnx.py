"""Trained networks for other programs."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_tessera.algorithms.atomic_files import atomic_write
from napari_tessera.deep.models.library import Model, ModelConfig, find_model
from napari_tessera.deep.networks.options import Sizes
from napari_tessera.deep.networks.registry import NETWORKS

if TYPE_CHECKING:
    import torch

_log = logging.getLogger(__name__)

KEY = "napari-tessera"
"""The entry of an ONNX file's metadata with everything that is known of the model."""


def to_onnx(model: Model | str | Path, path: str | Path, *, size: int | None = None) -> Path:
    """Write a network as ONNX, for ONNX Runtime and programs that use it.

    Input "image" is float32 (B, C, Y, X) or (B, C, Z, Y, X), normalised as the model's config says;
    output "scores" are probabilities (B, K, Y, X). The config, and the sizes the network takes,
    are in the file's metadata under "napari-tessera", as JSON; there, "size" is the only size of
    inputs if there is but one.

    Parameters
    ----------
    model : Model, str or Path
        A model, or what `find_model` takes.
    path : str or Path
        The file to write.
    size : int, optional
        Pixels of the labelled part along every axis, rounded up to what the network takes. None =
        any size; with an encoder, or where PyTorch cannot write that, that of the training's
        patches.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ImportError
        If onnxscript is not installed.
    ValueError
        If the model cannot be loaded, or finds objects one by one.

    References
    ----------
    ONNX, https://onnx.ai
    """
    found = model if isinstance(model, Model) else find_model(model)
    if found.config.one_by_one:
        raise ValueError(
            f"model {found.name!r} finds objects one by one, which is more than the network alone: "
            "ONNX is written of networks that score pixels; use 'detect' or the command line"
        )
    if find_spec("onnxscript") is None or find_spec("onnx") is None:
        raise ImportError('ONNX needs more packages: pip install "napari-tessera[onnx]"')
    import torch

    config, path = found.config, Path(path)
    options = NETWORKS[config.network].configure(**config.options)
    network = torch.nn.Sequential(found.load_network(), torch.nn.Softmax(dim=1)).eval()
    program = None
    if size is None and getattr(options, "encoder", None) is None:
        try:
            program = _program(network, config, options.sizes, None)
        except torch.onnx.OnnxExporterError as error:
            _log.warning("%s is exported for one size only: %s", config.network, error)
            size = config.patch
    if program is None:
        size = _input_size(size or config.patch, options.sizes)
        program = _program(network, config, options.sizes, size)
    about = {"config": asdict(config), "sizes": asdict(options.sizes), "size": size}
    program.model.metadata_props[KEY] = json.dumps(about)
    with atomic_write(path, overwrite=True) as fresh:
        program.save(fresh)
    return path


def _program(
    network: torch.nn.Module, config: ModelConfig, sizes: Sizes, size: int | None
) -> torch.onnx.ONNXProgram:
    """Return a network as ONNX, for inputs of one size or of any the network takes."""
    import torch

    # any size: what is 1 in the example, batch or deepest features, would be so for ever
    examples = [sizes.smallest + step * sizes.multiple for step in range(2, config.axes + 2)]
    sides = [size or _input_size(length, sizes) for length in examples]
    program = torch.onnx.export(
        network,
        (torch.zeros(1 if size else 2, config.in_channels, *sides),),  # (B, C, Y, X)
        dynamo=True,
        verbose=False,
        input_names=["image"],
        output_names=["scores"],
        dynamic_shapes=None if size else (_any_size(config.axes, sizes),),
    )
    if program is None:
        raise RuntimeError(f"PyTorch wrote no ONNX of {config.network}")
    return program


def _input_size(wanted: int, sizes: Sizes) -> int:
    """Return how long an input is of which at least `wanted` pixels are labelled."""
    return wanted + (sizes.offset - wanted) % sizes.multiple + 2 * sizes.margin


def _any_size(axes: int, sizes: Sizes) -> dict[int, Any]:
    """Return which axes may have which lengths: (B, C, Y, X) with C fixed."""
    from torch.export import Dim

    found: dict[int, Any] = {0: Dim("batch", min=1)}
    for axis, name in enumerate("zyx"[3 - axes :], start=2):
        steps = Dim(name, min=1)
        rest = sizes.offset + 2 * sizes.margin
        length = steps if sizes.multiple == 1 else sizes.multiple * steps
        found[axis] = length + rest if rest else length
    return found
