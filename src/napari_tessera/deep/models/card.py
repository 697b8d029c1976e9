"""The card of a model: what it is, what it was trained on, how well it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from napari_tessera.deep.models.config import ModelConfig
from napari_tessera.deep.networks.registry import NETWORKS
from napari_tessera.signature.schema import one_line

LICENCE = (
    "Not stated. Write here under which licence others may use this model, and where the examples "
    "come from."
)
"""What the card says of it until the user does."""


def card(config: ModelConfig, losses: Sequence[Mapping[str, float | None]] = ()) -> str:
    """Return a model card: what the model is for, where it comes from and how good it is.

    Parameters
    ----------
    config : ModelConfig
    losses : sequence of mapping
        One row per epoch, as in losses.csv.

    Returns
    -------
    str
        Markdown.
    """
    title = f"# {NETWORKS[config.network].title} for {_subject(config)}\n\n{_images(config)}\n"
    return "\n".join([title, *training_sections(config, losses), f"## Licence\n\n{LICENCE}\n"])


def training_sections(
    config: ModelConfig, losses: Sequence[Mapping[str, float | None]] = ()
) -> list[str]:
    """Return the sections of a card on how the model was made: training, settings, versions."""
    return [
        f"## Training\n\n{_training(config, losses)}\n",
        "## Settings\n\n" + _list({**config.options, **_flat(config.training)}),
        "## Versions\n\n" + _list(config.versions),
    ]


def _subject(config: ModelConfig) -> str:
    if config.kind == "objects" and not any(config.class_names):
        return f"objects ({config.targets})"
    names = config.class_names or ("",) * len(config.ids)
    numbered = zip(names, config.ids, strict=True)
    return ", ".join(one_line(name) or f"class {label}" for name, label in numbered)


def _images(config: ModelConfig) -> str:
    what = "planes" if config.axes == 2 else "volumes"
    colours = "RGB" if config.rgb else f"{config.in_channels}-channel"
    named = one_line(f" ({', '.join(config.channel_names)})") if config.channel_names else ""
    size = "unknown"
    if config.spacing is not None:
        size = " x ".join(f"{length:g}" for length in config.spacing) + f" {one_line(config.unit)}"
    scale = f"percentiles {config.low:g} to {config.high:g} become 0 to 1"
    if config.normalise == "mean":
        scale = "mean 0 and standard deviation 1"
    elif config.normalise == "range":
        scale = "what the type of number holds becomes 0 to 1"
    return f"It segments {colours}{named} {what}. Pixel size: {size}. Intensities: {scale}."


def _training(config: ModelConfig, losses: Sequence[Mapping[str, float | None]]) -> str:
    what = "planes" if config.axes == 2 else "volumes"
    epochs = f" for {len(losses)} epochs" if losses else ""
    if losses and config.epoch:
        epochs += f" (the weights are those after {config.epoch})"
    score = "It was not validated: nothing was held out."
    if config.score is not None:
        score = f"Validation: {config.scored or 'score'} {config.score:.3g}."
    return one_line(
        f"Trained on {config.examples} {what}{epochs}, in patches of {config.patch} pixels, "
        f"{config.created}. {score} Examples: `{config.data}`. Weights: sha256 `{config.weights}`."
    )


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        inner = value if isinstance(value, Mapping) else {"": value}
        flat |= {f"{name} {key}".strip(): each for key, each in inner.items()}
    return flat


def _list(entries: Mapping[str, Any]) -> str:
    lines = (one_line(f"- {name}: {value}") + "\n" for name, value in entries.items())
    return "".join(lines) or "None.\n"
