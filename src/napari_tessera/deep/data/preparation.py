"""What is annotated in the examples, and which of them are held out.

Pieces -> their labels, read once (`Census`) -> training and validation -> intensities and zoom of
each piece -> `Data`, of which `patches` are cut.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from napari_tessera.algorithms.filters.intensities import intensities
from napari_tessera.algorithms.labels.ids import median_diameter, sizes
from napari_tessera.deep.data.pieces import Piece, zoom_of
from napari_tessera.deep.settings import Examples, ObjectTargets, Targets
from napari_tessera.signature.progress import Progress, Reporter, reported
from napari_tessera.signature.words import Array, LabelsAre

MOST = 255
"""Classes at most."""

VOID, SMALL = 255, 128
"""What palettes write for "not annotated", beside numbers of classes below the second one."""

MOSTLY = 0.9
"""From which share of 0 in labels of several classes on it is asked whether they are strokes."""

_UNKNOWN = 2
"""What stands, where objects are counted, for pixels that are not annotated."""

PLACES = 2000
"""How many annotated pixels of each class are remembered per piece, as centres of patches."""


class _ClassAnnotation:
    """Labels are numbers of classes."""

    def check(self, settings: Examples) -> None:
        """Raise an error if settings make no sense for such labels."""

    def marked(self, piece: Piece, settings: Examples) -> Piece:
        """Return a piece whose labels say what is not annotated; of classes it is no class."""
        return piece

    def counted(self, labels: Array) -> Array:
        """Return what is counted in labels."""
        return labels

    def note(self, ids: tuple[int, ...], counts: Mapping[int, int], settings: Examples) -> str:
        """Return what is to be said of the numbers that are learnt as classes."""
        share = counts.get(0, 0) / max(1, sum(counts.values()))
        strokes = settings.unlabelled == "background" and len(ids) > 2 and share > MOSTLY
        sparse = (
            f" {share:.0%} of the pixels are 0 and are learnt as background; where 0 means 'not "
            "annotated', as beside strokes, choose unlabelled 'ignore'."
        )
        return self._void(ids) + sparse * strokes

    def _void(self, ids: tuple[int, ...]) -> str:
        others = [label for label in ids if label not in (0, VOID)]
        if VOID not in ids or not others or max(others) >= SMALL:
            return ""
        return (
            f" {VOID} stands in many palettes for 'not annotated', and is learnt as a class here; "
            f"pass ignore={VOID} if it is none."
        )

    def learnt(self, targets: ObjectTargets) -> Targets:
        """Return what scores of pixels are to tell; `targets` is what they tell of objects."""
        return "classes"

    def enlarged(self, settings: Examples, axes: int) -> float:
        """Return the diameter to which objects are enlarged; 0 = images stay as they are."""
        return 0.0

    def ids(self, every: set[int], settings: Examples) -> tuple[int, ...]:
        """Return the labels of the classes, in order, of all that are counted anywhere."""
        strokes = settings.unlabelled == "ignore"
        ids = tuple(sorted(every - {0} if strokes else every))
        if len(ids) == 1 and ids != (0,):
            wanted = "leave background unlabelled (0), or paint a second class"
            if strokes:
                wanted = (
                    "paint at least two, with background as one of them, when unlabelled is "
                    "'ignore'"
                )
            raise ValueError(f"labels has one class only ({ids[0]}); {wanted}")
        return ids


class _ObjectAnnotation(_ClassAnnotation):
    """Labels are numbers of objects, which are counted as one class."""

    def check(self, settings: Examples) -> None:
        if settings.unlabelled == "ignore":
            raise ValueError(
                "unlabelled is 'ignore', but labels are objects, which have no number for "
                "background; label classes instead (say 1 = background, 2 = object), or choose "
                "'background', with another number for what is not annotated (ignore)"
            )

    def marked(self, piece: Piece, settings: Examples) -> Piece:
        return replace(piece, ignore=settings.ignore)

    def counted(self, labels: Array) -> Array:
        found = (labels > 0).view(np.uint8)
        found[labels < 0] = _UNKNOWN
        return found

    def learnt(self, targets: ObjectTargets) -> Targets:
        return targets

    def enlarged(self, settings: Examples, axes: int) -> float:
        return settings.diameter if axes == 2 else 0.0

    def ids(self, every: set[int], settings: Examples) -> tuple[int, ...]:
        return ()

    def note(self, ids: tuple[int, ...], counts: Mapping[int, int], settings: Examples) -> str:
        return ""


ANNOTATIONS: Mapping[LabelsAre, _ClassAnnotation] = MappingProxyType(
    {"objects": _ObjectAnnotation(), "classes": _ClassAnnotation()}
)


@dataclass(frozen=True)
class Census:
    """What is annotated in a piece.

    Attributes
    ----------
    counts : dict
        Label -> pixels; of objects, 1 stands for all of them. Pixels to ignore are not counted.
    places : dict
        Label -> some of its pixels, shape (N, D). Of objects beside which something is not
        annotated, 1 stands for all that is.
    digest : bytes
        Of the labels.
    diameter : float
        Median of the objects by which the image is enlarged; 0 = it is not.
    """

    counts: dict[int, int]
    places: dict[int, Array]
    digest: bytes
    diameter: float = 0.0

    @property
    def annotated(self) -> bool:
        """Whether there is anything but background, or a background that was marked as such."""
        return any(self.places)


@dataclass(frozen=True)
class _Counting:
    """How labels are counted, once for all pieces."""

    annotation: _ClassAnnotation
    settings: Examples
    random: np.random.Generator

    def census(self, piece: Piece, labels: Array) -> Census:
        """Count the labels of a piece."""
        digest = hashlib.blake2b(np.ascontiguousarray(labels).data, digest_size=16).digest()
        if labels.dtype.kind == "i" and labels.min(initial=0) < piece.lowest:
            raise ValueError(
                f"{piece.name}: labels has {int(labels.min())}; use 0 for background and numbers "
                "from 1"
            )
        counted = self.annotation.counted(labels)
        found = sizes(counted)
        if len(found) > MOST:
            raise ValueError(
                f"{piece.name}: labels has {len(found)} different numbers; if each is an object, "
                "choose the kind 'objects'"
            )
        if piece.ignore is not None:
            found.pop(_UNKNOWN, None)
        elif self.settings.ignore is not None:
            found.pop(self.settings.ignore, None)
        if piece.ignore is None:
            places = {label: _some(counted == label, self.random) for label in found}
        else:  # background is annotated there, too: where a wrong object was, say
            places = {1: _some(counted != _UNKNOWN, self.random)} if found else {}
        enlarged = self.annotation.enlarged(self.settings, labels.ndim)
        return Census(found, places, digest, median_diameter(labels) if enlarged else 0.0)


def _some(mask: Array, random: np.random.Generator) -> Array:
    """Return at most `PLACES` pixels of a mask, shape (N, D)."""
    found = np.flatnonzero(mask)
    if len(found) > PLACES:
        found = found[np.sort(random.integers(0, len(found), PLACES))]
    return np.stack(np.unravel_index(found, mask.shape), axis=1)


@dataclass(frozen=True)
class _Example:
    """A piece with what is annotated in it."""

    piece: Piece
    census: Census

    def fitted(self, settings: Examples) -> Piece:
        """Return the piece with the intensities of the plane or volume it lies in, and its zoom."""
        found = intensities(
            [self.piece.plane_values()],
            channels=self.piece.channel_axis is not None,
            kind=settings.normalise,
            low=settings.low,
            high=settings.high,
        )
        zoom = zoom_of(self.census.diameter, settings.diameter, settings.widest)
        return replace(self.piece, intensities=found, zoom=zoom)


@dataclass(frozen=True)
class _Split:
    """Which examples are held out, and a sentence about it."""

    training: list[_Example]
    validation: list[_Example]
    note: str


@dataclass(frozen=True)
class Data:
    """What a network is trained and judged on.

    Attributes
    ----------
    training, validation : list of Piece
    censuses : list of Census
        Of `training`.
    ids : tuple of int
        The labels of classes, in order; empty for objects.
    channels : int
    note : str
        How the examples were divided, for people.
    digest : str
        Tells these examples from others.
    crowd : int
        Most objects in a patch, where they are learnt one by one.
    replay : Data, optional
        Examples of before that are learnt along, so that they are not forgotten.
    """

    training: list[Piece]
    validation: list[Piece]
    censuses: list[Census]
    ids: tuple[int, ...]
    channels: int
    note: str
    digest: str
    crowd: int = 0
    replay: Data | None = None

    @property
    def counts(self) -> dict[int, int]:
        """Label -> pixels in all training pieces; of objects, 1 stands for all of them."""
        return _total(self.censuses)


def kept_data(
    pieces: Sequence[Piece], ids: tuple[int, ...], *, kind: LabelsAre, settings: Examples
) -> Data:
    """Return examples that a model has kept, whose intensities and zoom are known, to train on.

    Parameters
    ----------
    pieces : sequence of Piece
    ids : tuple of int
        The labels of the classes that the model knows.
    kind : {"objects", "classes"}
    settings : Examples
        With which it was trained.
    """
    counting = _Counting(ANNOTATIONS[kind], settings, np.random.default_rng(1))
    censuses = [counting.census(each, each.labels_at(each.everything)) for each in pieces]
    axis = pieces[0].channel_axis
    channels = 1 if axis is None else pieces[0].image.shape[axis]
    return Data(list(pieces), [], censuses, ids, channels, "", "")


def _total(censuses: Iterable[Census]) -> dict[int, int]:
    """Return label -> pixels in all of several pieces."""
    total: dict[int, int] = {}
    for each in censuses:
        for label, count in each.counts.items():
            total[label] = total.get(label, 0) + count
    return total


def prepare_data(
    found: Sequence[Piece],
    *,
    kind: LabelsAre,
    settings: Examples,
    seed: int = 0,
    report: Reporter | None = None,
) -> Data:
    """Read the labels once, divide the pieces, find their intensities and check all that.

    Parameters
    ----------
    found : sequence of Piece
    kind : {"objects", "classes"}
    settings : Examples
    seed : int
        Which images are held out.
    report : Reporter, optional

    Raises
    ------
    ValueError
        If nothing is annotated, there is one class only, or patches do not fit.
    """
    report, annotation = Reporter.of(report), ANNOTATIONS[kind]
    annotation.check(settings)
    _check_patch(found, settings.patch)
    counting = _Counting(annotation, settings, np.random.default_rng([seed, 1]))
    every: list[_Example] = []
    used: list[_Example] = []
    latest = np.zeros(0)
    for number, given in enumerate(found):
        report(Progress(number, 2 * len(found)))
        piece = annotation.marked(given, settings)
        labels = piece.labels_at(piece.everything)
        every.append(_Example(piece, counting.census(piece, labels)))
        # an image without objects is an example too, unless all of it is to be ignored
        seen = bool(every[-1].census.counts) and settings.unlabelled == "background"
        if seen or every[-1].census.annotated:
            used.append(every[-1])
            latest = labels  # the only one, which may be cut in two, is not read again
    ids = annotation.ids({label for each in every for label in each.census.counts}, settings)
    if not any(each.census.annotated for each in every):
        ignored = "" if settings.ignore is None else f" and {settings.ignore}, which is ignored"
        raise ValueError(
            f"labels has nothing but 0{ignored}; paint some objects or classes first, and check "
            "that the pairs are the right ones"
        )
    split = _split(used, latest, counting)
    channel_axis = found[0].channel_axis
    void = "" if settings.ignore is None else str(settings.ignore)
    digests = b"".join(each.census.digest for each in every) + void.encode()
    data = Data(
        [each.fitted(settings) for each in reported(split.training, report.part(2, 4))],
        [each.fitted(settings) for each in reported(split.validation, report.part(3, 4))],
        [each.census for each in split.training],
        ids,
        1 if channel_axis is None else found[0].image.shape[channel_axis],
        split.note + annotation.note(ids, _total(each.census for each in every), settings),
        hashlib.blake2b(digests, digest_size=16).hexdigest(),
    )
    report(Progress(1, 1))
    return data


def _check_patch(found: Sequence[Piece], patch: int) -> None:
    """Raise an error if no image is as long as a patch; shorter sides are mirrored."""
    largest = max(found, key=lambda piece: max(piece.shape[-2:]))
    longest = max(largest.shape[-2:])
    if patch > longest:
        raise ValueError(
            f"patch is {patch}, but {largest.name} is {' x '.join(map(str, largest.shape))}"
            f"{', and no image is larger' if len(found) > 1 else ''}; choose at most {longest}"
        )


def _split(found: list[_Example], labels: Array, counting: _Counting) -> _Split:
    """Hold out whole images where there are several, else the last planes, else one end.

    `labels` are those of the last of the examples.
    """
    share = counting.settings.validation
    if share == 0:
        return _Split(found, [], "No validation: nothing is held out.")
    images = list(dict.fromkeys(id(each.piece.image) for each in found))
    if len(images) > 1:
        held = max(1, round(share * len(images)))
        chosen = {images[i] for i in counting.random.permutation(len(images))[:held]}
        rest = [each for each in found if id(each.piece.image) not in chosen]
        out = [each for each in found if id(each.piece.image) in chosen]
        if not any(each.census.annotated for each in rest):
            return _Split(found, [], "No validation: only one image has labels.")
        return _Split(rest, out, f"Validation on {held} of {len(images)} images.")
    if len(found) > 1:
        held = max(1, round(share * len(found)))
        what = "planes" if len(found[0].piece.shape) == 2 else "volumes"
        note = f"Validation on the last {held} of {len(found)} {what}."
        return _Split(found[:-held], found[-held:], note)
    return _ends(found[0], labels, counting)


def _ends(only: _Example, labels: Array, counting: _Counting) -> _Split:
    """Divide the only plane or volume along its longer side; either end may be held out."""
    shape, settings = only.piece.shape, counting.settings
    axis = max(range(len(shape) - 2, len(shape)), key=lambda a: shape[a])
    length = shape[axis]
    held = max(round(settings.validation * length), min(settings.patch // 2, length // 3))
    name = "xyz"[len(shape) - 1 - axis]

    def part(start: int, stop: int) -> _Example:
        piece = only.piece.part(axis, start, stop)
        own = labels[(*(slice(None),) * axis, slice(start, stop))]
        return _Example(piece, counting.census(piece, own))

    if length - held >= settings.patch // 2:
        for first, second, end in (
            ((0, length - held), (length - held, length), "last"),
            ((held, length), (0, held), "first"),
        ):
            rest, out = part(*first), part(*second)
            if rest.census.annotated and out.census.annotated:
                note = f"Validation on the {end} {held} pixels along {name}."
                return _Split([rest], [out], note)
    note = "No validation: the only image is too small or labelled in one place only."
    return _Split([only], [], note)
