"""What predict and detect say of images that are unlike those of the training, and of bad input."""

import numpy as np
import pytest

pytest.importorskip("torch")

from napari_tessera.cli.app import main  # noqa: E402
from napari_tessera.deep.inference.cache import Cache  # noqa: E402
from napari_tessera.methods.deep.detect import detect  # noqa: E402
from napari_tessera.methods.deep.predict import predict  # noqa: E402
from napari_tessera.pipeline.run import run  # noqa: E402
from napari_tessera.pipeline.source import Source  # noqa: E402
from napari_tessera.signature.progress import NothingToSeparate  # noqa: E402
from napari_tessera.signature.words import VoxelSize  # noqa: E402

from ...conftest import squares, tiny_finder, tiny_model  # noqa: E402

KEPT = Cache(1 << 28)


def remarks(method, model, image, **options):
    found = {}

    def hear(progress):
        found.update(progress.values.get("remarks", {}))

    method(image, model=model, report=hear, cache=KEPT, **options)
    return found


@pytest.mark.parametrize(("method", "model"), [(predict, tiny_model), (detect, tiny_finder)])
def test_an_image_like_the_examples_is_not_remarked_and_its_negative_is(method, model):
    image = squares(seed=3)[0]
    assert remarks(method, model(), image) == {}
    said = remarks(method, model(), 255 - image)["intensities"]
    assert said.startswith("This image has dark objects on bright ground; the model was trained")


def test_large_objects_and_noise_are_remarked_whatever_is_kept():
    image = squares(seed=3)[0]
    large = np.kron(image, np.ones((4, 4), np.uint8))
    said = remarks(predict, tiny_model(), large)
    assert "shrink the image" in said["size"]
    assert remarks(predict, tiny_model(), large) == said
    noisy = image + np.random.default_rng(0).normal(0, 80, image.shape)
    assert "smooth it first" in remarks(predict, tiny_model(), noisy)["noise"]


def test_classes_have_no_size():
    large = np.kron(squares(seed=3)[0], np.ones((4, 4), np.uint8))
    assert "size" not in remarks(predict, tiny_model(kind="classes"), large)


def test_of_planes_it_is_said_once():
    image = squares(seed=3)[0]
    stack = np.stack([image, 255 - image, 255 - image])
    source = Source(stack, VoxelSize((1, 1, 1)), ("t", "y", "x"))
    notes = run("predict", source, {"model": tiny_model()}, cache=KEPT).notes
    assert len(notes) == 1
    assert notes[0].startswith("2 of 3 planes: This image has dark objects on bright ground")


def test_the_command_line_says_it_beside_the_result(tmp_path, capsys):
    path, target = tmp_path / "dark.npy", tmp_path / "dark.tif"
    np.save(path, 255 - squares(seed=3)[0])
    with pytest.raises(SystemExit) as ended:
        main(["predict", str(path), "--model", tiny_model(), "--output", str(target)])
    assert not ended.value.code
    assert target.exists()
    assert "dark.npy: This image has dark objects on bright ground" in capsys.readouterr().err


BAD = [
    (np.zeros((96, 96), np.uint8), {}, NothingToSeparate, "one value only, 0"),
    (np.full((96, 96), np.nan), {}, NothingToSeparate, "no numbers, only NaN"),
    (np.zeros((0, 96), np.uint8), {}, ValueError, "image is empty"),
    (squares()[0], {"diameter": "-3 px"}, ValueError, "diameter is '-3 px'"),
    (squares()[0], {"diameter": "97 px"}, ValueError, "choose a shorter one"),
    (np.stack([squares()[0]] * 2), {"channel_axis": 0}, ValueError, "takes 1 channels"),
]


@pytest.mark.parametrize(("method", "model"), [(predict, tiny_model), (detect, tiny_finder)])
@pytest.mark.parametrize("volume", [False, True])
@pytest.mark.parametrize(("image", "options", "error", "words"), BAD)
def test_bad_input_is_refused_with_what_to_do(method, model, volume, image, options, error, words):
    if volume:
        axis = 1 if options.get("channel_axis") == 0 else 0
        image = np.stack([image] * 2, axis)
    with pytest.raises(error, match=words):
        method(image, model=model(), cache=KEPT, **options)


def test_the_command_line_says_what_is_wrong_with_an_image(tmp_path, capsys):
    path = tmp_path / "dark.npy"
    np.save(path, np.zeros((96, 96), np.uint8))
    with pytest.raises(SystemExit) as ended:
        main(["predict", str(path), "--model", tiny_model(), "--output", str(tmp_path / "a.tif")])
    assert ended.value.code == 1
    assert "one value only, 0; choose another plane" in capsys.readouterr().err
