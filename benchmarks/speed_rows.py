"""What `speed.py` measures: each method, and what a user would write with other libraries."""

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import ndimage
from skimage import data, feature, filters, segmentation
from skimage import measure as features
from skimage import morphology as elements

from napari_tessera import (
    canny,
    contours,
    fill_holes,
    kmeans,
    label,
    measure,
    morphology,
    region_growing,
    threshold,
    watershed,
)
from napari_tessera.algorithms.geometry.distance import squared_distance
from napari_tessera.algorithms.morphology.elements import element
from napari_tessera.signature.words import VoxelSize


def foreground(found):
    """Return where there is any object, class or edge."""
    return np.asarray(found) > 0


@dataclass(frozen=True)
class Row:
    """A method on an image, and peers that do the same.

    Attributes
    ----------
    name, size : str
    ours : callable
    peers : mapping
        Library -> callable; those that are not installed are left out.
    alike : callable, optional
        Makes results comparable pixel by pixel; None = they are not.
    """

    name: str
    size: str
    ours: Callable[[], Any]
    peers: dict[str, Callable[[], Any]] = field(default_factory=dict)
    alike: Callable[[Any], np.ndarray] | None = foreground

    @property
    def title(self) -> str:
        """What it is called in the table and where ratios are kept."""
        return f"{self.name}, {self.size}"


def installed(**peers):
    """Return library -> function(module) of the libraries that are there, ready to be called."""
    found = {}
    for name, function in peers.items():
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        found[LIBRARIES[name]] = lambda function=function, module=module: function(module)
    return found


LIBRARIES = {
    "cv2": "OpenCV",
    "skimage": "scikit-image",
    "scipy": "scipy",
    "sklearn.cluster": "scikit-learn",
    "cc3d": "cc3d",
    "edt": "edt",
    "fill_voids": "fill-voids",
}


def watershed_of_scikit_image(image):
    """Write the usual recipe with scikit-image's own functions."""
    smooth = filters.gaussian(image.astype(np.float32), 2, preserve_range=True)
    inside = smooth > filters.threshold_otsu(smooth)
    distance = ndimage.distance_transform_edt(inside)
    peaks = feature.peak_local_max(
        distance, min_distance=10, labels=inside.astype(int), exclude_border=False
    )
    markers = np.zeros(image.shape, np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    return segmentation.watershed(-distance, markers, mask=inside)


PROPERTIES = (
    "label",
    "area",
    "equivalent_diameter_area",
    "centroid",
    "bbox",
    "extent",
    "perimeter_crofton",
    "axis_major_length",
    "axis_minor_length",
    "eccentricity",
    "orientation",
    "intensity_mean",
    "intensity_std",
    "intensity_min",
    "intensity_max",
)


def outlines_of_scikit_image(objects):
    """Trace the outline of each object in its box."""
    found = []
    for number, box in enumerate(ndimage.find_objects(objects), 1):
        found += [number] * len(features.find_contours(np.pad(objects[box] == number, 1), 0.5))
    return np.array(found)


def kmeans_of_opencv(cv2, colours):
    """Let OpenCV run until the centres move by less than 0.1, once."""
    values = colours.reshape(-1, 3).astype(np.float32)
    until = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 100, 0.1)
    return cv2.kmeans(values, 4, None, until, 1, cv2.KMEANS_PP_CENTERS)[1]


def kmeans_of_scikit_learn(cluster, colours):
    """Run scikit-learn's until it has converged, once."""
    return cluster.KMeans(4, n_init=1).fit_predict(colours.reshape(-1, 3).astype(np.float32))


def canny_of_opencv(cv2, image):
    """Smooth as wide; the thresholds give about as many edges."""
    smooth = cv2.GaussianBlur(image, (0, 0), 2)
    return cv2.Canny(smooth, 20, 40, L2gradient=True)


def rows() -> Iterator[Row]:
    """Yield what is measured."""
    camera = np.tile(data.camera(), (8, 8))
    plane, coins = camera[:2048, :2048], np.tile(data.coins(), (6, 5))
    yield from thresholds(camera)
    yield from of_masks(camera > 100)
    yield Row(
        "canny, sigma 2",
        "2048^2",
        lambda: canny(plane),
        {
            "scikit-image": lambda: feature.canny(plane, 2, 0.8, 0.9, use_quantiles=True),
            **installed(cv2=lambda cv2: canny_of_opencv(cv2, plane)),
        },
    )
    yield from of_objects(watershed(coins, background="60 px"), coins)
    yield from grown(plane)
    yield from of_colours()
    yield Row(
        "watershed",
        "1818 x 1920",
        lambda: watershed(coins),
        {"scikit-image": lambda: watershed_of_scikit_image(coins)},
    )


def thresholds(camera):
    """Yield thresholds of a photograph in several types."""
    wide, real = camera.astype(np.uint16) * 200, camera.astype(np.float32) / 255
    for image in (camera, wide, real):
        yield Row(
            "otsu",
            f"4096^2 {image.dtype}",
            lambda image=image: threshold(image),
            {"scikit-image": lambda image=image: image > filters.threshold_otsu(image)},
        )
    yield Row(
        "li",
        "4096^2 uint8",
        lambda: threshold(camera, method="li"),
        {"scikit-image": lambda: camera > filters.threshold_li(camera)},
    )
    for classes in (3, 5):
        yield Row(
            f"{classes} classes",
            "4096^2 uint8",
            lambda classes=classes: threshold(camera, classes=classes),
            {
                "scikit-image": lambda classes=classes: np.digitize(
                    camera, filters.threshold_multiotsu(camera, classes), right=True
                )
            },
        )

    def smoothed():
        smooth = filters.gaussian(camera, 2, preserve_range=True)
        return smooth > filters.threshold_otsu(smooth)

    yield Row(
        "otsu, sigma 2",
        "4096^2 uint8",
        lambda: threshold(camera, smoothing="2 px"),
        {"scikit-image": smoothed},
    )
    yield Row(
        "sauvola 51",
        "4096^2 uint8",
        lambda: threshold(camera, method="sauvola"),
        {"scikit-image": lambda: camera > filters.threshold_sauvola(camera, 51)},
    )


def of_masks(mask):
    """Yield components, distances, an opening and holes."""
    plane, disc = mask[:2048, :2048], elements.disk(3)
    volume = np.random.default_rng(0).random((256, 256, 256), np.float32)
    volume = ndimage.gaussian_filter(volume, 3) > 0.5
    for each, size in ((mask, "4096^2"), (volume, "256^3")):
        every = np.ones((3,) * each.ndim)
        of_planes = installed(cv2=lambda cv2: cv2.connectedComponents(mask.view(np.uint8))[1])
        yield Row(
            "components",
            size,
            lambda each=each: label(each.view(np.uint8)),
            {
                "scipy": lambda each=each, every=every: ndimage.label(each, every)[0],
                **installed(cc3d=lambda cc3d, each=each: cc3d.connected_components(each)),
                **(of_planes if each is mask else {}),
            },
        )
    for each, size in ((plane, "2048^2"), (volume, "256^3")):
        one = VoxelSize((1.0,) * each.ndim)
        yield Row(
            "distance",
            size,
            lambda each=each, one=one: np.sqrt(squared_distance(each, one)),
            {
                "scipy": lambda each=each: ndimage.distance_transform_edt(each),
                **installed(edt=lambda edt, each=each: edt.edt(each, parallel=0)),
            },
            alike=lambda found: np.round(1000 * found).astype(int),
        )
    footprint = element("ball", (3, 3)).footprint()[0].astype(np.uint8)
    yield Row(
        "opening, r = 3",
        "2048^2",
        lambda: morphology(plane, radius="3 px"),
        {
            "scikit-image": lambda: elements.opening(plane, disc),
            **installed(cv2=lambda cv2: cv2.morphologyEx(plane.view(np.uint8), 2, footprint)),
        },
    )
    objects = label(mask.view(np.uint8))
    yield Row(
        "fill holes of labels",
        "4096^2",
        lambda: fill_holes(objects),
        {
            "scipy": lambda: ndimage.binary_fill_holes(mask),
            **installed(fill_voids=lambda fill_voids: fill_voids.fill(mask)),
        },
    )


def of_objects(objects, image):
    """Yield outlines and the table."""
    yield Row(
        "outlines",
        "1818 x 1920",
        lambda: contours(objects, tolerance=0)[1]["label"],
        {"scikit-image": lambda: outlines_of_scikit_image(objects)},
        alike=None,
    )
    yield Row(
        "measure",
        "1818 x 1920",
        lambda: measure(objects, image)["pixels"],
        {"scikit-image": lambda: features.regionprops_table(objects, image, PROPERTIES)["area"]},
    )


def grown(plane):
    """Yield a region from one seed, and many that keep their mean."""
    seeds, many = np.zeros((2, *plane.shape), np.uint8)
    seeds[250, 200] = 1
    yield Row(
        "region of one seed",
        "2048^2",
        lambda: region_growing(
            plane, markers=seeds, compare="seed", tolerance=30, smoothing=0, fill_holes=False
        ),
        {
            "scikit-image": lambda: segmentation.flood(
                plane, (250, 200), tolerance=30, connectivity=1
            )
        },
    )
    places = np.random.default_rng(0).integers(0, 2048, (2, 200))
    many[tuple(places)] = np.arange(200) + 1
    # no peer keeps a mean: flooding its slopes from the same seeds is the nearest thing
    yield Row(
        "regions of 200 seeds, mean",
        "2048^2",
        lambda: region_growing(plane, markers=many, partition=True),
        {"scikit-image": lambda: segmentation.watershed(filters.sobel(plane), many)},
        alike=None,
    )


def of_colours():
    """Yield clusters of colours."""
    small = data.astronaut()
    for colours, size in ((small, "512^2 RGB"), (np.tile(small, (4, 4, 1)), "2048^2 RGB")):
        of_learn = installed(
            **{"sklearn.cluster": lambda module, c=colours: kmeans_of_scikit_learn(module, c)}
        )
        yield Row(
            "k-means 4",
            size,
            lambda c=colours: kmeans(c, clusters=4, channel_axis=-1),
            {
                **installed(cv2=lambda cv2, c=colours: kmeans_of_opencv(cv2, c)),
                **(of_learn if colours is small else {}),
            },
            alike=None,
        )
