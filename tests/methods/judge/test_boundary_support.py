import numpy as np
import pytest
from scipy import ndimage

from napari_tessera.methods.judge.boundary_support import boundary_support
from napari_tessera.signature.progress import NothingToSeparate, Stop


def discs(noise=5.0, seed=0):
    """Return labels of discs, an image of all but the last two, and labels that are off."""
    y, x = np.indices((120, 160))
    labels = np.zeros(y.shape, np.uint16)
    for number, (cy, cx) in enumerate(
        [(25, 25), (25, 75), (25, 125), (85, 25), (85, 75), (85, 130)], 1
    ):
        labels[(y - cy) ** 2 + (x - cx) ** 2 <= 144] = number
    image = np.where((labels > 0) & (labels < 5), 120.0, 20.0)
    random = np.random.default_rng(seed)
    return labels, ndimage.gaussian_filter(image, 1) + random.normal(0, noise, image.shape)


def test_objects_on_edges_are_told_from_those_on_none():
    labels, image = discs()
    table = boundary_support(labels, image)
    assert table["index"].tolist() == [1, 2, 3, 4, 5, 6]
    assert (table["edge share"][:4] > 0.95).all()
    assert (table["suspicion"][:4] < 0.15).all()
    assert (table["suspicion"][4:] > 0.5).all()
    np.testing.assert_allclose(table["contrast"][4:], 0, atol=3)
    assert (table["contrast"][:4] > 50).all()


def test_a_mask_beside_its_object_is_more_suspicious_than_on_it():
    labels, image = discs()
    right = boundary_support(np.where(labels < 5, labels, 0), image)
    off = np.where(labels == 2, 0, np.where(labels < 5, labels, 0))
    off |= np.where(np.roll(labels, 9, axis=1) == 2, 2, 0).astype(np.uint16)
    table = boundary_support(off, image)
    assert table["edge share"][1] < 0.6 < 0.95 < right["edge share"][1]
    assert table["suspicion"].argmax() == 1


def test_written_out_sides():
    labels = np.array([[0, 0, 1, 1, 1, 2, 2, 0]] * 3)
    image = np.array([[1.0, 3, 10, 20, 30, 50, 70, 5]] * 3)
    table = boundary_support(labels, image, width=1, smoothing=0)
    assert table["inside"].tolist() == [(10 + 30) / 2, (50 + 70) / 2]
    assert table["outside"].tolist() == [3, 5]
    wide = boundary_support(labels, image, width=2, smoothing=0)
    assert wide["outside"].tolist() == [2, 5]
    assert wide["inside"].tolist() == [(10 + 20 + 30 + 20) / 4, 60]


def test_other_objects_are_the_outside_where_no_background_is():
    labels = np.array([[1, 1, 2, 2, 3, 3]])
    table = boundary_support(labels, np.array([[0.0, 1, 5, 6, 9, 9]]), width=1, smoothing=0)
    assert table["outside"].tolist() == [5, (1 + 9) / 2, 6]


def test_gradients_are_those_of_numpy():
    random = np.random.default_rng(0)
    image = random.random((9, 8, 7))
    labels = np.zeros(image.shape, int)
    labels[3:6, 2:5, 2:5] = 4
    table = boundary_support(labels, image, smoothing=0, spacing=(2, 1, 1))
    steep = np.sqrt(sum(each**2 for each in np.gradient(image, 2, 1, 1)))
    rim = (labels > 0) & ~ndimage.binary_erosion(labels > 0)
    assert table["gradient"].tolist() == pytest.approx([steep[rim].mean()], rel=1e-5)
    assert table["boundary pixels"].tolist() == [26]


@pytest.mark.parametrize("spacing", [(1, 1, 1), (3, 1, 1)])
def test_a_ball_in_a_volume_is_supported(spacing):
    z, y, x = (np.indices((24, 40, 40)) - np.array([12, 20, 20]).reshape(3, 1, 1, 1)) * np.array(
        spacing
    ).reshape(3, 1, 1, 1)
    ball = (z**2 + y**2 + x**2 <= 100).astype(int)
    random = np.random.default_rng(0)
    image = ndimage.gaussian_filter(80.0 * ball, (1 / spacing[0], 1, 1))
    image += random.normal(0, 2, image.shape)
    table = boundary_support(ball, image, spacing=spacing)
    assert table["edge share"][0] > 0.95
    aside = boundary_support(np.roll(ball, 10, axis=2), image, spacing=spacing)
    assert aside["edge share"][0] < 0.6


def test_a_level_can_be_given():
    labels, image = discs(noise=1)
    none = boundary_support(labels, image, level=1000.0)
    assert none["edge share"].tolist() == [0] * 6
    low = boundary_support(labels, image, level=8.0)
    assert (low["edge share"][:4] > 0.95).all()
    assert low["edge share"][4:].tolist() == [0, 0]


def test_intensity_scale_and_offset_do_not_matter():
    labels, image = discs()
    one, other = boundary_support(labels, image), boundary_support(labels, 7 * image + 1000)
    np.testing.assert_allclose(one["suspicion"], other["suspicion"], atol=1e-6)
    dark = boundary_support(labels, -image)
    np.testing.assert_allclose(one["suspicion"], dark["suspicion"], atol=1e-6)


def test_missing_values_are_left_out():
    labels, image = discs()
    image[:, 108:140] = np.nan
    table = boundary_support(labels, image)
    assert table["boundary pixels"][2] == 0
    assert np.isnan(
        [table[name][2] for name in ("edge share", "gradient", "inside", "suspicion")]
    ).all()
    assert (table["edge share"][[0, 1, 3]] > 0.95).all()
    with pytest.raises(NothingToSeparate):
        boundary_support(labels, np.full(labels.shape, np.nan))


def test_an_object_that_fills_the_image_has_no_boundary():
    table = boundary_support(np.ones((5, 6), int), np.ones((5, 6)))
    assert table["boundary pixels"].tolist() == [0]
    assert np.isnan(table["suspicion"]).all()
    nothing = boundary_support(np.zeros((5, 6), int), np.ones((5, 6)))
    assert [values.size for values in nothing.values()] == [0] * 8


def test_an_image_without_edges_supports_nothing():
    labels, _ = discs()
    table = boundary_support(labels, np.full(labels.shape, 7, np.uint8))
    assert table["edge share"].tolist() == [0] * 6
    assert table["suspicion"].tolist() == [1] * 6


def test_ids_and_slabs_make_no_difference(monkeypatch):
    labels, image = discs()
    one = boundary_support(labels, image)
    monkeypatch.setattr("napari_tessera.algorithms.parallel.SLAB", 700)
    for ids in (labels.astype(np.int64) * 10**9, labels.astype(np.uint32) * 10):
        other = boundary_support(ids, image, level=support_level(image))
        expected = boundary_support(labels, image, level=support_level(image))
        assert other["index"].tolist() == np.unique(ids)[1:].tolist()
        for name in list(one)[1:]:
            np.testing.assert_array_equal(other[name], expected[name])
    monkeypatch.undo()
    whole = boundary_support(labels, image, level=support_level(image))
    for name in one:
        np.testing.assert_allclose(whole[name], expected[name], 1e-12)


def support_level(image):
    return float(np.ptp(image)) / 20


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="labels has the id -3"):
        boundary_support(np.array([[-3, 1]]), np.ones((1, 2)))
    with pytest.raises(ValueError, match=r"image has shape \(2, 2\) but labels has \(1, 2\)"):
        boundary_support(np.array([[0, 1]]), np.ones((2, 2)))

    def stop(progress):
        raise Stop

    with pytest.raises(Stop):
        boundary_support(np.array([[0, 1]]), np.ones((1, 2)), report=stop)
