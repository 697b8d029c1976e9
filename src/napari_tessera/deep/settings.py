"""What training can be asked for, in groups; no torch here, so that forms and commands can read it.

Each group is a frozen dataclass whose fields are annotated like the arguments of a method: forms,
command line and checks are derived from them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Literal

from napari_tessera.algorithms.filters.intensities import Normalising
from napari_tessera.deep.training.losses import OTHER_NAMES, TERMS
from napari_tessera.signature.docstrings import enumerated, told_of
from napari_tessera.signature.validation import check_settings
from napari_tessera.signature.words import Fraction, LabelsAre, Word

ObjectTargets = Literal["boundaries", "distances"]
Targets = Literal["boundaries", "distances", "classes", "instances"]
Device = Annotated[str, Word("device")]
Schedule = Literal["cosine", "poly", "constant"]
Freezing = Literal["never", "first", "always"]
ClassWeights = Literal["none", "inverse", "median"]


@dataclass(frozen=True)
class Target:
    """What a network can be taught.

    Attributes
    ----------
    labels_are : {"objects", "classes"}
        What the labels are that come of it.
    has_classes : bool
        Whether each score belongs to a class, which has a number and may have a name.
    one_by_one : bool
        Whether objects are found one by one, instead of by scores of pixels.
    """

    labels_are: LabelsAre
    has_classes: bool = False
    one_by_one: bool = False


TARGETS: Mapping[Targets, Target] = MappingProxyType(
    {
        "boundaries": Target("objects"),
        "distances": Target("objects"),
        "classes": Target("classes", has_classes=True),
        "instances": Target("objects", has_classes=True, one_by_one=True),
    }
)


@dataclass(frozen=True)
class Augmentation:
    """How examples are varied, so that a network does not learn them by heart.

    Image and labels are varied together. Every number is the largest variation; 0 switches it off.

    Attributes
    ----------
    flips : bool
        Mirror, each axis half of the time.
    right_angles : bool
        Turn by 0, 90, 180 or 270 degrees.
    rotation : float
        Turn by any angle up to this many degrees to either side.
    scaling : float
        Enlarge or shrink by up to this share: 0.25 means 0.8 to 1.25 times.
    elastic : float
        Bend: standard deviation, in pixels, of random shifts of control points 64 pixels apart.
    brightness : float
        Add up to this share of the range of intensities.
    contrast : float
        Stretch or flatten intensities around their mean by up to this share.
    gamma : float
        Bend the scale of intensities: exponents from 1 / (1 + gamma) to 1 + gamma.
    hue : float
        Turn the colours of RGB images by up to this share of the colour wheel.
    saturation : float
        Strengthen or fade the colours of RGB images by up to this share.
    blur : float
        Smooth with a Gaussian of up to this many pixels.
    noise : float
        Add Gaussian noise of up to this share of the range of intensities.
    shading : float
        Uneven light: multiply by a factor, and add a background, that change smoothly across the
        patch by up to this share.
    inversion : float
        Share of the patches that are shown as a negative: bright objects become dark.
    mixup : float
        Share of the batches in which images, and their targets, are blended with one another.
    cutmix : float
        Share of the batches in which boxes of images, with their labels, are pasted into others.
    mosaic : float
        Share of the patches that are put together of parts of four; for networks that find objects
        one by one, as mixup and cutmix are for the others.
    copy_paste : float
        Share of the patches into which objects of another patch are pasted; for objects, not for
        classes.

    References
    ----------
    H. Zhang et al., "mixup: beyond empirical risk minimization", ICLR 2018.
    S. Yun et al., "CutMix: regularization strategy to train strong classifiers", ICCV 2019.
    A. Bochkovskiy, C.-Y. Wang, H.-Y. M. Liao, "YOLOv4: optimal speed and accuracy of object
    detection", arXiv:2004.10934, 2020 (mosaic).
    G. Ghiasi et al., "Simple copy-paste is a strong data augmentation method for instance
    segmentation", CVPR 2021.
    """

    flips: bool = True
    right_angles: bool = True
    rotation: Annotated[float, Word(low=0, high=180)] = 15.0
    scaling: Annotated[float, Word(low=0, high=3)] = 0.25
    elastic: Annotated[float, Word(low=0, high=50)] = 2.0
    brightness: Fraction = 0.1
    contrast: Fraction = 0.25
    gamma: Annotated[float, Word(low=0, high=3)] = 0.1
    hue: Annotated[float, Word(low=0, high=0.5)] = 0.02
    saturation: Fraction = 0.1
    blur: Annotated[float, Word(low=0, high=10)] = 0.0
    noise: Fraction = 0.03
    shading: Fraction = 0.0
    inversion: Fraction = 0.0
    mixup: Fraction = 0.0
    cutmix: Fraction = 0.0
    mosaic: Fraction = 0.0
    copy_paste: Fraction = 0.0

    def __post_init__(self) -> None:
        check_settings(self)


NO_AUGMENTATION = Augmentation(
    flips=False,
    right_angles=False,
    rotation=0,
    scaling=0,
    elastic=0,
    brightness=0,
    contrast=0,
    gamma=0,
    hue=0,
    saturation=0,
    noise=0,
)
"""Examples as they are."""


@dataclass(frozen=True)
class Optimisation:
    """How long and by which steps the weights are fitted.

    Attributes
    ----------
    epochs : int
        How often the network is judged on the validation images, and kept unless an earlier one
        was better there by more than chance (a standard error).
    steps : int
        Training steps in each epoch.
    minutes : float, optional
        Training ends after this time, even if epochs are left; None = no limit.
    batch : int
        Patches per step, in each process; halved by itself where a graphics card has too little
        memory, unless several train together.
    learning_rate : float
        Size of the steps (of AdamW) after the warm-up.
    weight_decay : float
        How strongly weights are drawn to 0.
    warm_up : float
        Share of the training in which steps grow to their full size.
    schedule : {"cosine", "poly", "constant"}
        How the steps shrink afterwards: by a cosine to 0, by (1 - t)^0.9 to 0, or not.
    clip : float
        Longest gradient; longer ones are shortened. 0 = never.
    averaging : float
        Share of the past in the running average of the weights, which is what is kept.
    patience : int
        Training ends after so many epochs without a higher validation score; 0 = never.
    mixed_precision : bool
        Compute in 16 bits where the device gains by it; volumes are learnt in 32 on CPUs.
    threads : int, optional
        Threads of the CPU that compute; None = the number with which the first steps are fastest.
        Weights are the same bit by bit only with the same number.

    References
    ----------
    I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", ICLR 2019.
    """

    epochs: Annotated[int, Word(low=1)] = 20
    steps: Annotated[int, Word(low=1)] = 50
    minutes: Annotated[float | None, Word(low=0.01, usual=15)] = None
    batch: Annotated[int, Word(low=1)] = 8
    learning_rate: Annotated[float, Word(low=1e-9, high=10)] = 2e-3
    weight_decay: Annotated[float, Word(low=0, high=1)] = 0.01
    warm_up: Fraction = 0.08
    schedule: Schedule = "cosine"
    clip: Annotated[float, Word(low=0)] = 5.0
    averaging: Annotated[float, Word(low=0, high=0.99999)] = 0.99
    patience: Annotated[int, Word(low=0)] = 0
    mixed_precision: bool = True
    threads: Annotated[int | None, Word(low=1, high=1024)] = None

    def __post_init__(self) -> None:
        check_settings(self)


@told_of(TERMS=enumerated(TERMS, "and"))
@dataclass(frozen=True)
class Objective:
    """What the network is to make small.

    Attributes
    ----------
    loss : str
        A loss or a sum of losses: "dice + cross_entropy", "0.5 dice + 2 focal". There are
        TERMS.
    class_weights : {"none", "inverse", "median"}
        How rare classes count more in cross_entropy and focal: not, by 1 / their share, or by
        median share / their share.
    border_weight : float
        How much more pixels between neighbouring objects count, w0 of the U-Net paper (10 there);
        0 = not more.
    border_width : float
        How far from both objects, in pixels, that weight reaches (sigma, 5 in the paper).

    References
    ----------
    O. Ronneberger, P. Fischer, T. Brox, "U-Net", MICCAI 2015 (weights of borders).
    """

    loss: str = "dice + cross_entropy"
    class_weights: ClassWeights = "none"
    border_weight: Annotated[float, Word(low=0)] = 0.0
    border_width: Annotated[float, Word(low=0.1)] = 5.0

    def __post_init__(self) -> None:
        check_settings(self)
        parse_losses(self.loss)


@dataclass(frozen=True)
class Transfer:
    """What the network knows before it sees the first example.

    Attributes
    ----------
    weights : str
        "imagenet" (photographs, for networks with an encoder that has such weights), "none"
        (random), the name or folder of one of your models, or a file of weights.
    freeze : {"never", "first", "always"}
        Whether the encoder keeps its weights: never, in the first epochs, or always.
    freeze_epochs : int
        How many epochs, for `freeze` "first".
    encoder_rate : float
        How fast the encoder learns, by the learning rate of the rest: below 1 it keeps more of what
        it knows.
    """

    weights: str = "imagenet"
    freeze: Freezing = "never"
    freeze_epochs: Annotated[int, Word(low=1, when=("freeze", ("first",)))] = 5
    encoder_rate: Annotated[float, Word(low=0.001, high=1, when=("freeze", ("never", "first")))] = (
        1.0
    )

    def __post_init__(self) -> None:
        check_settings(self)


@dataclass(frozen=True)
class Examples:
    """How patches are cut from the images and normalised.

    Attributes
    ----------
    patch : int
        Side of the patches in pixels, at most the longest side of all images; images are mirrored
        where they are smaller than that. Of volumes, shorter axes are taken whole.
    diameter : float
        Images are enlarged, at most 2.5 times, so that objects are so many pixels wide (their
        median): small ones come apart more easily. 0 = as they are. Not used for classes and
        volumes.
    widest : float
        Images with larger objects than that are shrunk, at most 4 times, so that they are so many
        pixels wide (their median), or as many as `diameter` says if that is more: networks see
        them as a whole. 0 = never. Not used for classes, volumes, and by networks that find
        objects one by one.
    validation : float
        Share of the examples that is only judged on: whole images or planes where there are
        several, otherwise one end of the image.
    unlabelled : {"background", "ignore"}
        What 0 means in the labels: background, or not annotated (sparse strokes).
    ignore : int, optional
        Another number that means "not annotated": often 255 in labels of classes; in labels of
        objects one that no object has. Such pixels count neither in the loss nor when the network
        is judged. None = there is none. Not used by networks that find objects one by one.
    normalise : {"percentiles", "mean", "range"}
        How the intensities of each image are made comparable: from `low` to `high` percentile, by
        mean and standard deviation, or not at all: what the type of number holds, as 0 to 255,
        becomes 0 to 1.
    low, high : float
        The percentiles that become 0 and 1.
    keep_examples : bool
        Keep parts of the images in the model's folder (at most 20 MB): when the model is improved
        later, they are learnt along so that it forgets nothing, and tell whether it got worse.
        Switch it off where nobody who gets the model may see images.
    """

    patch: Annotated[int, Word(low=4)] = 128
    diameter: Annotated[float, Word(low=0, high=500)] = 18.0
    widest: Annotated[float, Word(low=0, high=500)] = 28.0
    validation: Annotated[float, Word(low=0, high=0.9)] = 0.2
    unlabelled: Literal["background", "ignore"] = "background"
    ignore: Annotated[int | None, Word(low=1, usual=255)] = None
    normalise: Normalising = "percentiles"
    low: Annotated[float, Word(low=0, high=100, when=("normalise", ("percentiles",)))] = 1.0
    high: Annotated[float, Word(low=0, high=100, when=("normalise", ("percentiles",)))] = 99.8
    keep_examples: bool = True

    def __post_init__(self) -> None:
        check_settings(self)
        if self.low >= self.high:
            raise ValueError(f"low is {self.low!r} and high is {self.high!r}; low must be lower")


_TERM = re.compile(r"\s*(?P<factor>\d*\.?\d+(?:e-?\d+)?)?\s*\*?\s*(?P<name>[a-z][a-z_\s-]*?)\s*")


def parse_losses(text: str) -> dict[str, float]:
    """Return the losses of a sum with their weights.

    Parameters
    ----------
    text : str
        Names from `TERMS`, each with an optional factor, joined by "+". Upper and lower case,
        spaces, hyphens and underscores are alike; "ce" and "bce" are cross_entropy, "jaccard" is
        iou.

    Returns
    -------
    dict of str to float
        Name -> weight, in the order of the text.

    Raises
    ------
    ValueError, TypeError
        If a term is none of these, or its weight is not above 0.

    Examples
    --------
    >>> parse_losses("dice + cross_entropy")
    {'dice': 1.0, 'cross_entropy': 1.0}
    >>> parse_losses("0.5 Dice + 2 * cross entropy")
    {'dice': 0.5, 'cross_entropy': 2.0}
    """
    if not isinstance(text, str):
        raise TypeError(f"loss is {text!r}; pass text such as 'dice + cross_entropy'")
    weights: dict[str, float] = {}
    for term in text.split("+"):
        name, weight = _parsed(term, text)
        weights[name] = weights.get(name, 0.0) + weight
    return weights


def _parsed(term: str, text: str) -> tuple[str, float]:
    """Return name and weight of one term of `text`."""
    found = _TERM.fullmatch(term.lower())
    written = "" if found is None else re.sub(r"[\s_-]+", "_", found["name"])
    name = OTHER_NAMES.get(written, written)
    if found is None or name not in TERMS:
        raise ValueError(
            f"loss is {text!r}, in which {term.strip()!r} is no loss; add up "
            f"{', '.join(TERMS)}, each with an optional factor, such as '0.5 dice + 2 focal'"
        )
    weight = float(found["factor"] or 1)
    if not 0 < weight < float("inf"):
        raise ValueError(
            f"loss is {text!r}, in which the factor of {name} is {weight:g}; pass a number above 0"
        )
    return name, weight
