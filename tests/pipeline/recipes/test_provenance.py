import hashlib
from dataclasses import replace

import numpy as np
import pytest
import zarr

from napari_tessera import METHODS, Recipe, files
from napari_tessera.pipeline.recipes import provenance
from napari_tessera.pipeline.recipes.provenance import InputHash, with_blocks, with_inputs
from napari_tessera.pipeline.source import Source

IMAGE = np.arange(120, dtype=np.uint8).reshape(10, 12)


def zarr_of(path, array=IMAGE, **options):
    options = {"chunks": (4, 6), **options}
    made = zarr.create_array(path, shape=array.shape, dtype=array.dtype, **options)
    made[:] = array
    return made


def test_a_file_is_known_by_its_bytes(tmp_path):
    np.save(tmp_path / "a.npy", IMAGE)
    source = files.read(tmp_path / "a.npy")
    found = InputHash.of_source(source)
    assert found.of == "file"
    assert found.content.sha256 == hashlib.sha256((tmp_path / "a.npy").read_bytes()).hexdigest()
    assert found.fits(source)
    np.save(tmp_path / "a.npy", IMAGE + 1)
    assert not found.fits(source)
    (tmp_path / "a.npy").unlink()
    assert not found.fits(source)


@pytest.mark.parametrize("options", [{}, {"shards": (8, 12)}, {"zarr_format": 2}])
def test_a_zarr_is_known_by_the_chunks_of_its_full_size(tmp_path, options):
    made = zarr_of(tmp_path / "a.zarr", **options)
    source = files.read(tmp_path / "a.zarr")
    found = InputHash.of_source(source)
    assert found.of == "chunks"
    (tmp_path / "a.zarr" / "note.txt").write_text("of somebody else")
    made.attrs["note"] = "does not count"
    assert found.fits(files.read(tmp_path / "a.zarr"))
    made[9, 11] = 0
    assert not found.fits(source)
    made[9, 11] = IMAGE[9, 11]
    assert found.fits(source)
    made[0:4, 0:6] = 0  # a chunk of nothing but zeros is no file
    assert not found.fits(source)


def test_chunks_in_another_place_are_others(tmp_path):
    array = np.zeros((8, 6), np.uint8)
    array[:4] = 1
    found = InputHash.of_source(Source.of(zarr_of(tmp_path / "a.zarr", array)))
    assert not found.fits(Source.of(zarr_of(tmp_path / "b.zarr", array[::-1])))


def test_of_very_many_chunks_some_are_left_out(tmp_path, monkeypatch):
    made = zarr_of(tmp_path / "a.zarr")
    monkeypatch.setattr(provenance, "_MOST_FILES", 3)
    found = InputHash.of_source(Source.of(made))
    assert found.to_dict()["hashed"] == "chunks, a sample"
    assert found.fits(Source.of(made))


def test_an_array_is_known_by_its_values(tmp_path):
    found = InputHash.of_source(Source.of(IMAGE))
    assert found.of == "pixels"
    np.save(tmp_path / "a.npy", IMAGE)
    assert found.fits(files.read(tmp_path / "a.npy"))
    assert not found.fits(Source.of(IMAGE[::-1]))
    assert not InputHash.of_source(files.read(tmp_path / "a.npy")).fits(Source.of(IMAGE))


def test_it_is_kept_in_recipes_as_data(tmp_path):
    zarr_of(tmp_path / "a.zarr")
    for source in (Source.of(IMAGE), files.read(tmp_path / "a.zarr")):
        found = InputHash.of_source(source)
        sampled = replace(found, content=replace(found.content, sampled=True))
        for each in (found, sampled):
            assert InputHash.from_dict(each.to_dict()) == each
    assert InputHash.from_dict({"name": "a"}) is None


def chain(name="a.tif"):
    image = Source.of(IMAGE, name=name)
    bright = Recipe.of(METHODS["threshold"], image, {})
    label = Recipe.of(METHODS["label"], image, {}, before=bright.to_dict())
    return Recipe.of(METHODS["measure"], image, {"image": image}, before=label.to_dict())


def test_a_recipe_keeps_the_hash_of_what_its_first_step_reads():
    image = Source.of(IMAGE, name="a.tif")
    recipe = with_inputs(chain(), image)
    known = InputHash.of_source(image).to_dict()
    first, second, last = recipe.steps
    assert known.items() <= first.source.items()
    assert "sha256" not in second.source
    assert known.items() <= last.inputs["image"].items()  # the image that all began with
    assert Recipe.from_dict(recipe.to_dict()) == recipe
    assert with_inputs(recipe, Source.of(IMAGE[::-1], name="a.tif")) == recipe


def test_and_of_another_image_that_it_measures_in():
    other = Source.of(IMAGE[::-1], name="b.tif")
    recipe = Recipe.of(METHODS["measure"], Source.of(IMAGE), {"image": other})
    found = with_inputs(recipe, Source.of(IMAGE), image=other)
    assert InputHash.from_dict(found.inputs["image"]) == InputHash.of_source(other)
    assert "sha256" not in with_inputs(recipe, Source.of(IMAGE)).inputs["image"]


def test_a_replay_in_other_blocks_keeps_those(tmp_path):
    image = Source.of(np.random.default_rng(0).random((60, 60)), name="a")
    method = {"seed_distance": "1 px", "smoothing": "0 px"}
    recipe = Recipe.of(METHODS["watershed"], image, method)
    assert recipe.blocks is None
    result = recipe.run(image, blocks=(20, 30))
    assert with_blocks(recipe, result).blocks == [20, 30]
    files.write(tmp_path / "a.tif", result, image, recipe)
    kept = Recipe.from_dict(files.opened(tmp_path / "a.tif", files.Asked()).kept["recipe"])
    assert kept.blocks == [20, 30]
    assert with_blocks(kept, recipe.run(image)).blocks is None


def test_steps_of_a_chain_keep_the_blocks_of_each():
    image = Source.of(np.random.default_rng(0).random((60, 60)), name="a")
    first = Recipe.of(METHODS["watershed"], image, {"seed_distance": "1 px"})
    recipe = Recipe.of(METHODS["expand"], image, {"distance": "2 px"}, before=first.to_dict())
    result = recipe.run(image, blocks=(20, 30))
    found = with_blocks(recipe, result)
    assert [step.blocks for step in found.steps] == [[20, 30], None]  # expand gives the same
