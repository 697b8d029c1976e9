import os
from dataclasses import replace
from pathlib import Path

import pytest

from napari_tessera.algorithms import content_hash
from napari_tessera.batch.fingerprints import Fingerprint, recipe_hash


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "cells.tif"
    path.write_bytes(b"pixels")
    return path


def touched(path):
    os.utime(path, ns=(1, 1))


def test_a_file_that_was_not_touched_is_the_same(file):
    seen = Fingerprint.of(file)
    assert seen.fits(file)
    assert Fingerprint.from_dict(seen.to_dict()) == seen
    assert not seen.fits(file.with_name("gone.tif"))


def test_a_touched_file_is_the_same_if_its_contents_are(file):
    seen, known = Fingerprint.of(file), Fingerprint.of(file, contents=True)
    touched(file)
    assert known.fits(file)
    assert not seen.fits(file)
    file.write_bytes(b"others")
    touched(file)
    assert not known.fits(file)


@pytest.mark.parametrize("change", ["add", "remove", "rename", "write"])
def test_a_folder_is_known_by_all_its_files(tmp_path, change):
    folder = tmp_path / "cells.zarr"
    (folder / "0").mkdir(parents=True)
    for name in ("zarr.json", "0/c"):
        (folder / name).write_bytes(b"ab")
    known = Fingerprint.of(folder, contents=True)
    touched(folder / "0" / "c")
    assert known.fits(folder)
    changes = {
        "add": lambda: (folder / "1").write_bytes(b""),
        "remove": (folder / "0" / "c").unlink,
        "rename": lambda: (folder / "0" / "c").rename(folder / "0" / "d"),
        "write": lambda: (folder / "0" / "c").write_bytes(b"cd"),
    }
    changes[change]()
    touched(folder / "zarr.json")
    assert not known.fits(folder)


def test_of_a_large_store_a_sample_is_hashed_and_an_older_hash_of_all_still_fits(
    tmp_path, monkeypatch
):
    folder = tmp_path / "cells.zarr"
    folder.mkdir()
    (folder / "0").write_bytes(bytes(range(16)) * 4)
    whole = Fingerprint.of(folder, contents=True)
    assert not whole.sampled
    for name, value in (("MOST", 32), ("PIECE", 4), ("SAMPLES", 4)):
        monkeypatch.setattr(content_hash, name, value)
    known = Fingerprint.of(folder, contents=True)
    assert known.sampled
    assert known.sha256 != whole.sha256
    assert Fingerprint.from_dict(known.to_dict()) == known
    touched(folder / "0")
    assert known.fits(folder)
    assert whole.fits(folder)
    (folder / "0").write_bytes(bytes(16) * 4)
    touched(folder / "0")
    assert not known.fits(folder)
    assert not whole.fits(folder)


def test_a_recipe_is_known_by_what_it_does(recipe, chain):
    moved = replace(recipe, source={"name": "other"}, versions={}, found={"level": [3.0]})
    assert recipe_hash(moved) == recipe_hash(recipe)
    other = replace(recipe, parameters={**recipe.parameters, "connectivity": "faces"})
    assert recipe_hash(other) != recipe_hash(recipe)
    deeper = replace(chain, before=replace(other, before=None).to_dict())
    assert recipe_hash(deeper) != recipe_hash(replace(chain, before=recipe.to_dict()))


def test_a_hash_is_the_same_in_the_next_run(recipe, tmp_path):
    recipe.save(tmp_path / "r.json")
    assert recipe_hash(type(recipe).load(Path(tmp_path / "r.json"))) == recipe_hash(recipe)
