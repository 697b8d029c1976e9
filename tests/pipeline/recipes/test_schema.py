import json
from pathlib import Path

import numpy as np
import pytest

from napari_tessera import METHODS, Recipe
from napari_tessera.pipeline.recipes.data import pack, pack_region
from napari_tessera.pipeline.recipes.schema import SCHEMA, checked_steps
from napari_tessera.pipeline.source import Points, Region, Source
from napari_tessera.pipeline.walk import Walk

from ...damage import damaged, deep_texts

KEPT = sorted((Path(__file__).parents[2] / "kept").glob("*/recipes/*.json"))


def whole():
    """Return a recipe with everything that one can have, as data."""
    source = Source.of(np.zeros((4, 16, 18)), name="stack.tif")
    first = Recipe.of(METHODS["threshold"], source, {"levels": (3.0, 5.0), "method": "hysteresis"})
    region = Region((1, 0, 2), (3, 16, 16), np.ones((16, 14), bool))
    points = Points(np.array([[0.0, 3.0, 4.0], [1, 2, 3]]), np.array([1, 2]))
    values = {"markers": points, "mask": np.ones((4, 16, 18), bool)}
    last = Recipe.of(METHODS["watershed"], source, values, Walk(region=region)).to_dict()
    last["inputs"]["image"] = pack(source)
    path = {"path": ((0, 1, 2), (0, 1, 3)), "how": "line"}
    middle = Recipe.of(METHODS["merge"], source, path, before=first.to_dict())
    del last["inputs"]["image"]
    return json.loads(json.dumps(last | {"before": middle.to_dict()}))


def test_every_damage_is_named_with_its_place_or_is_a_recipe_still():
    good = 0
    for place, what, data in damaged(whole()):
        try:
            recipe = Recipe.from_dict(data, "r.json")
        except ValueError as error:
            assert str(error).startswith("r.json"), (place, what)
            assert str(error).isprintable()
            continue
        good += 1
        for text in (recipe.as_python(), recipe.as_python("file")):
            compile(text.replace("\ud800", ""), "text", "exec")
        assert Recipe.from_dict(recipe.to_dict()) == recipe
    assert good > 100


@pytest.mark.parametrize("path", KEPT[::9], ids=lambda path: path.stem)
def test_what_versions_wrote_is_right(path):
    data = json.loads(path.read_text())
    assert checked_steps(data, path.name) == [data]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"parameters": {"levels": [1, [2]]}}, r"levels\[1\] is \[2\]; a number is wanted"),
        ({"parameters": {"classes": 2.5}}, "parameters.classes is 2.5; a whole number is wanted"),
        ({"parameters": {"classes": 99}}, "parameters: classes is 99; it must be from 2 to 6"),
        ({"parameters": {"smoothing": "1 mile"}}, "parameters: smoothing is '1 mile'; write"),
        ({"parameters": {"colour": 1}}, "parameters has 'colour', but threshold takes method, "),
        ({"inputs": {"markers": {}}}, "inputs has 'markers', but threshold takes mask"),
        ({"inputs": {"mask": {"name": 3}}}, "inputs.mask.name is 3; a text is wanted"),
        ({"inputs": {"mask": {"points": [[1, 2], [3]]}}}, r"have \[1, 2\] coordinates"),
        ({"inputs": {"mask": {"points": [[1]], "ids": []}}}, "has 0 ids for 1 points"),
        ({"only": [0]}, "only has 0; labels from 1 are wanted"),
        ({"over": "rows"}, "over is 'rows'; 'planes' or 'volume' or null is wanted"),
        ({"region": {"start": [0], "stop": [0, 1]}}, "region goes from"),
        ({"region": {"start": [2], "stop": [1]}}, "region goes from"),
        ({"schema": SCHEMA + 1}, "update napari-tessera"),
        ({"script": ""}, "has unknown 'script'"),
    ],
)
def test_messages_say_where_and_what_is_wanted(change, message):
    data = {"method": "threshold", "parameters": {}} | change
    with pytest.raises(ValueError, match=rf"^cells\.json.*{message}"):
        Recipe.from_dict(data, "cells.json")


def test_steps_are_numbered_from_the_image():
    data = whole()
    data["before"]["before"]["parameters"]["classes"] = [1, 2]
    message = r"r\.json: steps\[0\]\.parameters\.classes is \[1, 2\]; a whole number is wanted"
    with pytest.raises(ValueError, match=message):
        Recipe.from_dict(data, "r.json")


def test_files_that_are_no_recipes_are_named(tmp_path):
    path = tmp_path / "r.json"
    for text in ("", "{", "[]", "null", *deep_texts(json.dumps(whole()))):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"r\.json"):
            Recipe.load(path)
    path.write_bytes(b"\xff\xfe{")
    with pytest.raises(ValueError, match=r"r\.json' is no text in UTF-8 \(byte 0 is 0xff\)"):
        Recipe.load(path)
    path.write_text("\ufeff" + json.dumps(whole()), encoding="utf-8")
    assert Recipe.load(path).to_dict() == whole()


def test_many_steps_are_read():
    data = {"method": "label", "parameters": {}}
    for _ in range(600):
        data = {**data, "before": data}
    recipe = Recipe.from_dict(json.loads(json.dumps(data)))
    assert len(recipe.steps) == 601
    assert len(Recipe.from_dict(recipe.to_dict()).steps) == 601


def test_regions_come_back():
    region = Region((1, 0), (3, 4), np.eye(2, 4) > 0)
    data = {"method": "label", "parameters": {}, "region": pack_region(region)}
    found = Recipe.from_dict(json.loads(json.dumps(data))).walk.region
    assert (found.start, found.stop) == ((1, 0), (3, 4))
    np.testing.assert_array_equal(found.mask, region.mask)
    data["region"]["mask"]["shape"] = [4, 2]
    with pytest.raises(
        ValueError, match=r"region\.mask has shape \[4, 2\], but the box has \[2, 4"
    ):
        Recipe.from_dict(data)
