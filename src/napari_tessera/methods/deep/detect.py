"""Find objects one by one: labels, and a table of how sure the network is of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np

from napari_tessera.deep.inference.cache import Cache
from napari_tessera.deep.inference.predictor import Predictor
from napari_tessera.deep.models.library import ModelConfig, find_model
from napari_tessera.deep.settings import Device
from napari_tessera.methods.deep.predict import TileSide
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.units import column
from napari_tessera.signature.validation import checked
from napari_tessera.signature.words import (
    Array,
    Cached,
    ChannelAxis,
    Fraction,
    Image,
    Intensities,
    Length,
    ObjectModelFolder,
    Objects,
    Report,
    Spacing,
    Table,
    VoxelSize,
    Word,
)

if TYPE_CHECKING:
    from napari_tessera.algorithms.labels.attributes import Attributes
    from napari_tessera.deep.inference.pasting import Pasted

_ADVANCED = "Advanced"


@checked
def detect(
    image: Image,
    *,
    model: ObjectModelFolder,
    confidence: Annotated[Fraction | None, Word(usual=0.5)] = None,
    overlap: Fraction = 0.5,
    smallest: Length = "0 px",
    diameter: Length = "0 px",
    tile: TileSide = 512,
    device: Annotated[Device, Word("device", section=_ADVANCED)] = "auto",
    intensities: Intensities | None = None,
    spacing: Spacing = None,
    channel_axis: ChannelAxis = None,
    cache: Cached = None,
    report: Report = None,
) -> tuple[Objects, Table]:
    """Find objects one by one, each with a class and how sure the network is of it.

    It takes models of networks such as Mask R-CNN. The image is normalised as in training, and
    looked at in overlapping tiles; objects in several tiles are found once. New thresholds do not
    run the network again.

    Parameters
    ----------
    image : ndarray, shape (..., Y, X), or with channels
        Intensities, a plane or a volume. Volumes are worked on plane by plane; objects that lie on
        one another become one.
    model : str
        One of your models, by name, or the path of a model folder.
    confidence : float, optional
        How sure the network must be of an object, 0.05 to 1; None = what suited the model's
        validation images best.
    overlap : float
        Share of an object that surer ones may cover; those covered more are left out. Where objects
        overlap, the surer one is in front.
    smallest : float or str
        Diameter of the smallest objects to keep (0 = all).
    diameter : float or str
        Median diameter of the objects, by which images with small ones are enlarged for the
        network; 0 = measured in a first pass.
    tile : int
        Side of the tiles in pixels; smaller ones need less memory. Objects should be smaller than
        a quarter of it. Imported models of photographs look at the whole image.
    device : str
        Where the network runs: auto, cpu, cuda, cuda:1, mps.
    intensities : tuple, optional
        What becomes 0 and the range, of each channel; None = found in the image.
    spacing : sequence of float, optional
        Pixel size along each axis.
    channel_axis : int, optional
        Axis of the image that holds channels.
    cache : Cache, optional
        Where networks and what they have found are kept for the next run.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    objects : ndarray of uint16 or uint32
        1, 2, 3, ..., in a plane the surest first; in blocks, in the order in which a scan meets
        them.
    table : dict of ndarray
        One row per object:

        - index: its number;
        - class: its name, or its number in models whose classes have no names;
        - confidence: 0 to 1, of volumes that in the surest plane;
        - area (volumes: volume), with its unit;
        - y min, x min, y max, x max (volumes: with z): first and last pixel.

    Raises
    ------
    ValueError
        If the model does not fit the image or scores pixels; the message says why.

    References
    ----------
    K. He, G. Gkioxari, P. Dollar, R. Girshick, "Mask R-CNN", ICCV 2017.

    Examples
    --------
    >>> detect(np.zeros((64, 64)), model="a model that is not there")
    Traceback (most recent call last):
        ...
    ValueError: ...
    """
    own, cache = find_model(model), cache or Cache()
    predictor = Predictor(
        own, device, cache, tile, diameter, False, intensities, spacing, channel_axis
    )
    voxel = predictor.voxel(image)
    pasted = predictor.objects(image, report).pasted(
        voxel, smallest=smallest, confidence=confidence, overlap=overlap
    )
    reporter = Reporter.of(report)
    reporter(Progress(1, 1, {"remarks": predictor.remarks(image, pasted.labels)}))
    return pasted.labels, _table(pasted, predictor.model.config, voxel)


def joined_detections(
    pieces: Table, objects: Array, known: Attributes, *, spacing: VoxelSize
) -> Table:
    """Return the table of objects of which blocks have found pieces, without their numbers.

    Parameters
    ----------
    pieces : dict of ndarray
        Their rows in the tables of the blocks; the surest tells what an object is.
    objects : ndarray of int
        The object that each is a piece of, from 0.
    known : Attributes
        How large the objects are, and where they lie.
    spacing : VoxelSize

    Examples
    --------
    >>> from napari_tessera.algorithms.labels.attributes import attributes
    >>> from napari_tessera.signature.parts import PartOfWhole
    >>> labels = np.array([[1, 1, 0, 2]])
    >>> known = attributes(labels, labels, PartOfWhole.all_of(labels.shape))
    >>> pieces = {"class": np.array(["a", "b", "c"]), "confidence": np.array([0.5, 0.8, 0.7])}
    >>> table = joined_detections(pieces, np.array([0, 0, 1]), known, spacing=VoxelSize((1, 1)))
    >>> table["class"], table["x max"]
    (array(['b', 'c'], dtype='<U1'), array([1, 3]))
    """
    order = np.lexsort((-pieces["confidence"], objects))
    _, first = np.unique(objects[order], return_index=True)
    surest = order[first]
    told = {name: pieces[name][surest] for name in ("class", "confidence")}
    return told | _places(known.pixels, known.low, known.high, spacing)


def _table(pasted: Pasted, config: ModelConfig, voxel: VoxelSize) -> Table:
    """Return what is known of each object."""
    from napari_tessera.algorithms.labels.boxes import found

    boxes, names = found(pasted.labels), np.array(config.class_names or config.ids)
    return {
        "index": np.arange(1, boxes.ids.size + 1),
        "class": names[pasted.classes],
        "confidence": pasted.confidence.astype(float),
        **_places(boxes.pixels, boxes.low, boxes.high, voxel),
    }


def _places(pixels: Array, low: Array, high: Array, voxel: VoxelSize) -> Table:
    """Return the columns that say how large objects are, and where they lie."""
    axes = len(voxel)
    word, names = "area" if axes == 2 else "volume", "zyx"[-axes:]
    return {
        column(word, voxel.unit, axes): pixels * np.prod(voxel),
        **{f"{name} min": low[:, i] for i, name in enumerate(names)},
        **{f"{name} max": high[:, i] - 1 for i, name in enumerate(names)},
    }
