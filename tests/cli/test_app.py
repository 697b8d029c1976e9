import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from skimage import data

from napari_tessera import METHODS, measure, watershed
from napari_tessera.cli.app import app
from napari_tessera.io import files

from ..conftest import TORCH, squares


def call(*words):
    return app()([str(word) for word in words], result_action="return_value")


@pytest.fixture
def coins(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("coins.tif", data.coins())
    return tmp_path


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
        (("--region", "nonsense"), "threshold: "),
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
    from napari_tessera import Recipe
    from napari_tessera.pipeline.source import Source

    source = Source.of(data.coins())
    recipe = Recipe.of(METHODS["threshold"], source, {"method": "li"})
    recipe.save("r.json")
    assert call("replay", "r.json", "coins.tif", "--output", "o.tif") == 0
    np.testing.assert_array_equal(files.read("o.tif").array[:], recipe.run(source).array)


def test_every_method_is_listed_and_has_help(capsys):
    call("list")
    listed = capsys.readouterr().out
    for method in METHODS.values():
        assert method.summary in listed
        with pytest.raises(SystemExit) as end:
            app()([method.name.replace("_", "-"), "--help"])
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
    assert "has no file that 'b-watershed.tif' is named after" in capsys.readouterr().err


def test_edges_become_lines_in_a_file(coins):
    assert call("canny", "coins.tif", "--output", "edges.tif", "--high-quantile", "0.95") == 0
    words = ["--trace", "edges", "--image", "coins.tif", "--min-length", "30 px"]
    assert call("contours", "edges.tif", "--output", "lines.geojson", *words) == 0
    lines = json.loads(Path("lines.geojson").read_text())["features"]
    assert {line["geometry"]["type"] for line in lines} <= {"LineString", "Polygon"}
    assert min(line["properties"]["length"] for line in lines) >= 30


def test_what_a_format_cannot_hold_is_refused_before_any_work(coins, capsys):
    assert call("contours", "coins.tif", "--output", "lines.tif") == 1
    assert "cannot hold polygons; choose .geojson or .csv" in capsys.readouterr().err


def test_points_of_one_label_are_one_seed(coins):
    Path("p.csv").write_text("index,axis-0,axis-1,label\n0,70,50,5\n1,260,200,5\n")
    words = ["--markers", "p.csv", "--tolerance", "20"]
    assert call("region-growing", "coins.tif", "--output", "r.tif", *words) == 0
    assert set(np.unique(files.read("r.tif").array[:])) == {0, 5}


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
    assert call("predict", "images/0.png", "--model", "circles", "--output", "p.tif") == 1
    assert "no such model" in capsys.readouterr().err


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
