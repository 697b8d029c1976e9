"""What a model folder says about its network: written, read, checked and put into words."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from importlib.metadata import version
from platform import python_version
from types import MappingProxyType
from typing import Any, get_type_hints

from napari_tessera.algorithms.filters.intensities import Normalising
from napari_tessera.deep.networks.registry import NETWORKS
from napari_tessera.deep.settings import TARGETS, Targets
from napari_tessera.signature.schema import one_line, read_as, shown
from napari_tessera.signature.text_files import parse_json
from napari_tessera.signature.words import LabelsAre

SCHEMA = 1
"""Version of this layout."""

PACKAGES = ("napari-tessera", "torch", "numpy", "segmentation-models-pytorch")
"""Those whose versions a model remembers."""


LIMITS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "in_channels": (1, 4096),
        "ids": (0, 65_535),
        "low": (0, 100),
        "high": (0, 100),
        "patch": (1, 1 << 15),
        "diameter": (0, 10_000),
        "widest": (0, 10_000),
        "examples": (0, 1 << 40),
        "crowd": (0, 1 << 20),
        "epoch": (0, 1 << 40),
        "fitted": (1, 1 << 13),
    }
)
"""Lowest and highest number of a field: what is beyond would take any amount of memory."""

_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ModelConfig:
    """Everything about a trained network but its weights.

    Attributes
    ----------
    network : str
        A key of `napari_tessera.deep.networks.registry.NETWORKS`.
    options : dict
        Of the network.
    in_channels : int
        Channels of the images.
    rgb : bool
        Whether the channels are red, green and blue.
    channel_names : tuple of str
        May be empty.
    axes : int
        2 for planes, 3 for volumes.
    targets : {"boundaries", "distances", "classes", "instances"}
        What the scores are of; "instances" of a network that finds objects one by one.
    ids : tuple of int
        The number of each class of pixels or instances, otherwise empty.
    class_names, colours : tuple of str
        Of `ids`; may be empty.
    spacing : tuple of float, optional
        Pixel size of the examples along each spatial axis; None = unknown.
    unit : str
        Of `spacing`, "pixel" when unknown.
    normalise : {"percentiles", "mean"}
        How intensities are made comparable.
    low, high : float
        The percentiles.
    thresholds : dict
        What decoding found best on the validation examples.
    patch : int
        Side of the patches of the training, in pixels.
    diameter : float
        Median diameter, in pixels, to which objects are enlarged; 0 = not at all.
    widest : float
        Median diameter, in pixels, to which larger objects are shrunk; 0 = not at all.
    score : float, optional
        Of the weights, on the validation examples.
    epoch : int
        Epochs after which they were as they are; 0 = unknown.
    scored : str
        What the score is.
    examples : int
        Number of planes or volumes trained on.
    data : str
        Tells the examples from others.
    training : dict
        The settings, as plain data.
    versions : dict
        Package -> version.
    created : str
        Date.
    weights : str
        The sha256 of weights.safetensors; empty as long as there are none.
    crowd : int
        Most objects in a patch of the training, of networks that find them one by one; 0 = unknown.
    fitted : tuple of int
        Shorter side, and longest side, to which images are resized to be looked at in one piece;
        empty = they keep their size and are looked at in tiles.
    seen : dict
        What the examples look like: lowest and highest of each figure of
        `napari_tessera.deep.data.appearance.seen_in`; empty = unknown.
    schema : int
        Version of this layout.
    """

    network: str
    options: dict[str, Any]
    in_channels: int
    rgb: bool
    channel_names: tuple[str, ...]
    axes: int
    targets: Targets
    ids: tuple[int, ...]
    class_names: tuple[str, ...]
    colours: tuple[str, ...]
    spacing: tuple[float, ...] | None
    unit: str
    normalise: Normalising
    low: float
    high: float
    thresholds: dict[str, float]
    patch: int
    diameter: float
    score: float | None
    scored: str
    examples: int
    data: str
    training: dict[str, Any]
    versions: dict[str, str]
    created: str
    weights: str
    crowd: int = 0
    epoch: int = 0
    fitted: tuple[int, ...] = ()
    seen: dict[str, tuple[float, float]] = field(default_factory=dict)
    widest: float = 0.0
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        if self.axes not in (2, 3):
            raise ValueError(f"axes is {self.axes}; pass 2 for planes or 3 for volumes")
        for name, (low, high) in LIMITS.items():
            given = getattr(self, name)
            for each in given if isinstance(given, tuple) else (given,):
                if not low <= each <= high:
                    raise ValueError(
                        f"{name} is {shown(given)}; pass numbers from {low:g} to {high:g}"
                    )
        learnt = TARGETS[self.targets]
        if bool(self.ids) != learnt.has_classes:
            raise ValueError(
                f"ids is {self.ids} with targets {self.targets!r}; pass the number of each class, "
                "and none for objects that are told apart by scores of pixels"
            )
        if self.one_by_one != learnt.one_by_one:
            raise ValueError(
                f"targets is {self.targets!r}, which {NETWORKS[self.network].title} does not give"
            )
        for name in ("class_names", "colours") if self.ids else ():
            given = getattr(self, name)
            if len(given) not in (0, len(self.ids)):
                raise ValueError(f"{name} has {len(given)} texts for {len(self.ids)} classes")
        if len(set(self.ids)) < len(self.ids) or len(self.fitted) not in (0, 2):
            raise ValueError(
                f"ids is {shown(self.ids)} and fitted {shown(self.fitted)}; pass a number of its "
                "own for each class, and the shorter and the longest side or nothing"
            )
        if self.weights and not _HASH.fullmatch(self.weights):
            raise ValueError(f"weights is {shown(self.weights)}; pass a sha256")
        if self.spacing is not None and (len(self.spacing) != self.axes or min(self.spacing) <= 0):
            raise ValueError(f"spacing is {self.spacing}; pass {self.axes} positive numbers")

    @property
    def classes(self) -> int:
        """Number of scores per pixel, or of classes of instances."""
        return len(self.ids) or 3

    @property
    def one_by_one(self) -> bool:
        """Whether the network finds objects one by one, instead of scoring pixels."""
        return NETWORKS[self.network].one_by_one

    @property
    def kind(self) -> LabelsAre:
        """What the labels are: "objects" or "classes"."""
        return TARGETS[self.targets].labels_are

    def written(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False, default=_plain)


def _plain(number: Any) -> Any:
    """Return a number of NumPy as Python's."""
    return number.item() if hasattr(number, "item") else str(number)


def parsed(text: str) -> ModelConfig:
    """Read what `ModelConfig.written` wrote.

    Raises
    ------
    ValueError
        If it is no JSON, made by a newer version, or fields are missing, unknown or of wrong types.
    """
    content = parse_json(text, "config.json")
    if not isinstance(content, dict):
        raise ValueError(  # noqa: TRY004 (what a file holds)
            f"config.json is {shown(content)}; an object with names is wanted; restore it from a "
            "copy"
        )
    _check_schema(content.get("schema", SCHEMA))
    hints = get_type_hints(ModelConfig)
    needed = [
        each.name
        for each in fields(ModelConfig)
        if each.default is MISSING and each.default_factory is MISSING
    ]
    missing = [name for name in needed if name not in content]
    unknown = [name for name in content if name not in hints]
    for words, names in (("lacks", missing), ("has unknown", unknown)):
        if names:
            named = one_line(", ".join(names))[:200]
            raise ValueError(f"config.json {words} {named}; restore it from a copy")
    if content["score"] != content["score"]:  # no number, as of examples without objects
        content["score"] = None
    values = {
        name: read_as(hints[name], value, f"config.json: {name}") for name, value in content.items()
    }
    _check_network(values["network"], values["options"])
    try:
        return ModelConfig(**values)
    except ValueError as error:
        raise ValueError(f"config.json contradicts itself: {error}") from None


def _check_schema(schema: Any) -> None:
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise ValueError(f"config.json: schema is {shown(schema)}; a whole number from 1 is wanted")
    if schema > SCHEMA:
        raise ValueError(
            f"config.json has schema {shown(schema)}, and this version of napari-tessera reads up "
            f"to {SCHEMA}; update napari-tessera"
        )


def _check_network(name: str, options: dict[str, Any]) -> None:
    if name not in NETWORKS:
        raise ValueError(
            f"config.json has network {shown(name)}, which this version of napari-tessera does not "
            f"know ({', '.join(NETWORKS)}); update napari-tessera"
        )
    try:
        NETWORKS[name].configure(**options)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise ValueError(f"config.json has options the network does not take: {error}") from None


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that a network depends on."""
    return {"python": python_version(), **{name: version(name) for name in PACKAGES}}
