"""Sort objects into kinds, as a classifier has learnt them from a few of each."""

from __future__ import annotations

from typing import Any

from napari_tessera.methods.measure.measure import measure, measured_objects
from napari_tessera.methods.measure.object_classifier import (
    ObjectClassifier,
    find_object_classifier,
)
from napari_tessera.metrics.measurements import Gathered
from napari_tessera.signature.validation import checked
from napari_tessera.signature.words import (
    ChannelAxis,
    Image,
    Labels,
    ObjectClassifierFolder,
    Report,
    Spacing,
    Table,
    VoxelSize,
)


@checked
def sort_objects(
    labels: Labels,
    image: Image | None = None,
    *,
    classifier: ObjectClassifierFolder,
    channel_axis: ChannelAxis = None,
    spacing: Spacing = None,
    report: Report = None,
) -> Table:
    """Sort objects into kinds that a classifier has learnt from a few objects of each.

    The objects are measured, and a forest of random trees sorts them by the columns of their
    table. `train_object_classifier` and the form *Sort objects* make classifiers.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        Objects, a plane or a volume; 0 = background.
    image : ndarray, shape (..., Y, X), optional
        Intensities, for classifiers that look at them.
    classifier : str
        One that was kept, by name, or the path of its folder.
    channel_axis : int, optional
        The axis of `image` that holds channels.
    spacing : sequence of float, optional
        Pixel size along each axis.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    dict of ndarray
        The table that `measure` makes, with two columns more after the index: "class", the name
        of the kind, and "confidence", the share of the trees that say so, 0 to 1. Objects of which
        a column has no value have no class, and NaN.

    Raises
    ------
    ValueError
        If the table has not the columns that the classifier looks at.

    References
    ----------
    T. R. Jones et al., "Scoring diverse cellular morphologies in image-based screens with iterative
    feedback and machine learning", PNAS 106(6), 2009. P. Geurts, D. Ernst and L. Wehenkel,
    "Extremely randomized trees", Machine Learning 63, 2006.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> from napari_tessera import measure, train_object_classifier
    >>> labels = np.array([[1, 1, 1, 1], [0, 0, 0, 0], [2, 0, 3, 3]])
    >>> kinds = train_object_classifier(measure(labels), {1: "bar", 2: "dot"}, columns=["pixels"])
    >>> place = kinds.save(Path(mkdtemp()) / "kinds")
    >>> sort_objects(labels, classifier=place)["class"].tolist()[:2]
    ['bar', 'dot']
    """
    found = find_object_classifier(classifier)
    table = measure(
        labels,
        image,
        convex=found.needs_hulls,
        channel_axis=channel_axis,
        spacing=spacing,
        report=report,
    )
    return with_kinds(table, found)


def with_kinds(table: Table, classifier: ObjectClassifier) -> Table:
    """Return a table of objects with their classes, and how sure these are."""
    classes, confidence = classifier.sort(table)
    return {"index": table["index"], "class": classes, "confidence": confidence} | table


def sorted_objects(
    objects: Gathered, shape: tuple[int, ...], *, spacing: VoxelSize, classifier: str, **_: Any
) -> Table:
    """Return the table of sorted objects from the sums over all their pieces.

    Parameters
    ----------
    objects : Gathered
        All of a plane or volume.
    shape : tuple of int
        Of the plane or volume.
    spacing, classifier, **_
        As for `sort_objects`.
    """
    table = measured_objects(objects, shape, spacing=spacing)
    return with_kinds(table, find_object_classifier(classifier))


def sorting_refused(values: Any) -> str:
    """Return why objects cannot be sorted in blocks with these parameters; "" = they can."""
    if find_object_classifier(values["classifier"]).needs_hulls:
        return (
            "the classifier looks at convex hulls, which need each object as a whole; choose one "
            "that was learnt without them"
        )
    return ""
