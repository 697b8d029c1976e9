from dataclasses import replace

import numpy as np
import pytest

from napari_tessera import METHODS, Recipe, StepResult, files, step
from napari_tessera.pipeline.recipes.export import command, console, script
from napari_tessera.pipeline.result import ImageResult
from napari_tessera.pipeline.source import Points, Source
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.words import VoxelSize


@pytest.fixture
def source():
    image = np.arange(4 * 16 * 18).reshape(4, 16, 18) % 251
    spacing = VoxelSize((2, 0.5, 0.5), "um")
    found = Source.of(image, spacing=spacing, axes=("z", "y", "x"), name="stack.tif")
    return replace(found, path="my stack.tif")


@pytest.fixture
def recipe(source):
    """A chain of two steps."""
    first = Recipe.of(METHODS["threshold"], source, {"smoothing": "1 um"}, Walk("planes"))
    return replace(Recipe.of(METHODS["smooth"], source, {}), before=first.to_dict())


def test_the_console_uses_the_layers_of_the_viewer(recipe):
    text = console(recipe)
    first, second = text.split("layer = apply(\n")[1:]
    assert text.startswith("from napari_tessera import apply\n\nlayer = apply(")
    assert first.startswith("    viewer.layers['stack.tif'],\n    'threshold',\n")
    assert "    smoothing='1 um',\n" in first
    assert "    over='planes',\n" in first
    assert second.startswith("    layer,\n    'smooth',\n")
    compile(text, "console", "exec")


def test_what_was_clicked_is_unpacked(source):
    points = Points(np.array([[0, 3.0, 4.0]]))
    text = console(Recipe.of(METHODS["watershed"], source, {"markers": points}))
    assert "from napari_tessera.pipeline.recipes.data import unpack\n" in text
    assert "[0.0, 3.0, 4.0]" in text
    compile(text, "console", "exec")


def test_a_script_names_the_files_and_the_size_of_pixels(recipe):
    text = script(recipe)
    assert text.startswith("from napari_tessera import Recipe, VoxelSize, files\n")
    assert "    'my stack.tif',\n    spacing=VoxelSize((2.0, 0.5, 0.5), 'um'),\n" in text
    assert "files.write('my stack-threshold-smooth.tif', result, source, recipe)" in text
    compile(text, "script", "exec")


def test_a_chain_is_a_chain_of_commands(recipe):
    first, second = command(recipe).split(" && ")
    assert first.startswith(
        "napari-tessera threshold 'my stack.tif' --output 'my stack-threshold.tif'"
    )
    assert "--smoothing '1 um'" in first
    assert "--planes" in first
    assert second.startswith("napari-tessera smooth 'my stack-threshold.tif'")
    assert second.endswith("--spacing '2.0 0.5 0.5 um'")


def test_numbers_below_zero_are_no_options(source):
    recipe = Recipe.of(METHODS["threshold"], source, {"method": "gaussian", "offset": -3.0})
    assert "--offset=-3.0" in command(recipe).split()


def test_several_layers_have_no_file(source):
    recipe = Recipe.of(METHODS["label"], replace(source, parts=("a", "b")), {})
    assert "[viewer.layers['a'], viewer.layers['b']]" in console(recipe)
    for form in (command, script):
        with pytest.raises(ValueError, match="channels came from several layers"):
            form(recipe)


def test_arrays_too_large_for_a_command_are_refused(rng, source):
    noise = rng.integers(0, 255, (60, 60, 60)).astype(np.uint8)
    recipe = Recipe.of(METHODS["watershed"], source, {"markers": noise})
    with pytest.raises(ValueError, match="too large for a command line; save the recipe"):
        command(recipe)


@pytest.mark.parametrize("windows", [True, False])
def test_names_that_begin_with_a_hyphen_are_no_options(source, windows):
    own = replace(source, path="-stack.tif")
    values = {"image": replace(own, path="-image.tif")}
    words = command(Recipe.of(METHODS["measure"], own, values), windows=windows).split()
    assert words[2:5] == ["./-stack.tif", "--output", "./-stack-measure.csv"]
    assert words[words.index("--image") + 1] == "./-image.tif"


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("my stack.tif", '"my stack.tif"'),
        ("it's.tif", "it's.tif"),
        ("a&b.tif", '"a&b.tif"'),
        ("C:\\a(1)\\b.tif", '"C:\\a(1)\\b.tif"'),
        ("a(1)\\", '"a(1)\\\\"'),
    ],
)
def test_words_are_quoted_for_windows(source, name, quoted):
    words = command(Recipe.of(METHODS["label"], replace(source, path=name), {}), windows=True)
    assert words.startswith(f"napari-tessera label {quoted} --output ")
    assert words.endswith('--spacing "2.0 0.5 0.5 um"')


def test_json_survives_the_quotes_of_windows(source):
    points = Points(np.array([[0, 3.0, 4.0]]))
    words = command(Recipe.of(METHODS["watershed"], source, {"markers": points}), windows=True)
    assert r'"{\"points\":[[0.0,3.0,4.0]]' in words


CODE = "x=None)\nimport os; os.abort()\nlayer = dict(y"


def test_names_are_never_code(source):
    recipe = Recipe.of(METHODS["measure"], source, {"image": source})
    evil = replace(recipe, inputs={CODE: {"name": CODE, "path": None}}, parameters={})
    for text in (console(evil), script(evil)):
        assert repr(CODE) in text
        assert "\nimport os" not in text
        compile(text, "text", "exec")
    with pytest.raises(ValueError, match="inputs has 'x=None.*, but measure takes image"):
        Recipe.from_dict(evil.to_dict())
    with pytest.raises(ValueError, match="characters that cannot be typed"):
        command(evil)


def test_files_are_no_options(source):
    recipe = Recipe.of(METHODS["label"], replace(source, path="--overwrite"), {})
    assert command(recipe).startswith("napari-tessera label ./--overwrite --output ./--overwrite-")
    assert "'./--overwrite'" in script(recipe)


def test_a_recipe_that_knows_nothing_of_its_image_is_written_too():
    recipe = Recipe("label", {})
    assert "viewer.layers['image']" in console(recipe)
    assert "'image.tif'" in script(recipe)
    assert "napari-tessera label image.tif" in command(recipe)


def test_branches_are_written_beside_the_labels():
    recipe = Recipe.chain(
        step("threshold"), step("label"), step("contours"), step("measure", image="image")
    )
    text = script(recipe)
    assert "results = recipe.run_steps(source)\n" in text
    for number, name in ((1, "label.tif"), (2, "label-contours.geojson"), (3, "label-measure.csv")):
        line = f"'image-threshold-{name}', results[{number}], source, recipe.up_to({number}))"
        assert line in text
    polygons = console(recipe).split("polygons = apply(\n    layer,\n    'contours'")[1]
    assert "layer = apply(\n    layer,\n    'measure'" in polygons
    words = command(recipe).split(" && ")[2:]
    assert all(each.split()[2] == "image-threshold-label.tif" for each in words)


def test_earlier_results_are_layers_arguments_and_files():
    masked = Recipe.chain(
        step("threshold", method="manual", levels=(4.0,)),
        step("watershed", image="image", mask=StepResult(0)),
        step("measure", image="image"),
    )
    text = console(masked)
    compile(text, "console", "exec")
    assert text.index("step_0 = apply(\n    viewer.layers['image'],\n    'threshold'") > 0
    assert "layer = apply(\n    viewer.layers['image'],\n    'watershed'" in text
    assert "    mask=step_0,\n" in text
    assert "layer = apply(\n    layer,\n    'measure'" in text
    own = script(masked)
    compile(own, "script", "exec")
    assert "'step': 0" in own
    assert "recipe.run_steps(source)" in own  # none of them is a file of its own
    first, second, third = command(masked).split(" && ")
    assert "threshold image.tif --output image-threshold.tif" in first
    assert "watershed image.tif --output image-watershed.tif" in second
    assert second.endswith("--mask image-threshold.tif")
    assert "measure image-watershed.tif --output image-watershed-measure.csv" in third


def test_a_script_of_earlier_results_runs(tmp_path, monkeypatch):
    masked = Recipe.chain(
        step("threshold", method="manual", levels=(4.0,)),
        step("threshold", image="image", mask=StepResult(0), method="manual", levels=(8.0,)),
    )
    monkeypatch.chdir(tmp_path)
    files.write("image.tif", *_as_image(np.arange(80, dtype=np.uint8).reshape(8, 10) % 12))
    exec(compile(script(masked), "script", "exec"), {})
    found = files.read("image-threshold-2.tif", labels=True).whole
    assert found.max() == 1
    # two of one method on one file do not write over one another
    assert command(masked).count("--output image-threshold.tif") == 1
    assert command(masked).count("--output image-threshold-2.tif") == 1


def _as_image(array):
    return ImageResult(array), Source.of(array)
