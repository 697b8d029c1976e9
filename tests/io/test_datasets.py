import json

import imageio.v3 as imageio
import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_tessera.deep.training.task import Task
from napari_tessera.io.datasets import load, matched_files


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
    found = matched_files(*folders)
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
    assert matched_files(images / "a.png", labels / "b_mask.png") == [
        (images / "a.png", labels / "b_mask.png")
    ]


def test_files_without_partner_are_named(folders):
    images, labels = folders
    imageio.imwrite(images / "d.png", np.zeros((8, 9), np.uint8))
    imageio.imwrite(labels / "c10.png", np.zeros((8, 9), np.uint8))
    with pytest.raises(ValueError, match=r"d\.png, c10\.png without partner; give both files"):
        matched_files(images, labels)


def test_images_of_one_name_are_named(folders):
    images, labels = folders
    (images / "a.tif").write_bytes((images / "a.png").read_bytes())
    message = r"a\.png, a\.tif are images of one name for a\.png; keep one"
    with pytest.raises(ValueError, match=message):
        matched_files(images, labels)
    with pytest.raises(ValueError, match=r"labels beside the image cells\.tif are called cells-la"):
        matched_files(images, images)
    (images / "a-labels.png").write_bytes((images / "a.png").read_bytes())
    (images / "b.png").unlink()
    (images / "c1.png").unlink()
    with pytest.raises(
        ValueError, match=r"a\.png, a\.tif are images of one name for a-labels\.png"
    ):
        matched_files(images, images)


def test_several_partners_are_named(folders):
    images, labels = folders
    imageio.imwrite(labels / "a_mask.png", np.zeros((8, 9), np.uint8))
    with pytest.raises(ValueError, match=r"a\.png goes with a\.png, a_mask\.png; keep one"):
        matched_files(images, labels)


def test_what_is_not_there_is_named(folders, tmp_path):
    images, labels = folders
    with pytest.raises(FileNotFoundError, match="labels is .*nowhere.*not there"):
        matched_files(images, tmp_path / "nowhere")
    with pytest.raises(ValueError, match="pass two folders or two files"):
        matched_files(images, labels / "a.png")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ValueError, match="there are no images"):
        matched_files(empty, empty)


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
    tifffile.imwrite(tmp_path / "b.tif", np.zeros((8, 9), np.uint8))
    files = [(tmp_path / name, tmp_path / "b.tif") for name in ("a.png", "b.tif")]
    with pytest.raises(ValueError, match=r"b\.tif has its channels at axis None, but a\.png at 2"):
        load(files)


@pytest.mark.parametrize("channel_axis", [None, "rgb"])
def test_grey_pictures_among_photographs_are_colours_too(tmp_path, channel_axis):
    grey = np.arange(72, dtype=np.uint8).reshape(8, 9)
    imageio.imwrite(tmp_path / "a.png", grey)
    imageio.imwrite(tmp_path / "b.png", np.zeros((8, 9, 4), np.uint8))
    pairs = load(
        [(tmp_path / n, tmp_path / "a.png") for n in ("a.png", "b.png")], channel_axis=channel_axis
    )
    assert pairs.rgb
    np.testing.assert_array_equal(pairs.images[0], np.stack([grey] * 3, axis=-1))
    assert pairs.images[1].shape == (8, 9, 3)


def coco(folder, names=("a.png", "b.png", "c1.png")):
    """Write a file with a nut and a crowd of bolts in each image of 9 x 8 pixels."""
    nut = {"category_id": 4, "segmentation": [[0, 0, 2, 0, 2, 1, 0, 1]], "iscrowd": 0}
    crowd = {"size": [8, 9], "counts": [64, 8]}
    bolts = {"category_id": 3, "segmentation": crowd, "iscrowd": 1}
    size = {"height": 8, "width": 9}
    content = {
        "images": [{"id": k, "file_name": name, **size} for k, name in enumerate(names)],
        "annotations": [{"image_id": k, **own} for k in range(len(names)) for own in (nut, bolts)],
        "categories": [{"id": 4, "name": "nut"}, {"id": 3, "name": "bolt"}],
    }
    (folder / "objects.json").write_text(json.dumps(content))
    return folder / "objects.json"


def test_a_coco_file_holds_the_labels_of_a_folder(folders, tmp_path):
    images, _ = folders
    found = matched_files(images, coco(tmp_path))
    assert [path for path, _ in found] == [images / f"{name}.png" for name in ("a", "b", "c1")]
    pairs = load(found)
    expected = np.zeros((8, 9), int)
    expected[0, :2] = 1
    for labels in pairs.labels:
        np.testing.assert_array_equal(labels, expected)
    assert pairs.class_names == {1: "nut", 2: "bolt"}
    assert [each[1] for each in pairs.classes] == ["nut"] * 3
    pairs = load(found, kind="classes")
    assert pairs.classes is None
    expected[:, 8] = 2
    np.testing.assert_array_equal(pairs.labels[2], expected)
    assert pairs.class_names == {1: "nut", 2: "bolt"}
    assert pairs.names == ["a.png", "b.png", "c1.png"]


def test_classes_go_to_networks_that_have_them(folders, tmp_path):
    pairs = load(matched_files(folders[0], coco(tmp_path)))
    none = {"classes": None, "class_names": {}}
    assert pairs.taught(Task("unet")) == none
    assert pairs.taught(Task("yolov5seg"))["class_names"] == {1: "nut", 2: "bolt"}
    assert pairs.taught(Task("yolov5seg"))["classes"] is pairs.classes
    own = pairs.taught(Task("unet", kind="classes", class_names=("steel", "brass")))
    assert own == {"classes": None, "class_names": ("steel", "brass")}


def test_one_image_finds_its_objects_in_a_coco_file(folders, tmp_path):
    images, _ = folders
    path = coco(tmp_path, ("a.png", "gone.png"))
    ((image, truth),) = matched_files(images / "a.png", path)
    assert (image, truth.classes) == (images / "a.png", {1: "nut", 2: "bolt"})
    with pytest.raises(ValueError, match=r"b\.png without partner; an image without objects"):
        matched_files(images / "b.png", path)
    with pytest.raises(ValueError, match=r"b\.png, c1\.png without partner"):
        matched_files(images, path)


def test_what_is_wrong_with_one_image_refuses_no_other(folders, tmp_path):
    images, _ = folders
    path = coco(tmp_path, ("a.png", "b.png", "c1.png", "gone.png"))
    content = json.loads(path.read_text())
    content["images"][1]["width"] = 12
    content["annotations"][0]["segmentation"] = [[0, 0, 1, 1]]
    path.write_text(json.dumps(content))
    found = matched_files(images, path)
    assert [each.name for each, _ in found] == ["a.png", "c1.png"]
    assert load(found).notes == (
        (
            "a.png: objects.json: annotations[0] has a polygon of 4 numbers; pass x, y of three "
            "corners or more; left out"
        ),
        (
            "a.png: objects.json: b.png should have 12 x 8 pixels, but it has 9 x 8; take the image "
            "that was annotated; left out"
        ),
        "a.png: objects.json: image 'gone.png' is not there; left out",
    )


def test_images_that_a_coco_file_does_not_know_or_has_twice_are_named(folders, tmp_path):
    images, _ = folders
    with pytest.raises(ValueError, match=r"b\.png, c1\.png without partner"):
        matched_files(images, coco(tmp_path, ("a.png",)))
    names = ("a.png", "b.png", "c1.png", "a.png")
    with pytest.raises(ValueError, match=r"lists a\.png twice; keep one"):
        matched_files(images, coco(tmp_path, names))
    with pytest.raises(ValueError, match="there are no images"):
        empty = tmp_path / "empty"
        empty.mkdir()
        matched_files(empty, coco(tmp_path, ()))


def test_yolo_texts_hold_the_labels_of_a_folder(folders, tmp_path):
    images, _ = folders
    texts = tmp_path / "texts"
    texts.mkdir()
    for name in ("a", "b"):
        (texts / f"{name}.txt").write_text("1 0 0 0.5 0 0.5 1 0 1")
    with pytest.raises(ValueError, match=r"c1\.png without partner; .* needs an empty text"):
        matched_files(images, texts)
    (texts / "c1.txt").write_text("")
    pairs = load(matched_files(images, texts), kind="classes")
    assert [int(labels.max()) for labels in pairs.labels] == [2, 2, 0]
    assert [int((labels > 0).sum()) for labels in pairs.labels] == [32, 32, 0]
    assert pairs.class_names == {1: "0", 2: "1"}


@pytest.mark.parametrize(
    ("image", "labels"),
    [
        ("a.png", "a.tif"),
        ("a.png", "a_cp_masks.png"),
        ("a_img.png", "a_masks.png"),
        ("a.png", "a_Simple Segmentation.png"),
        ("a.ome.tif", "a-labels.ome.tif"),
        ("a.png", "mask_a.png"),
        ("t007.tif", "man_seg_t007.tif"),
        ("a.png", "a_ground_truth.png"),
        ("a(1)[b].png", "a(1)[b]_mask.png"),
    ],
)
def test_names_that_other_programs_give_are_known(tmp_path, image, labels):
    for folder, name in (("i", image), ("l", labels), ("i", "._" + image), ("l", "._" + labels)):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).touch()
    (tmp_path / "l" / "a_seg.npy").touch()
    assert matched_files(tmp_path / "i", tmp_path / "l") == [
        (tmp_path / "i" / image, tmp_path / "l" / labels)
    ]


def test_one_folder_may_hold_both(tmp_path):
    for name in ("a.tif", "a_masks.tif", "b.tif", "b_masks.tif", "b_seg.npy"):
        (tmp_path / name).touch()
    found = matched_files(tmp_path, tmp_path)
    assert [(image.name, labels.name) for image, labels in found] == [
        ("a.tif", "a_masks.tif"),
        ("b.tif", "b_masks.tif"),
    ]


@pytest.mark.parametrize("value", [255, True, 1, 7])
def test_a_mask_is_no_object_but_its_pieces_are(tmp_path, value):
    ids = np.zeros((20, 20), np.uint8 if value is not True else bool)
    ids[2:6, 2:6] = ids[10:15, 10:15] = value
    tifffile.imwrite(tmp_path / "l.tif", ids)
    tifffile.imwrite(tmp_path / "i.tif", np.zeros((20, 20), np.uint8))
    pairs = load([(tmp_path / "i.tif", tmp_path / "l.tif")])
    if value == 7:  # somebody has numbered an object of two parts
        assert pairs.notes == ()
        np.testing.assert_array_equal(pairs.labels[0], ids)
    else:
        assert pairs.notes == ("l.tif: a mask, not objects; its 2 pieces are taken as the objects",)
        assert [int(pairs.labels[0][y, y]) for y in (3, 12, 8)] == [1, 2, 0]
    as_classes = load([(tmp_path / "i.tif", tmp_path / "l.tif")], kind="classes")
    np.testing.assert_array_equal(as_classes.labels[0], ids)


def test_labels_of_a_palette_are_its_numbers(tmp_path):
    ids = np.arange(81, dtype=np.uint8).reshape(9, 9)
    picture = Image.fromarray(ids, "P")
    picture.putpalette([(i * 37) % 256 for i in range(768)])
    picture.save(tmp_path / "l.png")
    Image.fromarray(ids).save(tmp_path / "i.png")
    for kind in ("objects", "classes"):
        pairs = load([(tmp_path / "i.png", tmp_path / "l.png")], kind=kind)
        np.testing.assert_array_equal(pairs.labels[0], ids)


def test_what_files_have_wrong_is_said(tmp_path):
    tifffile.imwrite(
        tmp_path / "i.ome.tif",
        np.zeros((20, 20), np.uint8),
        ome=True,
        metadata={"axes": "YX", "PhysicalSizeX": 0, "PhysicalSizeY": 0.5},
    )
    tifffile.imwrite(tmp_path / "l.tif", np.ones((20, 20), np.uint16))
    pairs = load([(tmp_path / "i.ome.tif", tmp_path / "l.tif")])
    assert pairs.notes == ("i.ome.tif: the file gives x the size 0; it is taken as 1 um",)
