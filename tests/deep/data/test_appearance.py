from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from napari_tessera.deep.data.appearance import PIXELS, figures, sample_boxes, seen_in
from napari_tessera.deep.data.pieces import pieces


def test_quartiles_noise_and_sharpness_are_those_of_a_ramp():
    ramp = np.arange(17.0)[None, None] / 16  # (C, Y, X)
    found = figures([ramp])
    assert (found["lower quartile"], found["median"], found["upper quartile"]) == (0.25, 0.5, 0.75)
    assert found["noise"] == 1 / 16
    assert found["sharpness"] == 1 / 8  # neighbours differ by 1, pixels 8 apart by 8


def test_blur_lowers_the_sharpness_and_noise_raises_it():
    image = np.random.default_rng(0).standard_normal((1, 64, 64))
    noisy = figures([image])
    blurred = figures([ndimage.gaussian_filter(image, (0, 2, 2))])
    assert noisy["sharpness"] == pytest.approx(1, abs=0.02)
    assert blurred["sharpness"] < 0.4
    # of the difference of two normal numbers half is below .6745 sqrt(2)
    assert noisy["noise"] == pytest.approx(0.954, abs=0.03)


def test_channels_and_colours_are_told_apart():
    image = np.stack([np.full((4, 4), level) for level in (0.25, 0.5, 1.0)])
    found = figures([image], rgb=True)
    assert (found["median"], found["median 2"], found["median 3"]) == (0.25, 0.5, 1)
    assert found["colour"] == 0.75
    assert "sharpness" not in found  # too small, and of one value
    assert "colour" not in figures([image])


@pytest.mark.parametrize("shape", [(5000, 40), (3000, 3000), (200, 300, 400), (3, 4000, 4000)])
def test_of_large_images_ends_and_middle_are_looked_at(shape):
    boxes = sample_boxes(shape)
    seen = np.zeros(len(shape), bool), np.zeros(len(shape), bool)
    for box in boxes:
        seen[0][:] |= [part.start == 0 for part in box]
        seen[1][:] |= [part.stop == length for part, length in zip(box, shape, strict=True)]
    assert seen[0].all()
    assert seen[1].all()
    looked_at = sum(np.prod([part.stop - part.start for part in box]) for box in boxes)
    assert looked_at <= PIXELS


def test_examples_are_put_together_from_lowest_to_highest():
    images = [np.full((32, 32), 0.25), np.full((32, 32), 0.5)]
    labels = [np.zeros((32, 32), np.uint8) for _ in images]
    labels[0][:4, :4], labels[1][:10, :10] = 1, 1
    found = [replace(p, intensities=((0.0, 1.0),)) for p in pieces(images, labels, axes=2)]
    seen = seen_in(found, objects=True)
    assert seen["median"] == (0.25, 0.5)
    # the medians of both images: 16 and 100 pixels
    assert seen["diameter"] == (4.514, 11.28)
    assert "diameter" not in seen_in(found, objects=False)
    assert seen_in([], objects=True) == {}
