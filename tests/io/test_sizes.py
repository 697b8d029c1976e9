import math

import pytest

from napari_tessera.io.sizes import NO_SIZES, sizes_of


@pytest.mark.parametrize(
    ("found", "spacing", "unit"),
    [
        ({"y": (1, "cm"), "x": (2, "cm")}, (1, 1, 2), "cm"),
        ({"z": (300, "nanometer"), "y": (0.5, "micron"), "x": (0.5, "µm")}, (0.3, 0.5, 0.5), "um"),
        ({"y": (1, "inch"), "x": (1, "in")}, (1, 25400, 25400), "um"),
        ({"y": (2, "picometer"), "x": (2, "pm")}, (1, 2e-6, 2e-6), "um"),
        ({"z": (2, "um"), "y": (3, "pixel"), "x": (3, "pixel")}, (2, 3, 3), "um"),
        ({"z": (2, "px"), "y": (3, "reference frame"), "x": (3, "")}, (2, 3, 3), "pixel"),
    ],
)
def test_one_unit_for_all_axes(found, spacing, unit):
    sizes = sizes_of("zyx", found)
    assert tuple(sizes.spacing) == pytest.approx(spacing)
    assert sizes.spacing.unit == unit


@pytest.mark.parametrize("size", [0, -1, math.nan, math.inf])
def test_what_is_no_size_counts_as_1_and_is_said_of_space(size):
    found = {"t": (size, "s"), "z": (size, "um"), "y": (0.5, "um"), "x": (0.5, "um")}
    sizes = sizes_of("tzyx", found)
    assert tuple(sizes.spacing) == (1, 1, 0.5, 0.5)
    assert sizes.notes == (f"the file gives z the size {size:g}; it is taken as 1 um",)


def test_steps_in_time_have_a_unit_of_their_own():
    sizes = sizes_of("tyx", {"t": (5, "s"), "y": (2, "nm"), "x": (2, "nm")})
    assert (tuple(sizes.spacing), sizes.spacing.unit, sizes.time_unit) == ((5, 2, 2), "nm", "s")


def test_nothing_known_is_nothing_said():
    assert sizes_of("yx", {}) == NO_SIZES
    assert sizes_of("yx", {"z": (3, "um")}) == NO_SIZES
