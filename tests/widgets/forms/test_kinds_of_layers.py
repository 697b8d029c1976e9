"""Whatever layer a person opens, a method runs on it or says in words why not.

The table below has a row per kind of layer: its data, what else napari is told of it, and what the
forms of `METHODS_TRIED` say in the end. Complex images and big-endian labels are not among them:
napari itself cannot show them.
"""

import tempfile

import dask.array as da
import numpy as np
import pytest
import zarr

from ..conftest import wait


def picture(*lead):
    """Return two bright blocks on noise, the same in every plane."""
    image = np.random.default_rng(0).integers(0, 60, (*lead, 24, 28)).astype(np.uint8)
    image[..., 3:11, 3:12] += 150
    image[..., 14:21, 15:25] += 150
    return image


def objects(*lead, dtype=np.uint16, first=1):
    """Return the blocks as objects, the first with a hole."""
    ids = np.array([0, first, first + 1], dtype)
    numbers = np.zeros((*lead, 24, 28), np.uint8)
    numbers[..., 3:11, 3:12], numbers[..., 14:21, 15:25] = 1, 2
    numbers[..., 5, 5] = 0
    return ids[numbers]


def with_nan():
    image = picture().astype(np.float32)
    image[0, :5] = np.nan
    return image


def read_only(array):
    array.setflags(write=False)
    return array


def on_disk(array):
    """Return the array as `np.load` gives it from a file that it does not read at once."""
    with tempfile.TemporaryFile(suffix=".npy") as file:
        mapped = np.memmap(file, array.dtype, "w+", shape=array.shape)
    mapped[:] = array
    return mapped


def colours(count):
    return np.stack([picture(), picture() // 2, picture() // 3, np.full_like(picture(), 255)], -1)[
        ..., :count
    ]


METHODS_TRIED = ("threshold", "watershed", "fill_holes")
TWO = ("1 class", "2 objects", "2 objects")
FOUR = ("1 class", "4 objects", "4 objects")
SIX = ("1 class", "6 objects", "6 objects")
NO_LABELS = "labels is missing; open a file"
SHEARED = ("layer 'given' is sheared",) * 2 + (NO_LABELS,)
CONSTANT = ("image is constant (every pixel is 7)",) * 2 + (NO_LABELS,)
TRANSPOSED = {"affine": np.array([[0, 1, 5], [1, 0, 7], [0, 0, 1]])}
IMAGES = {
    "plane": (picture(), {}, TWO),
    "volume": (picture(3), {"axis_labels": ("z", "y", "x")}, TWO),
    "film": (picture(3), {"axis_labels": ("t", "y", "x")}, SIX),
    "film of volumes": (picture(2, 3), {"axis_labels": ("t", "z", "y", "x")}, FOUR),
    "axes without names": (picture(3), {}, SIX),
    "channels": (picture(3), {"axis_labels": ("c", "y", "x")}, TWO),
    "colours": (colours(3), {"rgb": True}, TWO),
    "colours with alpha": (colours(4), {"rgb": True}, TWO),
    "bool": (picture() > 100, {}, TWO),
    "int8": ((picture() // 2).astype(np.int8), {}, TWO),
    "uint64": (picture().astype(np.uint64) << 40, {}, TWO),
    "float16": (picture().astype(np.float16), {}, TWO),
    "float64": (picture() / 7, {}, TWO),
    "NaN": (with_nan(), {}, TWO),
    "big-endian": (picture().astype(">u2"), {}, TWO),
    "read-only": (read_only(picture()), {}, TWO),
    "every other pixel": (np.repeat(picture(), 2, axis=-1)[:, ::2], {}, TWO),
    "column by column": (np.asfortranarray(picture()), {}, TWO),
    "Dask": (da.from_array(picture(3), chunks=(1, 12, 28)), {}, SIX),
    "Zarr": (zarr.array(picture(), chunks=(12, 12)), {}, TWO),
    "on disk": (on_disk(picture()), {}, TWO),
    "pyramid": ([picture(), picture()[::2, ::2]], {"multiscale": True}, TWO),
    "scaled, with units": (picture(), {"scale": (0.5, 0.5), "units": ("um", "um")}, TWO),
    "units that differ": (picture(), {"scale": (0.5, 500), "units": ("um", "nm")}, TWO),
    "moved": (picture(), {"translate": (300, -4)}, TWO),
    "rotated": (picture(), {"rotate": 30, "scale": (2, 2)}, TWO),
    "transposed": (picture(), TRANSPOSED, TWO),
    "mirrored": (picture(), {"scale": (-1, 1)}, TWO),
    "sheared": (picture(), {"shear": [0.3]}, SHEARED),
    "one column": (picture()[:, 8:9], {}, ("1 class", "1 object", "1 object")),
    "one value": (np.full((24, 28), 7, np.uint8), {}, CONSTANT),
}
NO_IMAGE = ("image is missing; open a file",) * 2
LABELS = {
    "objects": (objects(), {}, (*NO_IMAGE, "2 objects")),
    "objects of a volume": (objects(3), {"scale": (2, 1, 1)}, (*NO_IMAGE, "2 objects")),
    "mask": (objects() > 0, {}, (*NO_IMAGE, "1 class")),
    "int8 objects": (objects(dtype=np.int8), {}, (*NO_IMAGE, "2 objects")),
    "ids above 2**53": (objects(dtype=np.int64, first=2**53 + 1), {}, (*NO_IMAGE, "2 objects")),
    "ids above 2**63": (objects(dtype=np.uint64, first=2**63 + 1), {}, (*NO_IMAGE, "2 objects")),
    "read-only objects": (read_only(objects()), {}, (*NO_IMAGE, "2 objects")),
    "objects in Dask": (da.from_array(objects(), chunks=(9, 28)), {}, (*NO_IMAGE, "2 objects")),
    "objects in Zarr": (zarr.array(objects(), chunks=(12, 12)), {}, (*NO_IMAGE, "2 objects")),
    "objects in a pyramid": (
        [objects(), objects()[::2, ::2]],
        {"multiscale": True},
        (*NO_IMAGE, "2 objects"),
    ),
    "objects on disk": (on_disk(objects()), {"rotate": 30}, (*NO_IMAGE, "2 objects")),
    "no object": (np.zeros((24, 28), np.uint8), {}, (*NO_IMAGE, "0 objects")),
}


@pytest.mark.parametrize(
    ("add", "kinds"), [("add_image", IMAGES), ("add_labels", LABELS)], ids=["images", "labels"]
)
def test_a_method_runs_on_every_kind_of_layer_or_says_why_not(viewer, form_of, add, kinds):
    forms = [form_of(name) for name in METHODS_TRIED]
    told = {}
    for kind, (array, options, _) in kinds.items():
        viewer.layers.clear()
        getattr(viewer, add)(array, name="given", **options)
        told[kind] = tuple(said_by(form, viewer) for form in forms)
    expected = {kind: says for kind, (*_, says) in kinds.items()}
    shortened = {
        kind: tuple(a[: len(b)] for a, b in zip(told[kind], says, strict=True))
        for kind, says in expected.items()
    }
    assert shortened == expected


def said_by(form, viewer):
    """Run a form on the layer that it has chosen; return what it says of a result in its place."""
    before = list(viewer.layers)
    form.run_button.click()
    wait(lambda: form.job is None)
    for result in (layer for layer in viewer.layers if layer not in before):
        layer = form.source.value
        (low, high), (first, last) = result.extent.world, layer.extent.world
        np.testing.assert_allclose([low, high], [first[-result.ndim :], last[-result.ndim :]])
        lit = np.argwhere(np.asarray(result.data))
        if lit.size and result.ndim == layer.ndim:
            corner = lit[0]
            np.testing.assert_allclose(result.data_to_world(corner), layer.data_to_world(corner))
    return form.message.text()
