import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_tessera import METHODS, Recipe
from napari_tessera.io import files
from napari_tessera.pipeline.result import result_name
from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.source import Points, Region, Source
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.words import VoxelSize

from ...conftest import OWN, needed

SPACING = VoxelSize((2, 0.5, 0.5), "um")

PARAMETERS = {
    "crf": {"appearance_width": "4 px", "labels_are": "classes"},
    "morphology": {"operation": "closing", "radius": "1 um"},
    "smooth": {"radius": "1 px"},
    "top_hat": {"radius": "2 px", "element": "box"},
    "fill_holes": {"max_diameter": "3 px"},
    "filter_objects": {"min_diameter": "2 px"},
    "expand": {"distance": "1 um"},
    "threshold": {"method": "hysteresis", "levels": (60.0, 120.0), "smoothing": "0.5 um"},
    "watershed": {"smoothing": "1 px", "seed_distance": "2 um", "lines": True},
    "label": {"connectivity": "faces"},
    "kmeans": {"clusters": 4, "position_weight": 30.0, "seed": 3},
    "region_growing": {"tolerance": 60.0, "smoothing": "0 px", "max_diameter": "4 um"},
    "random_walker": {"beta": 200.0},
    "canny": {"smoothing": "1 px", "high_quantile": 0.95},
    "contours": {"tolerance": "0.2 um"},
    "measure": {"convex": True},
    "predict": {"threshold": 0.4, "tile": 64},
    "detect": {"confidence": 0.1, "tile": 64},
    "scores": {"flips": True},
    "uncertainty": {"measure": "flips"},
    "grad_cam": {"target_class": "background", "layer": "bottleneck"},
    "error_map": {"iou": 0.3},
    "object_errors": {"iou": 0.3},
    "boundary_support": {"smoothing": "0.5 um"},
    "merge": {"how": "points"},
    "split": {"how": "points", "path": ((3, 11, 10), (3, 11, 15))},
    "delete": {"how": "points"},
    "replace": {"how": "points", "number": 7},
    "grow": {"path": ((3, 15, 16),), "tolerance": 0.2, "smoothing": "0 px"},
}
"""What is chosen for each method of the registry, besides what `needed` gives."""

NAMES_IMAGES = ("crf", "measure", "boundary_support")
"""Methods whose recipe says which image there was beside the source."""


@pytest.fixture
def source(rng):
    image = rng.integers(0, 100, (4, 16, 18)).astype(np.uint8)
    image[:, 2:7, 2:7] += 100
    image[1:3, 9:15, 9:16] += 120
    image[3, 10:13, 9:17], image[3, 14:, 15:] = 250, 0  # an object to split, and room for another
    source = Source.of(image, spacing=SPACING, axes=("z", "y", "x"), name="stack.tif")
    return replace(source, path="stack.tif")


@pytest.fixture
def on_disk(tmp_path, monkeypatch, source):
    import tifffile

    monkeypatch.chdir(tmp_path)
    metadata = {"axes": "ZYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5, "PhysicalSizeZ": 2}
    tifffile.imwrite("stack.tif", source.array, ome=True, metadata=metadata)
    return tmp_path


def values_of(name, source):
    """Return what is chosen in the run of a method."""
    seeds = needed(OWN[name], source.shape, (0, 0), (4, 4), (11, 12))
    images = {"image": source} if name in NAMES_IMAGES else {}
    return {**seeds, **images, **PARAMETERS.get(name, {})}


def runs(source):
    """Return runs of every method, some with markers, masks and regions."""
    found = [(name, values_of(name, source), {}) for name in OWN]
    points = Points(np.array([[2, 4.2, 4], [2, 11, 12]]))
    painted = np.zeros(source.shape, np.uint8)
    painted[2, 4, 4], painted[2, 11, 12] = 3, 200
    mask = np.zeros(source.shape[1:], bool)
    mask[:, :12] = True
    few = (painted > 0).astype(np.uint8)
    found += [
        ("watershed", {"markers": points, "smoothing": "1 px"}, {}),
        ("watershed", {"markers": painted, "mask": np.broadcast_to(mask, source.shape)}, {}),
        ("watershed", {"markers": few, "smoothing": "1 px"}, {}),
        ("threshold", {"mask": mask}, {"over": "planes", "levels_from": "all"}),
        ("threshold", {}, {"region": Region((1, 0, 2), (3, 16, 16), mask[:, 2:16])}),
        ("watershed", {"seed_distance": "2 px"}, {"over": "planes", "join": True}),
        ("measure", {"image": source}, {"over": "planes"}),
        ("measure", {"image": source}, {"region": Region((1, 0, 2), (3, 16, 16))}),
        ("contours", {}, {"region": Region((1, 0, 2), (3, 16, 16), mask[:, 2:16])}),
    ]
    return found


def made(source, case):
    """Return the recipe of a case, and what it gives."""
    name, values, walk = runs(source)[case]
    expected = run(name, source, values, Walk(**walk))
    assert expected.number > 0
    return Recipe.of(METHODS[name], source, values, Walk(**walk)), expected


def same(found, expected):
    """Check that two results hold the same labels, polygons and tables."""
    np.testing.assert_array_equal(found.array, expected.array)
    lines = (getattr(each, "polygons", []) for each in (found, expected))
    for one, other in zip(*lines, strict=True):
        np.testing.assert_array_equal(one, other)
    assert (found.table is None) == (expected.table is None)
    for name, column in (expected.table or {}).items():
        np.testing.assert_array_equal(found.table[name], column)


def check_file(recipe, expected, source):
    """Check that the file of a run holds what is expected, and say its pixel size."""
    path = result_name("stack.tif", recipe.method)
    if path.endswith(".tif"):
        written = files.read(path)
        np.testing.assert_array_equal(written.array[:], expected.array)
        assert written.spacing == SPACING
        return
    other = f"expected{path[path.rindex('.') :]}"
    files.write(other, expected, source, recipe)
    found, wanted = (Path(each).read_text() for each in (path, other))
    if path.endswith(".geojson"):
        found, wanted = json.loads(found)["features"], json.loads(wanted)["features"]
    assert found == wanted


CASES = range(len(OWN) + 9)


@pytest.mark.parametrize("case", CASES)
def test_a_recipe_as_data_gives_the_same_labels(source, case):
    recipe, expected = made(source, case)
    again = Recipe.from_dict(json.loads(json.dumps(recipe.to_dict())))
    assert again == recipe
    images = {name: source for name in recipe.inputs if name == "image"}
    same(again.run(source, **images), expected)


@pytest.mark.parametrize("case", CASES)
def test_a_recipe_as_a_script_gives_the_same_labels(source, case, on_disk):
    recipe, expected = made(source, case)
    exec(recipe.as_python("file"), {})
    check_file(recipe, expected, source)


@pytest.mark.parametrize("case", CASES)
def test_a_recipe_as_a_command_gives_the_same_labels(source, case, on_disk):
    import shlex

    from napari_tessera.cli.app import app

    recipe, expected = made(source, case)
    words = shlex.split(recipe.as_command())
    assert words[0] == "napari-tessera"
    assert app()(words[1:], result_action="return_value") == 0
    check_file(recipe, expected, source)


def test_the_command_works_in_a_shell(source, on_disk):
    recipe = Recipe.of(METHODS["watershed"], source, {"smoothing": "1 px"})
    command = recipe.as_command().replace(
        "napari-tessera", f"{sys.executable} -m napari_tessera", 1
    )
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(
        files.read("stack-watershed.tif").array[:], recipe.run(source).array
    )


def test_colours_are_repeated_from_a_file(tmp_path, monkeypatch):
    import shlex

    import imageio.v3 as imageio
    from skimage import data

    from napari_tessera.cli.app import app

    monkeypatch.chdir(tmp_path)
    imageio.imwrite("it's a face.png", data.astronaut()[:60, :70])
    for channel in (None, 1):
        source = files.read("it's a face.png", channel=channel)
        expected = run("threshold", source).array
        recipe = Recipe.of(METHODS["threshold"], source, {})
        assert recipe.channel_axis == "rgb"
        for door in ("script", "command"):
            for old in tmp_path.glob("*.tif"):
                old.unlink()
            if door == "script":
                exec(recipe.as_python("file"), {})
            else:
                app()(shlex.split(recipe.as_command())[1:], result_action="return_value")
            found = files.read("it's a face-threshold.tif").array[:]
            np.testing.assert_array_equal(found, expected)
        grey = Source.of(data.coins()[:50, :50])
        np.testing.assert_array_equal(recipe.run(grey).array, run("threshold", grey).array)
        assert recipe.on(replace(grey, name="coins")).source["name"] == "coins"


def test_a_recipe_is_saved_once_and_never_over_a_file(source, tmp_path):
    recipe = Recipe.of(METHODS["label"], source, {})
    recipe.save(tmp_path / "r.json")
    assert Recipe.load(tmp_path / "r.json") == recipe
    with pytest.raises(FileExistsError):
        recipe.save(tmp_path / "r.json")


def test_recipes_of_the_future_and_unknown_methods_are_refused():
    with pytest.raises(ValueError, match="schema 99.*update napari-tessera"):
        Recipe.from_dict({"schema": 99})
    with pytest.raises(ValueError, match="method 'magic'; known are threshold"):
        Recipe.from_dict({"method": "magic"})


def test_an_array_that_no_step_takes_is_refused():
    image = np.arange(20.0).reshape(4, 5)
    source = Source.of(image, name="ramp")
    first = Recipe.of(METHODS["threshold"], source, {})
    chain = replace(Recipe.of(METHODS["smooth"], source, {}), before=first.to_dict())
    with pytest.raises(TypeError, match="seeds is an array that no step of this recipe takes"):
        chain.run(source, seeds=image)


OLD = """{"method": "measure", "parameters": {}, "inputs": {"image": {"name": "a.tif"}},
 "before": {"method": "label", "parameters": {"connectivity": "faces"},
  "before": {"method": "threshold", "parameters": {"method": "manual", "levels": [4.0]},
   "source": {"name": "a.tif"}, "schema": 1},
  "source": {"name": "a.tif"}, "schema": 1},
 "source": {"name": "a.tif"}, "schema": 1}"""
"""A chain as the first version wrote it, without what has come since."""


def test_chains_of_the_first_version_load(tmp_path):
    (tmp_path / "old.json").write_text(OLD)
    image = np.array([[9, 9, 0, 0], [0, 0, 6, 0], [0, 0, 6, 0]], np.uint8)
    threshold, label, table = Recipe.load(tmp_path / "old.json").run_steps(image)
    assert threshold.array.tolist() == [[1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0]]
    assert label.array.tolist() == [[1, 1, 0, 0], [0, 0, 2, 0], [0, 0, 2, 0]]
    assert table.table["mean"].tolist() == [9, 6]
