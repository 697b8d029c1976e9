import numpy as np
import pytest

from napari_tessera.metrics.boundaries import boundary_distances
from napari_tessera.metrics.classes import foreground
from napari_tessera.metrics.figures import Reading, ScoreOptions, summed
from napari_tessera.metrics.overlap import overlap_table
from napari_tessera.signature.words import VoxelSize


def options(**changes):
    given = {
        "iou": 0.5,
        "tolerance": 1.0,
        "boundaries": False,
        "background": False,
        "ignore": None,
        "bins": 2,
        "voxel": VoxelSize((1, 1)),
    }
    return ScoreOptions(**given | changes)


def reading(truth, prediction):
    table = overlap_table(truth, prediction)
    distances = {1: boundary_distances(truth, prediction)}
    return Reading(table, foreground(table), None, distances)


TRUTH = np.array([[1, 1, 0, 2, 2, 0]])
FOUND = np.array([[7, 7, 0, 0, 3, 3]])


def test_planes_are_counted_together():
    found = summed([reading(TRUTH, FOUND), reading(TRUTH, TRUTH)], options())
    assert (found.true_objects, found.predicted_objects) == (4, 4)
    assert (found.true_positives, found.false_positives, found.false_negatives) == (3, 1, 1)
    assert found.precision == found.recall == found.f1 == 0.75
    assert found.pixel_accuracy == pytest.approx(10 / 12)
    assert found.iou == pytest.approx(7 / 9)
    assert found.objects["frame"].tolist() == [0, 0, 1, 1]
    assert found.objects["partner"].tolist() == [7, 0, 1, 2]


def test_boundaries_are_not_told_unless_they_were_compared():
    plain = summed([reading(TRUTH, FOUND)], options())
    assert np.isnan([plain.boundary_f, plain.hausdorff95, plain.mean_surface_distance]).all()
    near = summed([reading(TRUTH, FOUND)], options(boundaries=True))
    assert near.boundary_f == 1
    # of four boundary pixels on each side, one is a pixel away
    assert near.hausdorff95 == pytest.approx(0.85)
    assert near.mean_surface_distance == 0.25
    assert near.objects["boundary distance"].tolist() == [0, 0.5]


def test_partners_of_classes_are_of_one_class():
    table = overlap_table(TRUTH, FOUND)
    classes = np.array([0, 4, 5]), np.array([0, 0, 0, 4, 0, 0, 0, 4])
    read = Reading(table, foreground(table), classes, {})
    found = summed([read], options(iou=0.3))
    assert found.objects["class"].tolist() == [4, 5]
    assert found.objects["partner"].tolist() == [7, 0]
