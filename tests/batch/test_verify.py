"""What was tampered with is found: a pixel, the input, the recipe, the model."""

import json
import shutil
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import tifffile
import zarr

from napari_tessera import METHODS, Recipe, VoxelSize, files, verify
from napari_tessera.batch import verify as module
from napari_tessera.batch.batch_run import BatchRun
from napari_tessera.batch.run_batch import run_batch
from napari_tessera.pipeline.blockwise import blocks
from napari_tessera.pipeline.blockwise.blocks import automatic_sides
from napari_tessera.pipeline.recipes import samples
from napari_tessera.pipeline.recipes.provenance import with_inputs
from napari_tessera.pipeline.source import Region, Source
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.progress import Stop

from ..conftest import TORCH, squares
from .conftest import IMAGES

PLACE = ("images", "a.tif")


@pytest.fixture
def image(folder):
    return files.read(folder.joinpath(*PLACE))


def made(path, image, *steps, walk=None, run_blocks=None):
    """Write what a chain of methods gives."""
    before = None
    for method, options in steps:
        recipe = Recipe.of(METHODS[method], image, options, walk, before=before)
        before = recipe.to_dict()
    files.write(path, recipe.run(image, blocks=run_blocks), image, recipe)
    return path


OBJECTS = (("threshold", {"method": "manual", "levels": (50.0,)}), ("label", {}))


def stack(folder, count=6, side=40):
    """Return a file with planes of squares."""
    planes = np.stack([squares(side, seed=k)[0] for k in range(count)])
    made = zarr.create_array(
        folder / "stack.zarr",
        shape=planes.shape,
        dtype="u1",
        chunks=(1, side, side),
        dimension_names=["t", "y", "x"],
    )
    made[:] = planes
    return files.read(folder / "stack.zarr", axes=("t", "y", "x"))


@pytest.mark.parametrize("name", ["out.tif", "out.zarr", "out.json"])
def test_an_honest_result_is_equal(folder, image, name):
    found = verify(made(folder / name, image, *OBJECTS))
    assert (found.equal, found.status, found.inputs, found.versions) == (True, 0, (), {})
    assert found.made_by == "threshold, label"


@pytest.mark.parametrize(
    "steps", [[("watershed", {}), ("contours", {})], [("top_hat", {"radius": "2 px"})]]
)
def test_so_are_polygons_and_images(folder, image, steps):
    name = "out.geojson" if steps[-1][0] == "contours" else "out.tif"
    assert verify(made(folder / name, image, *steps)).status == 0


def test_one_pixel_is_found(folder, image):
    path = made(folder / "out.zarr", image, *OBJECTS)
    labels = zarr.open_array(path / "0")
    assert labels[2, 3] > 0
    labels[2, 3] = 0
    found = verify(path)
    assert (found.equal, found.status) == (False, 1)
    assert (found.comparison.differing, found.comparison.objects) == (1, 1)
    assert found.places == ("y 2, x 3",)


def test_objects_that_were_edited_are_counted_and_placed(folder, image):
    path = made(folder / "out.tif", image, *OBJECTS)
    kept = files.read(path, labels=True)
    labels = np.array(kept.whole)
    labels[labels == 2] = 0  # removed
    labels[20:22, 3:6] = 9  # drawn
    recipe = Recipe.from_dict(files.opened(path, files.Asked()).kept["recipe"])
    result = replace(recipe.run(image), array=labels, count=None)
    files.write(path, result, image, recipe, overwrite=True)
    found = verify(path)
    assert (found.comparison.differing, found.comparison.objects) == (36 + 6, 2)
    assert found.places == ("y 12 to 21, x 3 to 23",)


def test_other_numbers_are_another_file(folder, image):
    path = made(folder / "out.zarr", image, *OBJECTS)
    labels = zarr.open_array(path / "0")
    labels[:] = np.array([0, 2, 1], np.uint16)[labels[:]]
    found = verify(path)
    assert found.status == 1
    assert "numbered otherwise" in str(found)


def test_polygons_that_were_changed_are_counted(folder, image):
    path = made(folder / "out.geojson", image, ("watershed", {}), ("contours", {}))
    data = json.loads(path.read_text())
    data["features"][1]["geometry"]["coordinates"][0][0][0] += 1
    path.write_text(json.dumps(data))
    found = verify(path)
    assert (found.comparison.differing, found.comparison.unit) == (1, "polygon")
    assert found.places == ("polygons 1",)


def test_an_input_that_changed_is_told(folder, image):
    path = made(folder / "out.tif", image, *OBJECTS)
    pixels = np.array(image.whole)
    pixels[0, 0] = 1  # below the level: the result is the same
    tifffile.imwrite(folder.joinpath(*PLACE), pixels, photometric="minisblack")
    found = verify(path)
    assert (found.equal, found.status) == (True, 1)
    assert "has changed since" in str(found)
    pixels[0, 0] = 200
    tifffile.imwrite(folder.joinpath(*PLACE), pixels, photometric="minisblack")
    assert verify(path).places == ("y 0, x 0",)


def test_a_recipe_that_was_changed_gives_something_else(folder, image):
    path = made(folder / "out.zarr", image, *OBJECTS)
    group = zarr.open_group(path)
    kept = dict(group.attrs["napari-tessera"])
    kept["recipe"]["before"]["parameters"]["levels"] = [115.0]
    group.attrs["napari-tessera"] = kept
    found = verify(path)
    assert found.status == 1
    assert found.comparison.objects == 1  # of 110
    kept["recipe"]["method"] = "no such method"
    group.attrs["napari-tessera"] = kept
    assert verify(path).status == 2
    assert "no such method" in str(verify(path))


def test_an_input_elsewhere_is_found_beside_or_given(folder, image, monkeypatch):
    path = made(folder / "out.tif", image, *OBJECTS)
    place = folder.joinpath(*PLACE)
    place.rename(folder / "a.tif")  # beside the result
    assert verify(path).status == 0
    (folder / "a.tif").rename(folder / "moved.tif")
    found = verify(path)
    assert found.status == 2
    assert "is not there" in found.problem
    assert "source" in found.problem
    assert verify(path, source=folder / "moved.tif").status == 0
    shutil.copy(folder / "images" / "b.tif", folder / "other.tif")
    other = verify(path, source=folder / "other.tif")
    assert other.status == 1
    assert len(other.inputs) == 1


def test_what_was_no_file_is_asked_for(folder, image):
    own = Source.of(np.array(image.whole), name="layer")
    path = made(folder / "out.tif", own, *OBJECTS)
    assert "'layer'" in verify(path).problem
    assert verify(path, source=own).status == 0
    assert verify(path, source=folder.joinpath(*PLACE)).status == 0  # the same values
    assert verify(path, source=folder / "images" / "b.tif").inputs


def test_a_channel_that_was_a_layer_is_known_by_its_values(folder):
    channels = np.stack([squares(32, seed=k)[0] for k in range(3)])
    tifffile.imwrite(
        folder / "c.ome.tif", channels, metadata={"axes": "CYX"}, photometric="minisblack"
    )
    own = Source.of(channels[1], name="c [1]")
    path = made(folder / "out.tif", own, *OBJECTS)
    assert verify(path, source=folder / "c.ome.tif").status == 0


def test_an_image_beside_the_labels_counts(folder, image):
    labels = made(folder / "labels.tif", image, *OBJECTS)
    source = files.read(labels, labels=True)
    recipe = with_inputs(Recipe.of(METHODS["crf"], source, {"image": image}), source, image=image)
    files.write(folder / "out.tif", recipe.run(source, image=image), source, recipe)
    assert verify(folder / "out.tif").status == 0
    shutil.copy(folder / "images" / "b.tif", folder.joinpath(*PLACE))
    found = verify(folder / "out.tif")
    assert found.inputs == (f"the input {folder.joinpath(*PLACE)} has changed since",)
    assert verify(folder / "out.tif", images={"image": folder / "images" / "c.tif"}).inputs


def test_pixel_size_and_region_are_those_of_then(folder, image):
    own = replace(image, spacing=VoxelSize((0.5, 0.5), "um"))
    walk = Walk(region=Region((0, 0), (15, 30)))
    path = made(folder / "out.tif", own, ("watershed", {"smoothing": "0.5 um"}), walk=walk)
    assert verify(path).status == 0
    assert verify(path, sample=1).part == "all of it (watershed works on a region)"


def test_of_a_stack_some_planes_are_made_again(folder):
    source = stack(folder)
    path = made(folder / "out.zarr", source, *OBJECTS)
    found = verify(path, sample=3)
    assert (found.status, found.part) == (0, "3 of 6 planes")
    labels = zarr.open_array(path / "0")
    number, y, x = np.argwhere(np.asarray(labels[:]) > 0)[-1]
    assert number == 5
    labels[5, y, x] = 0
    found = verify(path, sample=3)  # planes 0, 2 and 5
    assert (found.status, found.comparison.differing) == (1, 1)
    assert found.places == (f"t 5, y {y}, x {x}",)
    assert verify(path, sample=1).status == 0  # plane 0
    assert verify(path, sample="all").status == 1
    assert verify(path, sample=9).part == "all of it"


def test_a_large_input_is_sampled(folder, monkeypatch):
    path = made(folder / "out.tif", stack(folder, 12), *OBJECTS)
    monkeypatch.setattr(module, "FITS", 1000)
    assert verify(path).part == "8 of 12 planes"
    assert verify(path, sample="all").part == "all of it"


@pytest.mark.parametrize("suffix", ["zarr", "tif"])
def test_blocks_of_a_large_plane(folder, suffix, monkeypatch):
    pixels, _ = squares(96)
    np.save(folder / "large.npy", pixels)
    source = files.read(folder / "large.npy")
    path = made(folder / f"out.{suffix}", source, *OBJECTS, run_blocks=(40, 40))
    monkeypatch.setattr(module, "FITS", 1000)
    monkeypatch.setattr(samples, "MOST", 1000)
    monkeypatch.setattr(blocks, "automatic_sides", partial(automatic_sides, pixels=900))
    monkeypatch.setattr(blocks, "_MEMORY", 0)  # a wide halo makes no larger ones
    found = verify(path, sample=5)
    assert (found.status, found.part) == (0, "5 of 18 blocks")
    assert found.comparison.pixels < 96 * 96 / 2
    assert verify(path, sample="all").status == 0
    if suffix == "zarr":
        labels = zarr.open_array(path / "0")
        labels[np.nonzero(np.asarray(labels[:]) == labels[:].max())[0][0]] = 0
        assert verify(path, sample="all").status == 1
    assert sorted(each.name for each in folder.iterdir()) == [
        "images",
        "large.npy",
        f"out.{suffix}",
    ]


def test_blocks_that_the_result_depends_on_are_made_again(folder, image):
    pixels, _ = squares(96)
    np.save(folder / "large.npy", pixels)
    source = files.read(folder / "large.npy")
    steps = [("watershed", {"seed_distance": "1 px"})]
    path = made(folder / "out.zarr", source, *steps, run_blocks=(32, 48))
    assert verify(path).status == 0
    assert verify(path, sample=2).part == "2 of 6 blocks"
    assert verify(path, sample=2).status == 0


def test_outputs_of_a_batch_are_made_again(batch_of, chain, folder):
    run_batch(batch_of(chain, "labels", "table", "polygons", "overview"))
    names = sorted(each.name for each in (folder / "out").glob("b-measure*"))
    assert len(names) == 4
    for name in names:
        found = verify(folder / "out" / name)
        assert found.status == 0, str(found)
    table = folder / "out" / "b-measure.csv"
    text = table.read_text()
    table.write_text(text.replace("1,", "7,", 1))
    found = verify(table)
    assert (found.comparison.differing, found.comparison.unit) == (1, "row")
    shutil.copy(folder / "images" / "a.tif", folder / "images" / "b.tif")
    assert verify(folder / "out" / "b-measure-overview.png").inputs


def test_other_versions_are_told_of(folder, image, monkeypatch):
    path = made(folder / "out.tif", image, *OBJECTS)
    monkeypatch.setattr(module, "version", lambda name: "0.0")
    found = verify(path)
    assert found.status == 0
    assert found.versions["numpy"] == (np.__version__, "0.0")


@pytest.mark.skipif(not TORCH, reason="it needs torch")
class TestOfNetworks:
    @pytest.fixture
    def model(self, monkeypatch, tmp_path):
        """A model of one's own, to be damaged."""
        from napari_tessera.deep.models.library import find_model

        from ..conftest import tiny_model

        own = find_model(tiny_model()).path
        monkeypatch.setenv("NAPARI_TESSERA_MODELS", str(tmp_path / "models"))
        return shutil.copytree(own, tmp_path / "models" / "bright")

    @pytest.fixture
    def path(self, folder, image, model):
        return made(folder / "out.tif", image, ("predict", {"model": "bright"}))

    def test_it_is_equal(self, path):
        found = verify(path)
        assert found.status == 0
        assert "torch" in KeptVersions.of(path)

    def test_a_model_that_is_gone(self, path, model):
        model.rename(model.with_name("elsewhere"))
        found = verify(path)
        assert found.status == 2
        assert "no such model" in found.problem

    def test_a_model_that_was_trained_again(self, path, model):
        config = json.loads((model / "config.json").read_text())
        config["weights"] = "0" * 64
        (model / "config.json").write_text(json.dumps(config))
        found = verify(path)
        assert found.status == 2
        assert "other weights" in found.problem

    def test_weights_that_were_exchanged(self, path, model):
        weights = model / "weights.safetensors"
        weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
        found = verify(path)
        assert found.status == 2
        assert "damaged or was exchanged" in found.problem


class KeptVersions:
    @staticmethod
    def of(path):
        return files.opened(path, files.Asked()).kept["recipe"]["versions"]


@pytest.mark.parametrize("sample", [0, -1, 2.5, "some"])
def test_a_sample_that_is_none_is_told(folder, image, sample):
    path = made(folder / "out.tif", image, *OBJECTS)
    assert "sample is" in verify(path, sample=sample).problem


@pytest.mark.parametrize(
    ("name", "reason"),
    [("none.tif", "none.tif"), ("text.tif", "text.tif"), ("plain.tif", "does not say how")],
)
def test_what_is_no_result_is_told(folder, name, reason):
    (folder / "text.tif").write_text("no image")
    shutil.copy(folder.joinpath(*PLACE), folder / "plain.tif")
    found = verify(folder / name)
    assert found.status == 2
    assert reason in found.problem


def test_it_can_be_stopped(folder):
    path = made(folder / "out.zarr", stack(folder), *OBJECTS)

    def stop(progress):
        raise Stop

    with pytest.raises(Stop):
        verify(path, report=stop)
    with pytest.raises(Stop):
        verify(path, sample=2, report=stop)


def test_nothing_is_left_behind_and_a_folder_that_is_read_only_is_no_hindrance(
    folder, image, monkeypatch
):
    path = made(folder / "out.tif", image, *OBJECTS)
    monkeypatch.setattr(module.os, "access", lambda *about: False)
    before = sorted(folder.rglob("*"))
    assert verify(path).status == 0
    assert sorted(folder.rglob("*")) == before


def test_an_image_of_several_in_a_file_is_found_by_its_number(folder):
    with tifffile.TiffWriter("several.tif") as file:
        file.write(IMAGES["a"], photometric="minisblack")
        file.write(IMAGES["c"], photometric="minisblack")
    second = files.read("several.tif", series=1)
    found = verify(made(folder / "out.tif", second, *OBJECTS))
    assert (found.equal, found.inputs) == (True, ())
    assert found.comparison.pixels == IMAGES["c"].size
    # which is not what the first one gives
    other = verify(folder / "out.tif", source=files.read("several.tif", series=0))
    assert other.equal is False


@pytest.mark.parametrize(("word", "suffix"), [("table", ".csv"), ("overview", ".png")])
def test_files_without_a_place_for_a_recipe_are_made_again_from_one_that_is_given(
    folder, chain, word, suffix
):
    chain.save("chain.json")
    batch = BatchRun.of(chain, [folder / "images" / "c.tif"], folder / f"own{suffix}", [word])
    assert run_batch(batch).files[0].reason == ""
    place, source = folder / f"own{suffix}", folder / "images" / "c.tif"
    nothing = verify(place)
    assert nothing.status == 2
    assert f"{suffix} has no place for that; give its recipe and its input" in nothing.problem
    assert verify(place, recipe="chain.json", source=source).status == 0
    assert verify(place, recipe=chain, source=folder / "images" / "a.tif").status == 1


def test_labels_without_a_recipe_are_compared_as_labels(folder, recipe):
    image = files.read(folder / "images" / "a.tif")
    np.save("own.npy", recipe.run(image).array)
    assert verify("own.npy", recipe=recipe, source=folder / "images" / "a.tif").equal
    assert "none.json" in verify("own.npy", recipe="none.json").problem
