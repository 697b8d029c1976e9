"""What a model folder says about its network: written, read, checked and put into words."""

from __future__ import annotations

import json
import types
from dataclasses import MISSING, asdict, dataclass, fields
from importlib.metadata import version
from platform import python_version
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from napari_tessera.algorithms.filters.intensities import Normalising
from napari_tessera.deep.networks.registry import NETWORKS
from napari_tessera.deep.settings import TARGETS, Targets
from napari_tessera.signature.words import LabelsAre

SCHEMA = 1
"""Version of this layout."""

PACKAGES = ("napari-tessera", "torch", "numpy", "segmentation-models-pytorch")
"""Those whose versions a model remembers."""


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
    score : float, optional
        The best on the validation examples.
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
    fitted: tuple[int, ...] = ()
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        if self.axes not in (2, 3):
            raise ValueError(f"axes is {self.axes}; pass 2 for planes or 3 for volumes")
        if self.in_channels < 1:
            raise ValueError(f"in_channels is {self.in_channels}; pass a whole number from 1")
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
    try:
        content = json.loads(text)
    except ValueError as error:
        raise ValueError(f"config.json is not JSON ({error}); restore it from a copy") from None
    if not isinstance(content, dict):
        raise ValueError("config.json is no object with names; restore it from a copy")  # noqa: TRY004 (what a file holds)
    _check_schema(content.get("schema", SCHEMA))
    hints = get_type_hints(ModelConfig)
    needed = [each.name for each in fields(ModelConfig) if each.default is MISSING]
    missing = [name for name in needed if name not in content]
    unknown = [name for name in content if name not in hints]
    for words, names in (("lacks", missing), ("has unknown", unknown)):
        if names:
            raise ValueError(f"config.json {words} {', '.join(names)}; restore it from a copy")
    values = {name: _read(name, value, hints[name]) for name, value in content.items()}
    _check_network(values["network"], values["options"])
    try:
        return ModelConfig(**values)
    except ValueError as error:
        raise ValueError(f"config.json contradicts itself: {error}") from None


def _check_schema(schema: Any) -> None:
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise ValueError(f"config.json has schema {schema!r}; a whole number from 1 is wanted")
    if schema > SCHEMA:
        raise ValueError(
            f"config.json has schema {schema}, and this version of napari-tessera reads up to "
            f"{SCHEMA}; update napari-tessera"
        )


def _check_network(name: str, options: dict[str, Any]) -> None:
    if name not in NETWORKS:
        raise ValueError(
            f"config.json has network {name!r}, which this version of napari-tessera does not "
            f"know ({', '.join(NETWORKS)}); update napari-tessera"
        )
    try:
        NETWORKS[name].configure(**options)
    except (TypeError, ValueError) as error:
        raise ValueError(f"config.json has options the network does not take: {error}") from None


def _read(name: str, value: Any, hint: Any) -> Any:
    """Return `value` as `hint` wants it: lists of JSON become tuples."""
    kind, arms = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if kind in (Union, types.UnionType):
        return None if value is None else _read(name, value, arms[0])
    if kind is Literal and value in arms:
        return value
    if kind is tuple and isinstance(value, list):
        return tuple(_read(name, each, arms[0]) for each in value)
    if kind is dict and isinstance(value, dict):
        return {key: _read(f"{name} {key}", each, arms[1]) for key, each in value.items()}
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if kind is None and type(value) is hint:
        return value
    wanted = f"one of {', '.join(arms)}" if kind is Literal else _word(hint)
    raise ValueError(f"config.json has {name} {value!r}; {wanted} is wanted")


def _word(hint: Any) -> str:
    plain = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
    return plain.get(hint, "a list" if get_origin(hint) is tuple else "an object with names")


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that a network depends on."""
    return {"python": python_version(), **{name: version(name) for name in PACKAGES}}
