"""Arrays of xarray and images of bioio, real ones and what stands in for them."""

from types import SimpleNamespace

import numpy as np
import pytest

from napari_tessera import VoxelSize, score, threshold
from napari_tessera.signature.named_arrays import Coordinates, NamedArray

xr = pytest.importorskip("xarray", reason="it needs xarray")

IMAGE = np.arange(4 * 5 * 6, dtype=np.uint8).reshape(4, 5, 6)


def along(start, step, count, unit="um"):
    return start + step * np.arange(count), unit


def array(values=IMAGE, dims="zyx", **coordinates):
    """Return an array of xarray with coordinates that are (values, unit)."""
    found = xr.DataArray(values, dims=tuple(dims), name="cells", attrs={"valid_range": [0, 9]})
    for name, (places, unit) in coordinates.items():
        found = found.assign_coords({name: (name, places, {"units": unit} if unit else {})})
    return found


def volume():
    return array(z=along(7, 2, 4), y=along(3, 0.5, 5), x=along(0, 0.5, 6))


def test_other_arrays_are_none():
    for other in (IMAGE, [[1, 2]], None, "text", 3):
        assert NamedArray.of(other) is None


def test_axes_and_sizes_come_from_the_coordinates():
    own = NamedArray.of(volume())
    assert own.axes == ("z", "y", "x")
    assert own.spacing == VoxelSize((2, 0.5, 0.5), "um")
    assert own.spacing.unit == "um"
    assert own.origin == (7.0, 3.0, 0.0)
    assert own.channel_axis is None


def test_without_coordinates_a_pixel_is_one():
    own = NamedArray.of(array())
    assert (own.spacing, own.spacing.unit, own.origin) == (VoxelSize((1, 1, 1)), "pixel", ())


def test_units_become_one():
    own = NamedArray.of(
        array(
            z=along(300, 300, 4, "nm"), y=along(0, 0.5, 5, "micrometers"), x=along(0, 0.5, 6, "µm")
        )
    )
    assert (own.spacing, own.spacing.unit) == ((0.3, 0.5, 0.5), "um")
    assert own.origin == (0.3, 0.0, 0.0)


def test_units_that_are_no_lengths_are_numbers():
    own = NamedArray.of(
        array(IMAGE[0], "yx", y=along(50, 0.1, 5, "degrees"), x=along(8, 0.1, 6, ""))
    )
    assert (own.spacing, own.spacing.unit) == ((0.1, 0.1), "pixel")


@pytest.mark.parametrize("order", ["zyx", "xyz", "yxz"])
def test_axes_are_put_in_order_and_back(order):
    own = NamedArray.of(volume().transpose(*order))
    np.testing.assert_array_equal(own.data.data, IMAGE)
    assert own.spacing == (2, 0.5, 0.5)
    again = own.like(IMAGE)
    assert again.dims == tuple(order)
    np.testing.assert_array_equal(again.transpose("z", "y", "x"), IMAGE)
    np.testing.assert_array_equal(again.x, volume().x)
    assert again.x.attrs == {"units": "um"}
    assert again.attrs == {}
    assert again.name is None


def test_time_is_no_space():
    times = np.array(
        [
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:30",
            "2026-01-01T00:01:00",
            "2026-01-01T00:01:30",
        ],
        "M8[ns]",
    )
    own = NamedArray.of(
        array(dims=("time", "y", "x"), time=(times, ""), y=along(0, 2, 5), x=along(0, 2, 6))
    )
    assert own.axes == ("t", "y", "x")
    assert (own.spacing, own.time_unit) == ((30, 2, 2), "s")
    uneven = own.data.assign_coords(time=("time", [0, 1, 5, 9]))
    assert NamedArray.of(uneven).spacing == (1, 2, 2)


@pytest.mark.parametrize(
    ("name", "rgb"), [("c", False), ("C", False), ("channel", False), ("s", True), ("S", True)]
)
def test_channels_are_known_by_their_name(name, rgb):
    own = NamedArray.of(array(IMAGE[:3], dims=(name, "y", "x"), y=along(0, 2, 5), x=along(0, 2, 6)))
    assert (own.channel_axis, own.rgb, own.axes) == (0, rgb, ("y", "x"))
    assert own.spacing == (2, 2)
    again = own.like(IMAGE[0])
    assert again.dims == ("y", "x")
    assert name not in again.coords


def test_classes_are_an_axis_of_their_own():
    again = NamedArray.of(array(IMAGE[0], "xy").transpose("y", "x")).like(np.zeros((3, 6, 5)))
    assert again.dims == ("class", "y", "x")
    assert NamedArray.of(volume()).like(np.zeros(7)).shape == (7,)  # none of this grid


def test_axes_of_one_pixel_come_back():
    own = NamedArray.of(array(IMAGE[None, :1], "tzyx"))
    assert own.without_single().data.shape == (5, 6)
    assert own.like(IMAGE[0]).dims == ("t", "z", "y", "x")


def test_a_part_has_the_coordinates_of_a_part():
    again = NamedArray.of(volume()).like(IMAGE[1:3, 2:, :4], (1, 2, 0))
    np.testing.assert_allclose(again.z, [9, 11])
    np.testing.assert_allclose(again.y, [4, 4.5, 5])


def test_axes_without_names_lie_as_in_a_plain_array():
    own = NamedArray.of(xr.DataArray(IMAGE))
    assert own.axes == ("axis 0", "y", "x")
    assert own.like(IMAGE).dims == ("dim_0", "dim_1", "dim_2")


def test_rounding_is_no_unevenness():
    places = (1e4 + 0.1 * np.arange(1000)).astype(np.float32)
    assert Coordinates(places.astype(float), "um").step == pytest.approx(0.1, rel=1e-4)
    assert Coordinates(np.array([0, 0.1, 0.2, 0.31]), "um").step is None
    assert Coordinates(np.array([3.0, 3.0]), "um").step is None
    assert Coordinates(np.array([3.0, 2.0, 1.0]), "um").step == 1


def test_of_a_falling_axis_the_size_counts():
    own = NamedArray.of(array(IMAGE[0], "yx", y=along(9, -2, 5), x=along(1, 2, 6)))
    assert (own.spacing, own.origin) == ((2, 2), ())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            lambda: array(y=(np.array([0, 1, 2, 4, 5]), "um"), x=along(0, 1, 6)),
            "cells? has|image has coordinates along y that are not evenly spaced .steps from 1 to 2",
        ),
        (
            lambda: array(IMAGE[0], "yx", y=(list("abcde"), ""), x=along(0, 1, 6)),
            "along y that are not evenly",
        ),
        (lambda: array(y=along(0, 1, 5), x=along(0, 1, 6)), "no coordinates along z, but along y"),
        (
            lambda: array(z=along(0, 1, 4, ""), y=along(0, 1, 5), x=along(0, 1, 6)),
            "along z in no unit of length",
        ),
        (lambda: array(IMAGE[0], ("lat", "lon")), "the axes lat, lon; call one of them y"),
        (lambda: array(dims=("x", "y", "X")), "the axes x, y, X"),
        (lambda: array(IMAGE[None, :2].repeat(2, 0), "csyx"), "the axes c, s, y, x"),
        (lambda: volume().to_dataset(), r"several arrays \(cells\)"),
    ],
)
def test_what_does_not_fit_is_told_with_its_axis(given, message):
    with pytest.raises(ValueError, match=message):
        NamedArray.of(given()).spacing  # noqa: B018


def test_a_function_takes_it_and_gives_it_back():
    image = volume()
    found = threshold(image, smoothing="1 um")
    expected = threshold(IMAGE, smoothing="1 um", spacing=VoxelSize((2, 0.5, 0.5), "um"))
    assert isinstance(found, xr.DataArray)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(found.z, image.z)
    other = threshold(image, smoothing=2.0, spacing=(1, 1, 1))  # what is given counts
    np.testing.assert_array_equal(other, threshold(IMAGE, smoothing=2.0))


def test_lazy_ones_too():
    image = volume().chunk({"z": 1})
    np.testing.assert_array_equal(threshold(image), threshold(IMAGE))
    own = NamedArray.of(image)
    assert hasattr(own.data.data, "dask")


def test_a_score_takes_stacks():
    truth = array(dims="tyx", t=along(0, 5, 4, "s"), y=along(0, 0.5, 5), x=along(0, 0.5, 6))
    found = score(truth, truth, over="planes")
    plain = score(IMAGE, IMAGE, over="planes", spacing=VoxelSize((0.5, 0.5), "um"))
    assert str(found) == str(plain)
    assert list(found.objects) == list(plain.objects)  # whose names say the unit
    assert found.true_positives == plain.true_positives > 0


class TestOfBioio:
    bioio = pytest.importorskip("bioio", reason="it needs bioio")

    def image(self, values, order, **options):
        return self.bioio.BioImage(values, dim_order=order, **options)

    def test_sizes_and_axes(self):
        sizes = self.bioio.PhysicalPixelSizes(2.0, 0.5, 0.5)
        own = NamedArray.of(self.image(IMAGE, "ZYX", physical_pixel_sizes=sizes))
        assert own.axes == ("t", "z", "y", "x")
        assert own.spacing == (1, 2, 0.5, 0.5)
        assert own.channel_axis == 1
        assert hasattr(own.data.data, "dask")

    def test_a_function_takes_it(self):
        found = threshold(self.image(IMAGE, "ZYX"))
        assert found.dims == ("T", "Z", "Y", "X")
        np.testing.assert_array_equal(found[0], threshold(IMAGE))

    def test_colours(self):
        own = NamedArray.of(self.image(np.zeros((5, 6, 3), np.uint8), "YXS"))
        assert own.rgb
        assert own.data.dims == ("T", "Z", "Y", "X", "S")
        assert own.title == "image"  # and no name of Dask's


class StandIn:
    """What is looked at of an image of bioio, of a file with units."""

    physical_pixel_sizes = SimpleNamespace(Z=2.0, Y=500.0, X=500.0)
    dimension_properties = SimpleNamespace(
        Z=SimpleNamespace(unit="micrometer"),
        Y=SimpleNamespace(unit="nanometer"),
        X=SimpleNamespace(unit="nanometer"),
    )
    xarray_dask_data = xr.DataArray(IMAGE[None, None], dims=tuple("TCZYX"))


def test_units_of_bioio_count():
    own = NamedArray.of(StandIn())
    assert (own.spacing, own.spacing.unit) == ((1, 2000, 500, 500), "nm")
