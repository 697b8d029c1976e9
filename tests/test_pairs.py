import imageio.v3 as imageio
import numpy as np
import pytest
import tifffile

from napari_tessera.pairs import load, matched


@pytest.fixture
def folders(tmp_path):
    images, labels = tmp_path / "images", tmp_path / "labels"
    images.mkdir()
    labels.mkdir()
    for name in ("a", "b", "c1"):
        imageio.imwrite(images / f"{name}.png", np.zeros((8, 9), np.uint8))
    imageio.imwrite(labels / "a.png", np.ones((8, 9), np.uint8))
    imageio.imwrite(labels / "b_mask.png", np.ones((8, 9), np.uint8))
    tifffile.imwrite(labels / "c1-labels.tif", np.ones((8, 9), np.uint16))
    (labels / "notes.txt").write_text("no image")
    return images, labels


def test_files_go_together_by_their_names(folders):
    found = matched(*folders)
    assert [(image.name, truth.name) for image, truth in found] == [
        ("a.png", "a.png"),
        ("b.png", "b_mask.png"),
        ("c1.png", "c1-labels.tif"),
    ]
    pairs = load(found)
    assert pairs.names == ["a.png", "b.png", "c1.png"]
    assert [image.shape for image in pairs.images] == [(8, 9)] * 3
    assert pairs.channel_axis is None
    assert pairs.spacing is None


def test_two_files_are_a_pair(folders):
    images, labels = folders
    assert matched(images / "a.png", labels / "b_mask.png") == [
        (images / "a.png", labels / "b_mask.png")
    ]


def test_files_without_partner_are_named(folders):
    images, labels = folders
    imageio.imwrite(images / "d.png", np.zeros((8, 9), np.uint8))
    imageio.imwrite(labels / "c10.png", np.zeros((8, 9), np.uint8))
    with pytest.raises(ValueError, match=r"d\.png, c10\.png without partner; give both files"):
        matched(images, labels)


def test_several_partners_are_named(folders):
    images, labels = folders
    imageio.imwrite(labels / "a_mask.png", np.zeros((8, 9), np.uint8))
    with pytest.raises(ValueError, match=r"a\.png goes with a\.png, a_mask\.png; keep one"):
        matched(images, labels)


def test_what_is_not_there_is_named(folders, tmp_path):
    images, labels = folders
    with pytest.raises(FileNotFoundError, match="labels is .*nowhere.*not there"):
        matched(images, tmp_path / "nowhere")
    with pytest.raises(ValueError, match="pass two folders or two files"):
        matched(images, labels / "a.png")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ValueError, match="there are no images"):
        matched(empty, empty)


def test_colours_lose_their_transparency_and_sizes_are_kept(tmp_path):
    imageio.imwrite(tmp_path / "a.png", np.zeros((8, 9, 4), np.uint8))
    tifffile.imwrite(tmp_path / "l.tif", np.zeros((8, 9), np.uint8))
    pairs = load([(tmp_path / "a.png", tmp_path / "l.tif")])
    assert pairs.rgb
    assert pairs.images[0].shape == (8, 9, 3)
    metadata = {"axes": "YX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.25}
    tifffile.imwrite(tmp_path / "b.tif", np.zeros((8, 9)), ome=True, metadata=metadata)
    pairs = load([(tmp_path / "b.tif", tmp_path / "l.tif")])
    assert tuple(pairs.spacing_of(2)) == (0.25, 0.5)


def test_channels_in_some_images_only_are_refused(tmp_path):
    imageio.imwrite(tmp_path / "a.png", np.zeros((8, 9, 3), np.uint8))
    imageio.imwrite(tmp_path / "b.png", np.zeros((8, 9), np.uint8))
    files = [(tmp_path / name, tmp_path / "b.png") for name in ("a.png", "b.png")]
    with pytest.raises(ValueError, match=r"b\.png has its channels at axis None, but a\.png at 2"):
        load(files)
