import json
import signal
import subprocess
import sys
from pathlib import Path

import fsspec
import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image
from skimage import data

from napari_tessera import METHODS, Recipe, measure, threshold, watershed
from napari_tessera.cli.app import app, main
from napari_tessera.io import files
from napari_tessera.io.formats import Asked
from napari_tessera.io.imagej_rois import read_rois
from napari_tessera.pipeline.blockwise import joined_objects
from napari_tessera.pipeline.blockwise.seams import Seams
from napari_tessera.pipeline.result import ImageResult
from napari_tessera.pipeline.source import Source

from ..conftest import TORCH, squares


def call(*words):
    said = [str(word) for word in words]
    return app(said[0])(said, result_action="return_value")


@pytest.fixture
def coins(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("coins.tif", data.coins())
    return tmp_path


def test_the_package_is_a_command():
    words = [sys.executable, "-m", "napari_tessera.__main__", "list"]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert "region-growing" in said


def test_a_method_runs_on_a_file(coins, capsys):
    assert call("watershed", "coins.tif", "--output", "out.tif", "--smoothing", "3 px") == 0
    expected = watershed(data.coins(), smoothing="3 px")
    np.testing.assert_array_equal(files.read("out.tif").array[:], expected)
    assert f"{expected.max()} objects" in capsys.readouterr().out


def test_markers_come_from_a_table_of_points(coins):
    (coins / "points.csv").write_text("index,axis-0,axis-1\n0,60,40\n1,250,200\n")
    status = call(
        "watershed",
        "coins.tif",
        "--output",
        "o.tif",
        "--markers",
        "points.csv",
        "--foreground",
        "all",
        "--landscape",
        "gradient",
    )
    assert status == 0
    assert np.unique(files.read("o.tif").array[:]).tolist() == [1, 2]


def test_a_bad_file_does_not_stop_the_others(coins, capsys):
    (coins / "bad.tif").write_text("no image")
    assert call("threshold", "bad.tif", "coins.tif", "gone.tif", "--output", "folder") == 1
    assert (coins / "folder" / "coins-threshold.tif").exists()
    errors = capsys.readouterr().err
    assert "bad.tif: " in errors
    assert "gone.tif: there is no file" in errors


def test_nothing_is_overwritten_unasked(coins, capsys):
    assert call("threshold", "coins.tif", "--output", "o.tif") == 0
    assert call("threshold", "coins.tif", "--output", "o.tif") == 1
    assert "exists already" in capsys.readouterr().err
    assert call("threshold", "coins.tif", "--output", "o.tif", "--overwrite") == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--smoothing", "x"), "smoothing is 'x'"),
        (("--classes", "9"), "classes is 9"),
        (("--spacing", "0 um"), "spacing is '0 um'"),
        (("--spacing", "1 1 bananas"), "spacing is '1 1 bananas'"),
        (("--region", "nonsense"), "region is 'nonsense'"),
        (("--smoothing", "nan"), "smoothing is 'nan'"),
        (("--channels", "2.5"), "channels is '2.5'"),
        (("--method", "manual", "--levels", "nan"), "levels is [nan]"),
        (("--mask", "none.tif"), "there is no file"),
    ],
)
def test_a_wrong_option_ends_it_before_any_file(coins, capsys, words, message):
    assert call("threshold", "coins.tif", "--output", "o.tif", *words) == 2
    assert message in capsys.readouterr().err


def test_several_inputs_need_a_folder(coins, capsys):
    assert call("threshold", "coins.tif", "coins.tif", "--output", "o.tif") == 2
    assert "give a folder" in capsys.readouterr().err


def test_several_levels_behind_one_option(coins):
    words = ("--method", "manual", "--levels", "100", "150")
    assert call("threshold", "coins.tif", "--output", "new/o.tif", *words) == 0
    expected = (data.coins() > 100).astype(int) + (data.coins() > 150)
    np.testing.assert_array_equal(files.read("new/o.tif").array[:], expected)


def test_a_pixel_size_may_be_written_in_many_ways(coins):
    for text in ("2E-3 5E-4 mm", "2 0.5 um", "2, .5 µm"):
        call("label", "coins.tif", "--output", "o.tif", "--spacing", text, "--overwrite")
        spacing = files.read("o.tif").spacing
        scale = 1000 if spacing.unit == "mm" else 1
        assert [size * scale for size in spacing] == pytest.approx([2, 0.5])


def test_inputs_of_one_name_are_refused(coins, capsys):
    for name in ("a", "b"):
        (coins / name).mkdir()
        tifffile.imwrite(coins / name / "i.tif", data.coins())
    assert call("threshold", "a/i.tif", "b/i.tif", "--output", "out") == 2
    assert "several inputs would be written to" in capsys.readouterr().err


def test_a_missing_recipe_is_named(coins, capsys):
    assert call("replay", "gone.json", "coins.tif", "--output", "o.tif") == 2
    assert "gone.json" in capsys.readouterr().err


def test_blocks_give_what_the_whole_gives(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    coins = data.coins()[:120, :200]
    tifffile.imwrite("coins.tif", coins)
    assert call("threshold", "coins.tif", "--output", "whole.zarr") == 0
    assert call("threshold", "coins.tif", "--output", "b.zarr", "--blocks", "50,64") == 0
    assert call("label", "b.zarr", "--output", "objects.zarr", "--blocks", "33") == 0
    assert call("label", "whole.zarr", "--output", "objects.tif") == 0
    expected = files.read("objects.tif", labels=True).whole
    written = files.read("objects.zarr", labels=True)
    np.testing.assert_array_equal(written.whole, expected)
    assert written.array.chunks == (33, 33)
    recipe = Recipe.from_dict(zarr.open_group("objects.zarr").attrs["napari-tessera"]["recipe"])
    recipe.save("recipe.json")
    for blocks, target in (("whole", "w.npy"), ("40", "b.npy"), ("auto", "a.zarr")):
        assert call("replay", "recipe.json", "b.zarr", "--output", target, "--blocks", blocks) == 0
        np.testing.assert_array_equal(files.read(target, labels=True).whole, expected)
    assert call("skeleton", "b.zarr", "--output", "f.zarr", "--blocks", "50") == 1
    assert "it needs each object as a whole" in capsys.readouterr().err
    for command in (("label",), ("replay", "recipe.json")):
        assert call(*command, "b.zarr", "--output", "f.zarr", "--blocks", "0") == 2
        assert "blocks is '0'; write sides in pixels" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("threshold",), ("replay", "recipe.json")])
def test_urls_are_read_and_written(words, coins, capsys):
    image, bucket = data.coins(), "memory://coins"
    files.write(f"{bucket}/coins.zarr", ImageResult(image), Source.of(image))
    Recipe("threshold", {}).save("recipe.json")
    try:
        target = f"{bucket}/o.zarr"
        assert call(*words, f"{bucket}/coins.zarr", "--output", target, "--blocks", "100") == 0
        assert f"{bucket}/coins.zarr: 1 class" in capsys.readouterr().out
        np.testing.assert_array_equal(files.read(target).whole, threshold(image))
    finally:
        fsspec.filesystem("memory").rm("/coins", recursive=True)


@pytest.fixture(scope="module")
def scheduler():
    """Give the address of a scheduler with a worker in this process."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, protocol="tcp", dashboard_address=":0"
    ) as cluster:
        yield cluster.scheduler_address


@pytest.mark.parametrize("words", [("threshold",), ("replay", "recipe.json")])
def test_a_scheduler_gives_what_this_process_gives(words, coins, scheduler, capsys):
    Recipe("threshold", {}).save("recipe.json")
    for blocks in (["--blocks", "100"], []):
        command = (*words, "coins.tif", "--output", "o.zarr", "--scheduler", scheduler, *blocks)
        assert call(*command, "--overwrite") == 0
        assert "coins.tif: 1 class" in capsys.readouterr().out
        np.testing.assert_array_equal(files.read("o.zarr").whole, threshold(data.coins()))
    assert call(*words, "coins.tif", "--output", "folder", "--scheduler", scheduler) == 0
    assert (coins / "folder" / "coins-threshold.zarr").is_dir()


@pytest.mark.parametrize("words", [("threshold",), ("replay", "recipe.json")])
def test_what_is_wrong_with_a_scheduler_is_told(words, coins, scheduler, capsys):
    Recipe("threshold", {}).save("recipe.json")
    assert call(*words, "coins.tif", "--output", "o.zarr", "--scheduler", "10.0.0.1") == 2
    assert "scheduler is '10.0.0.1', which is no address" in capsys.readouterr().err
    assert call(*words, "coins.tif", "--output", "o.tif", "--scheduler", scheduler) == 1
    assert "write to an OME-Zarr, such as cells.zarr" in capsys.readouterr().err
    assert not (coins / "o.tif").exists()


def test_objects_that_blocks_may_have_cut_are_named(coins, capsys, monkeypatch):
    monkeypatch.setattr(joined_objects, "seams_of", lambda labels, sides, workers: Seams(9, (4, 6)))
    assert call("watershed", "coins.tif", "--output", "w.zarr", "--blocks", "200") == 0
    said = "coins.tif: 2 of 9 objects at borders of blocks end there in a straight line: 4, 6"
    assert f"{said}; the labels' file lists them all" in capsys.readouterr().err
    kept = zarr.open_group("w.zarr").attrs["napari-tessera"]["seams"]
    assert kept == {"touching": 9, "straight": [4, 6]}
    recipe = Recipe.from_dict(zarr.open_group("w.zarr").attrs["napari-tessera"]["recipe"])
    recipe.save("recipe.json")
    assert call("replay", "recipe.json", "coins.tif", "--output", "r.zarr") == 0
    assert said in capsys.readouterr().err


def test_planes_and_volumes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    coins = data.coins()[:40, :40].astype(np.uint16)
    stack = np.stack([coins * 2, coins])
    np.save("stack.npy", stack)
    call("threshold", "stack.npy", "--output", "p.npy", "--planes")
    call("threshold", "stack.npy", "--output", "v.npy", "--volume")
    planes, volume = np.load("p.npy"), np.load("v.npy")
    np.testing.assert_array_equal(planes[0], planes[1])
    assert not np.array_equal(volume[0], volume[1])


def test_a_saved_recipe_is_replayed(coins):
    from napari_tessera.pipeline.source import Source

    source = Source.of(data.coins())
    recipe = Recipe.of(METHODS["threshold"], source, {"method": "li"})
    recipe.save("r.json")
    assert call("replay", "r.json", "coins.tif", "--output", "o.tif") == 0
    np.testing.assert_array_equal(files.read("o.tif").array[:], recipe.run(source).array)


def test_a_command_on_several_files_is_a_batch(coins, capsys):
    Path("images").mkdir()
    for name, image in (("top", data.coins()[:150]), ("bottom", data.coins()[150:])):
        tifffile.imwrite(f"images/{name}.tif", image)
    words = ("label", "images/*.tif", "--output", "out", "--write", "labels", "table")
    assert call(*words) == 0
    assert "2 files: 2 done, " in capsys.readouterr().out
    assert {path.name for path in Path("out").iterdir()} == {
        "batch.jsonl", "label.csv", "bottom-label.csv", "bottom-label.tif", "top-label.csv",
        "top-label.tif",
    }  # fmt: skip
    stamp = Path("out/top-label.tif").stat().st_mtime_ns
    Path("out/bottom-label.tif").unlink()
    assert call(*words) == 0
    assert "2 files: 1 done, 1 there already" in capsys.readouterr().out
    assert Path("out/top-label.tif").stat().st_mtime_ns == stamp
    for changed in (("--connectivity", "faces"), ("--spacing", "2 2 um"), ("--planes",)):
        assert call(*words, *changed) == 1
        assert "made with another recipe; choose another place" in capsys.readouterr().err
        assert call(*words, *changed, "--overwrite") == 0
        assert "2 files: 2 done, " in capsys.readouterr().out


def test_each_file_is_walked_as_its_axes_say(coins):
    block = np.zeros((3, 9, 9), np.uint8)
    block[:, 2:5, 2:5] = 1
    for axes in ("TYX", "ZYX"):
        tifffile.imwrite(f"{axes}.ome.tif", block, metadata={"axes": axes})
    assert call("label", "TYX.ome.tif", "ZYX.ome.tif", "--output", "out") == 0
    counts = {axes: files.read(f"out/{axes}-label.tif").whole.max() for axes in ("TYX", "ZYX")}
    assert counts == {"TYX": 3, "ZYX": 1}
    recipes = [
        files.opened(Path(f"out/{axes}-label.tif"), Asked()).kept["recipe"] for axes in counts
    ]
    assert [each["over"] for each in recipes] == ["planes", "volume"]


def test_the_format_of_results_in_a_folder_can_be_chosen(coins, capsys):
    tifffile.imwrite("other.tif", data.coins()[:99])
    words = ("threshold", "coins.tif", "other.tif", "--output", "out")
    for suffix in ("zarr", ".npy", "png"):
        assert call(*words, "--format", suffix) == 0
    assert call(*words, "--write", "labels.tif", "table") == 0
    ends = sorted(path.suffix for path in Path("out").glob("coins-threshold*"))
    assert ends == [".csv", ".npy", ".png", ".tif", ".zarr"]
    expected = files.read("out/coins-threshold.tif").whole
    for path in (path for path in Path("out").glob("coins-threshold*") if path.suffix != ".csv"):
        np.testing.assert_array_equal(files.read(path, labels=True).whole, expected)
    assert call(*words, "--format", "csv") == 2
    assert "format is 'csv', which nothing here can be; choose .tif, " in capsys.readouterr().err
    assert call("threshold", "coins.tif", "--output", "o.tif", "--format", "zarr") == 2
    assert "but labels is to be written as .zarr" in capsys.readouterr().err


def test_results_of_blocks_in_a_folder_are_ome_zarr(coins):
    assert call("label", "coins.tif", "--output", "out", "--blocks", "100") == 0
    Recipe.of(METHODS["label"], files.read("coins.tif"), {}).save("r.json")
    words = ("replay", "r.json", "coins.tif", "--output", "again", "--blocks", "100")
    assert call(*words, "--write", "labels", "table") == 0
    assert call(*words, "--format", "tif") == 0
    assert files.read("out/coins-label.zarr").array.chunks == (100, 100)
    names = {path.name for path in Path("again").iterdir()}
    assert {"coins-label.zarr", "coins-label.csv", "coins-label.tif"} < names


def test_every_method_is_listed_and_has_help(capsys):
    call("list")
    listed = capsys.readouterr().out
    for method in METHODS.values():
        assert method.summary in listed
        word = method.name.replace("_", "-")
        with pytest.raises(SystemExit) as end:
            app(word)([word, "--help"])
        assert end.value.code in (0, None)
        text = " ".join(capsys.readouterr().out.replace("│", " ").split())
        assert all(f"--{p.name.replace('_', '-')}" in text for p in method.asked)


def test_a_folder_of_labels_is_measured_in_a_folder_of_images(coins, capsys):
    Path("images").mkdir()
    tifffile.imwrite("images/a.tif", data.coins()[:150])
    tifffile.imwrite("images/b.tif", data.coins())
    assert call("watershed", "images/a.tif", "images/b.tif", "--output", "labels") == 0
    inputs = ["labels/a-watershed.tif", "labels/b-watershed.tif"]
    assert call("measure", *inputs, "--image", "images", "--output", "tables") == 0
    assert "rows" in capsys.readouterr().out
    rows = Path("tables/a-watershed-measure.csv").read_text().splitlines()
    expected = measure(files.read(inputs[0]).array[:], data.coins()[:150])
    assert len(rows) == len(expected["index"]) + 1
    assert float(rows[1].split(",")[rows[0].split(",").index("mean")]) == expected["mean"][0]
    Path("images/b.tif").unlink()
    assert call("measure", inputs[1], "--image", "images", "--output", "t.csv") == 1
    assert "has no other file that 'b-watershed.tif' is named after" in capsys.readouterr().err


def test_edges_become_lines_in_a_file(coins):
    assert call("canny", "coins.tif", "--output", "edges.tif", "--high-quantile", "0.95") == 0
    words = ["--trace", "edges", "--image", "coins.tif", "--min-length", "30 px"]
    assert call("contours", "edges.tif", "--output", "lines.geojson", *words) == 0
    lines = json.loads(Path("lines.geojson").read_text())["features"]
    assert {line["geometry"]["type"] for line in lines} <= {"LineString", "Polygon"}
    assert min(line["properties"]["length"] for line in lines) >= 30


def test_what_a_format_cannot_hold_is_refused_before_any_work(coins, capsys):
    assert call("contours", "coins.tif", "--output", "lines.tif") == 2
    assert "cannot hold polygons; choose .geojson" in capsys.readouterr().err


def test_points_of_one_label_are_one_seed(coins):
    Path("p.csv").write_text("index,axis-0,axis-1,label\n0,70,50,5\n1,260,200,5\n")
    words = ["--markers", "p.csv", "--tolerance", "20"]
    assert call("region-growing", "coins.tif", "--output", "r.tif", *words) == 0
    assert set(np.unique(files.read("r.tif").array[:])) == {0, 5}


@pytest.mark.skipif(not TORCH, reason="it needs torch")
def test_models_that_come_along_are_listed_below_those_of_the_user(tmp_path, monkeypatch, capsys):
    from ..deep.finders import folder

    monkeypatch.setenv("NAPARI_TESSERA_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr("napari_tessera.deep.models.shipped.index._FOLDER", tmp_path / "shipped")
    folder(tmp_path / "models" / "nuclei")
    folder(tmp_path / "shipped" / "nuclei", score=0.875, scored="AP50 on some")
    call("models")
    mine, shipped = capsys.readouterr().out.splitlines()
    assert mine.split() == ["nuclei", "Mask", "R-CNN", "objects"]
    assert shipped.startswith("nuclei ")
    assert shipped.endswith("AP50 on some 0.875; Nuclei (fluorescence), comes with napari-tessera")


@pytest.mark.skipif(not TORCH, reason="it needs torch")
def test_a_network_is_trained_listed_and_applied(tmp_path, monkeypatch, capsys):
    import imageio.v3 as imageio

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NAPARI_TESSERA_MODELS", str(tmp_path / "models"))
    for number in range(3):
        image, labels = squares(seed=number)
        for folder, array in (("images", image), ("labels", labels)):
            Path(folder).mkdir(exist_ok=True)
            imageio.imwrite(f"{folder}/{number}.png", array)
    words = ["train", "images", "labels", "--model", "squares"]
    words += ["--options", '{"depth": 2, "width": 0.125}', "--examples.patch", "32"]
    words += [
        "--optimisation.epochs",
        "2",
        "--optimisation.steps",
        "3",
        "--augmentation.mixup",
        "1",
    ]
    assert call(*words) == 0
    said = capsys.readouterr()
    assert "Validation on 1 of 3 images." in said.err
    assert "epoch 2: loss " in said.err
    assert "squares" in said.out
    assert call(*words) == 2
    assert "there already" in capsys.readouterr().err
    words[words.index("--optimisation.epochs") + 1] = "3"
    assert call(*words, "--resume") == 0
    said = capsys.readouterr().err
    assert "epoch 3: loss " in said
    assert "epoch 2: loss " not in said
    call("models")
    assert "squares" in capsys.readouterr().out
    assert call("predict", "images/0.png", "--model", "squares", "--output", "o.tif") == 0
    assert files.read("o.tif").array.shape == (96, 96)
    assert call("scores", "images/0.png", "--model", "squares", "--output", "maps.tif") == 0
    assert files.read("maps.tif").array.shape == (3, 96, 96)
    assert call("predict", "images/0.png", "--model", "circles", "--output", "p.tif") == 2
    assert "no such model" in capsys.readouterr().err
    words = ["improve", "images/0.png", "labels/0.png", "--model", "squares", "--minutes", "0.01"]
    assert call(*words) == 0
    said = capsys.readouterr().out
    assert "squares 2: Model 'squares 2' is ready; 'squares' is kept as it was." in said
    assert "On the old validation images: AP " in said
    assert call(*words, "--changes-only", "--to", "./mine") == 0
    assert Path("mine/weights.safetensors").exists()
    capsys.readouterr()
    assert call(*words, "--to", "./mine") == 2
    assert "improve: model is " in capsys.readouterr().err


@pytest.mark.skipif(not TORCH, reason="it needs torch")
def test_void_of_palettes_is_named_and_ignored_on_request(tmp_path, monkeypatch, capsys):
    import imageio.v3 as imageio

    monkeypatch.chdir(tmp_path)
    image, labels = squares(seed=0)
    classes = (labels > 0).astype(np.uint8)
    classes[:, :20] = 255
    imageio.imwrite("image.png", image)
    imageio.imwrite("classes.png", classes)
    words = ["train", "image.png", "classes.png", "--kind", "classes"]
    words += ["--options", '{"depth": 2, "width": 0.125}', "--examples.patch", "32"]
    words += ["--optimisation.epochs", "1", "--optimisation.steps", "1"]
    assert call(*words, "--model", tmp_path / "all") == 0
    assert "255 stands in many palettes for 'not annotated'" in capsys.readouterr().err
    assert call(*words, "--model", tmp_path / "some", "--examples.ignore", "255") == 0
    assert "palettes" not in capsys.readouterr().err
    learnt = {name: json.loads(Path(f"{name}/config.json").read_text()) for name in ("all", "some")}
    assert learnt["all"]["ids"] == [0, 1, 255]
    assert learnt["some"]["ids"] == [0, 1]


def test_what_training_cannot_do_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert call("train", "images", "labels", "--model", "m") == 2
    assert "images is 'images', which is not there" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--examples.patch", "0"), "patch is 0; it must be from 4"),
        (("--examples.low", "5", "--examples.high", "3"), "low must be lower"),
        (("--optimisation.steps", "-1"), "steps is -1"),
        (("--optimisation.minutes", "0"), "minutes is 0"),
        (("--optimisation.learning-rate", "nan"), "learning_rate is nan; pass a finite number"),
        (("--objective.border-weight", "inf"), "border_weight is inf; pass a finite number"),
        (("--augmentation.rotation", "nan"), "rotation is nan"),
        (("--seed", "-1"), "seed is -1"),
        (("--options", "[1]"), "options is '[1]'"),
        (("--channels", "1.5"), "channels is '1.5'"),
    ],
)
def test_a_training_that_cannot_work_is_refused_before_anything(coins, capsys, words, message):
    assert call("train", "coins.tif", "coins.tif", "--model", "./m", *words) == 2
    said = capsys.readouterr().err
    assert said.startswith("train: ")
    assert message in said
    assert not Path("m").exists()


def test_wildcards_that_the_shell_leaves_are_replaced(coins, capsys):
    for name in ("a1.tif", "a2.tif"):
        tifffile.imwrite(name, data.coins()[:60, :60])
    assert call("label", "a?.tif", "--output", "out") == 0
    assert call("label", "b*.tif", "--output", "out") == 2
    assert "label: there is no file that fits 'b*.tif'" in capsys.readouterr().err
    Recipe.of(METHODS["label"], files.read("a1.tif"), {}).save("r.json")
    assert call("replay", "r.json", "a?.tif", "--output", "again") == 0
    for folder in ("out", "again"):
        names = sorted(path.name for path in Path(folder).glob("*.tif"))
        assert names == ["a1-label.tif", "a2-label.tif"]
    assert call("replay", "r.json", "b*.tif", "--output", "again") == 2


def test_a_folder_of_images_holds_no_image_of_a_labels_file_but_itself(coins, capsys):
    assert call("measure", "coins.tif", "--image", ".", "--output", "t.csv") == 1
    assert "'.' has no other file that 'coins.tif' is named after" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name",
    ["[1].tif", "[1,2].npy", "{1}.png", "[ab].zarr", "-a.tif", "--b.npy", "null.tif"]
    + (["a*b.tif", "a?.png"] if sys.platform != "win32" else []),
)
def test_files_may_be_called_like_options_json_and_wildcards(coins, name):
    """What is there is meant: as an input, as a result and as markers."""
    image = squares()[1]
    tifffile.imwrite("image.tif", image)
    for other in ("a.tif", "aXb.tif", "a.zarr", "aX.png"):  # which a wildcard would stand for
        Path(other).write_text("no image")
    own = ["label", "image.tif", f"--output={name}"]
    markers = ["region-growing", "image.tif", "--output", "o.tif", "--markers", name]
    for words in (own, ["label", name, "--output", "again.tif"], markers):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 0
    Recipe.of(METHODS["label"], files.read(name), {}).save("r.json")
    assert call("replay", "r.json", f"./{name}", "--output", "r.tif") == 0
    for each in (name, "again.tif", "r.tif"):
        np.testing.assert_array_equal(files.read(each, labels=True).array[:] > 0, image > 0)


@pytest.mark.parametrize("name", [".", "", ".."])
def test_a_folder_as_input_does_not_stop_the_others(coins, capsys, name):
    assert call("label", name, "coins.tif", "--output", "out") == 1
    assert (coins / "out" / "coins-label.tif").exists()


@pytest.mark.parametrize("output", ["file", "file/inner", "file/o.tif"])
def test_a_file_where_a_folder_is_wanted_is_named(coins, capsys, output):
    Path("file").write_text("mine")
    assert call("label", "coins.tif", "--output", output) == 2
    assert "which cannot be made" in capsys.readouterr().err
    assert Path("file").read_text() == "mine"


@pytest.mark.parametrize("text", ["[1]", "{}", "nonsense", '{"method": "label"}'])
def test_what_is_no_recipe_is_said(coins, capsys, text):
    Path("r.json").write_text(text)
    assert call("replay", "r.json", "coins.tif", "--output", "o.tif") == 2
    assert "r.json cannot be replayed: " in capsys.readouterr().err


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_what_is_stopped_leaves_nothing_and_has_a_status_of_its_own(coins, monkeypatch, by):
    def interrupted(file):
        assert file.exists()
        signal.raise_signal(by)

    monkeypatch.setattr("napari_tessera.algorithms.atomic_files._on_disk", interrupted)
    # what runs in the background of a shell may have been told to ignore Ctrl-C
    own = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        before = signal.getsignal(by)
        with pytest.raises(SystemExit) as ended:
            main(["label", "coins.tif", "--output", "out/o.tif"])
        assert signal.getsignal(by) == before
    finally:
        signal.signal(signal.SIGINT, own)
    assert ended.value.code == 130
    assert list(Path("out").iterdir()) == []


def test_an_image_of_several_is_chosen_and_what_is_read_is_said(coins, capsys):
    with tifffile.TiffWriter("two.tif") as file:
        file.write(np.zeros((8, 9), np.uint8))
        file.write(data.coins())
    assert call("threshold", "two.tif", "--output", "a.tif") == 0
    assert "two.tif: holds 2 images (8x9, 303x384); number 1 is read" in capsys.readouterr().err
    assert files.read("a.tif").shape == (303, 384)
    assert call("threshold", "two.tif", "--output", "b.tif", "--series", "5") == 1
    assert "two.tif' has 2, numbered from 0" in capsys.readouterr().err


def test_axes_that_a_file_does_not_name_can_be_named(coins, capsys):
    stack = np.zeros((4, 30, 30), np.uint8)
    stack[:, 5:20, 5:20] = 200
    tifffile.imwrite("stack.tif", stack, photometric="minisblack")
    for axes, count in (("tyx", 4), ("zyx", 1)):
        assert call("label", "stack.tif", "--output", f"{axes}.tif", "--axes", axes) == 0
        assert files.read(f"{axes}.tif").axes == tuple(axes)
        assert f"{count} object" in capsys.readouterr().out
    assert call("label", "stack.tif", "--output", "o.tif", "--axes", "yyx") == 2
    assert "axes is 'yyx'; give each axis a name of its own" in capsys.readouterr().err


def test_masks_of_a_palette_are_ids(coins):
    ids = np.zeros((12, 12), np.uint8)
    ids[1:5, 1:5], ids[7:11, 7:11] = 1, 200
    picture = Image.fromarray(ids, "P")
    picture.putpalette([(i * 37) % 256 for i in range(768)])
    picture.save("mask.png")
    assert call("fill-holes", "mask.png", "--output", "o.png") == 0
    np.testing.assert_array_equal(files.read("o.png").whole, ids)


@pytest.fixture
def saved(coins):
    """A saved recipe that finds what is bright in the coins, and their halves in a folder."""
    Path("images").mkdir()
    for name, image in (("top", data.coins()[:150]), ("bottom", data.coins()[150:])):
        tifffile.imwrite(f"images/{name}.tif", image)
    source = files.read("coins.tif")
    Recipe.of(METHODS["watershed"], source, {"background": "60 px"}).save("r.json")
    return coins


def test_a_replay_writes_what_is_asked_for_and_goes_on_where_it_was(saved, capsys):
    words = ["replay", "r.json", "images/*.tif", "--output", "out"]
    assert call(*words, "--write", "labels", "table", "overview") == 0
    said = capsys.readouterr().out
    assert "2 files: 2 done, " in said
    assert f"table of all files: {Path('out/watershed.csv')}" in said
    names = [f"{name}-watershed{end}" for name in ("bottom", "top")
             for end in ("-overview.png", ".csv", ".tif")]  # fmt: skip
    kept = sorted(path.name for path in Path("out").iterdir())
    assert kept == sorted([*names, "batch.jsonl", "watershed.csv"])
    before = Path("out/top-watershed.tif").stat().st_mtime_ns
    assert call(*words) == 0
    assert f"objects, there already -> {Path('out/top-watershed.tif')}" in capsys.readouterr().out
    assert Path("out/top-watershed.tif").stat().st_mtime_ns == before
    assert call(*words, "--again") == 0
    assert Path("out/top-watershed.tif").stat().st_mtime_ns > before


def test_a_replay_replaces_what_others_made_only_on_request(saved, capsys):
    words = ["replay", "r.json", "images/top.tif", "--output", "out"]
    Path("out").mkdir()
    Path("out/top-watershed.tif").write_text("mine")
    assert call(*words) == 1
    assert "exists already and was not made by a batch" in capsys.readouterr().err
    assert Path("out/top-watershed.tif").read_text() == "mine"
    assert call(*words, "--overwrite") == 0
    assert files.read("out/top-watershed.tif").shape == (150, 384)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["images/*.tif", "--output", "o", "--write", "film"], "cannot write 'film'; choose among"),
        (["images/*.png", "--output", "o"], "there is no file that fits 'images/*.png'"),
        (["images/*.tif", "--output", "o.tif"], "give a folder for several inputs"),
    ],
)
def test_a_replay_that_cannot_work_is_refused_before_anything(saved, capsys, words, message):
    assert call("replay", "r.json", *words) == 2
    assert message in capsys.readouterr().err
    assert not Path("o").exists()


@pytest.mark.parametrize("name", ["cells.zip", "cells.geojson", "cells.json"])
def test_objects_go_to_other_programs_and_back_by_the_ending_of_the_file(coins, name, capsys):
    assert call("watershed", "coins.tif", "--output", name, "--background", "60 px") == 0
    expected = watershed(data.coins(), background="60 px")
    found = files.read(name, labels=True).array
    np.testing.assert_array_equal(found[: expected.shape[0], : expected.shape[1]], expected)
    assert call("measure", name, "--image", "coins.tif", "--output", "table.csv") == 0
    assert len(Path("table.csv").read_text().splitlines()) == 1 + expected.max()
    assert call("contours", name, "--output", "outlines.zip") == 0
    assert len(read_rois(Path("outlines.zip")).vertices) >= expected.max()
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(["threshold", name, "--output", "o.tif"])
    assert "and no image; pass it where labels are wanted" in capsys.readouterr().err


def test_objects_are_picked_by_a_table_of_marks(coins, capsys):
    Path("picks.csv").write_text("object,sign,axis-0,axis-1\n5,1,50,157\n")
    assert call("pick-objects", "coins.tif", "--picks", "picks.csv", "--output", "out.tif") == 0
    assert np.unique(files.read("out.tif", labels=True).whole).tolist() == [0, 5]
    assert call("pick-objects", "coins.tif", "--picks", "[[1,1,1,9000]]", "--output", "b.tif") == 1
    assert "picks has a mark at (1, 9000), outside image" in capsys.readouterr().err
