"""Keep files that this version writes, for `test_kept_files.py` of all later ones.

``pytest tests/kept/write.py`` makes a folder named after the version; one that is there stays as
it is. What a version has once written has to load for ever.
"""

import shutil
from pathlib import Path

import numpy as np

from napari_tessera import METHODS, Recipe, __version__
from napari_tessera.deep.models.library import models_folder
from napari_tessera.io import files
from napari_tessera.pipeline.run import run

from ..pipeline.recipes import test_recipe

source = test_recipe.source

LARGEST = 300_000
"""Bytes; of a model with larger weights only the rest is kept."""


def test_write(source):
    folder = Path(__file__).parent / __version__
    folder.mkdir()
    (folder / "recipes").mkdir()
    np.savez_compressed(folder / "stack.npz", stack=source.array)
    for name, method in METHODS.items():
        values = test_recipe.values_of(name, source)
        recipe, result = Recipe.of(method, source, values), run(name, source, values)
        recipe.save(folder / "recipes" / f"{name}.json")
        np.savez_compressed(folder / "recipes" / f"{name}.npz", **parts(result))
        if name == "watershed":
            files.write(folder / "labels.tif", result, source, recipe)
    for model in models_folder().iterdir():
        large = [file.name for file in model.iterdir() if file.stat().st_size > LARGEST]
        left_out = shutil.ignore_patterns("resume*", *large)
        shutil.copytree(model, folder / "models" / model.name, ignore=left_out)


def parts(result):
    """Return the arrays of a result by name."""
    found = {f"table {name}": column for name, column in (result.table or {}).items()}
    if lines := getattr(result, "polygons", []):
        found["vertices"] = np.concatenate(lines)
        found["ends"] = np.cumsum([len(line) for line in lines])
    return found if result.array is None else {**found, "array": result.array}
