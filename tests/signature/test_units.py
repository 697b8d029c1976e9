import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_tessera.signature.units import parse, physical, to_pixels, unit
from napari_tessera.signature.words import VoxelSize

ANISOTROPIC = VoxelSize((2, 0.5, 0.25), "um")


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        ("2 px", (0.25, 1, 2)),
        ("2px", (0.25, 1, 2)),
        (1, (0.5, 2, 4)),
        ("1", (0.5, 2, 4)),
        ("1 µm", (0.5, 2, 4)),
        ("1000 nm", (0.5, 2, 4)),
        ("0.001 mm", (0.5, 2, 4)),
        (0, (0, 0, 0)),
    ],
)
def test_a_length_in_any_unit_becomes_pixels_along_each_axis(length, expected):
    assert to_pixels(length, ANISOTROPIC) == pytest.approx(expected)


@pytest.mark.parametrize("length", ["", "px", "2 parsec", "-1 px", "1.2.3", "nan", "two px", -1])
def test_what_is_no_length_is_refused_by_name(length):
    with pytest.raises(ValueError, match=r"smoothing is .*write a number"):
        parse(length, name="smoothing")


def test_a_length_over_half_the_longest_side_is_refused():
    assert to_pixels("5 px", VoxelSize((1, 1)), (4, 10)) == (5, 5)
    with pytest.raises(ValueError, match=r"window is '6 px', 6 pixel, but half .* is 5 pixel"):
        to_pixels("6 px", VoxelSize((1, 1)), (4, 10), name="window")


def test_a_unit_of_length_needs_a_pixel_size():
    with pytest.raises(ValueError, match="smoothing is '2 um', but .* write '2 px'"):
        physical("2 um", VoxelSize((1, 1)), name="smoothing")


@given(st.floats(1e-3, 1e3), st.sampled_from(["nm", "um", "mm", "cm", "m"]))
def test_units_convert_there_and_back(number, name):
    there = physical(f"{number!r} {name}", VoxelSize((1.0,), "um"))
    back = physical(f"{there!r} um", VoxelSize((1.0,), name))
    assert back == pytest.approx(number, rel=1e-9)


def test_names_of_units_are_shortened():
    assert [unit(name) for name in ("micrometer", "µm", "pixel", "second")] == [
        "um",
        "um",
        "px",
        "second",
    ]
