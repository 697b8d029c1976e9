import imageio.v3 as imageio
import numpy as np
import pytest
import tifffile

from napari_tessera.io.yolo_texts import read_yolo


@pytest.fixture
def folders(tmp_path):
    """Two folders, the images of 8 x 4 pixels (colours), and 4 x 8."""
    labels, images = tmp_path / "set" / "labels", tmp_path / "set" / "images"
    labels.mkdir(parents=True)
    images.mkdir()
    imageio.imwrite(images / "a.png", np.zeros((4, 8, 3), np.uint8))
    tifffile.imwrite(images / "b.tif", np.zeros((8, 4), np.uint16))
    return labels, images


def test_polygons_and_boxes_are_filled_the_smaller_on_top(folders):
    labels, images = folders
    (labels / "a.txt").write_text("1 0.25 0.25 0.5 0.25 0.5 0.75 0.25 0.75\n\n0 .5 .5 1 1\n")
    (labels / "b.txt").write_text("2 0 0.45 0 1 1 1")
    first, second = read_yolo(labels, images, ["nut", "bolt", "washer"])
    expected = np.full((4, 8), 2)
    expected[1:3, 2:4] = 1
    np.testing.assert_array_equal(first.labels, expected)
    assert first.labels.dtype == np.uint16
    assert (first.file, first.classes) == (images / "a.png", {1: "bolt", 2: "nut"})
    # a line from the left, a little above half the height, to the lower right corner
    np.testing.assert_array_equal(second.labels[:4], np.zeros((4, 4)))
    np.testing.assert_array_equal(second.labels[4:] > 0, np.tri(4, dtype=bool))
    assert second.class_ids().max() == 3
    assert first.names == second.names == ("nut", "bolt", "washer")


def test_an_empty_text_is_an_image_without_objects(folders):
    labels, images = folders
    (labels / "b.txt").write_text("\n")
    (found,) = read_yolo(labels, images)
    assert (found.labels.shape, found.labels.max(), found.names) == ((8, 4), 0, ())


@pytest.mark.parametrize(
    ("place", "name", "text"),
    [
        (".", "classes.txt", "nut\nwing bolt\n"),
        ("..", "classes.txt", "0 nut\n1 wing bolt\n"),
        ("..", "obj.names", "nut\nwing bolt"),
        ("..", "data.yaml", "nc: 2\nnames: [nut, wing bolt]\n"),
        ("..", "data.yaml", "names:\n  1: wing bolt\n  0: nut\n"),
    ],
)
def test_names_of_classes_are_found(folders, place, name, text):
    labels, images = folders
    (labels / "a.txt").write_text("1 .5 .5 1 1")
    (labels / place / name).write_text(text)
    (found,) = read_yolo(labels, images)
    assert (found.classes, found.names) == ({1: "wing bolt"}, ("nut", "wing bolt"))
    (given,) = read_yolo(labels, images, labels / place / name)
    assert given.classes == found.classes


def test_classes_without_names_are_called_by_their_numbers(folders):
    labels, images = folders
    (labels / "a.txt").write_text("2 .5 .5 1 1")
    (labels / "b.txt").write_text("0 .5 .5 1 1")
    first, second = read_yolo(labels, images)
    assert (first.classes, second.classes) == ({1: "2"}, {1: "0"})
    assert first.names == second.names == ("0", "1", "2")
    (labels / "b.txt").write_text("100000000 .5 .5 1 1")  # no name is made for each number below
    first, second = read_yolo(labels, images)
    assert (first.names, second.classes) == (("0", "1", "2"), {})
    assert second.notes == (
        "b.txt, line 1 has the class 1e+08; use 0, 1, 2, ..., up to 65534; left out",
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 .5 .5 1", r"a\.txt, line 1 has 4 numbers; write a class and x, y"),
        ("\n0 .1 .1 .2 .2 .3", r"a\.txt, line 2 has 6 numbers"),
        ("nut .5 .5 1 1", "line 1 is 'nut .5 .5 1 1'; write numbers only"),
        ("0.5 .5 .5 1 1", "line 1 has the class 0.5; use 0, 1, 2"),
        ("3 .5 .5 1 1", "line 1 has the class 3, but names has 2"),
        ("-1 .5 .5 1 1", "line 1 has the class -1; use 0, 1, 2"),
        ("nan .5 .5 1 1", "line 1 has the class nan"),
        ("1e300 .5 .5 1 1", "line 1 has the class 1e.300"),
        ("0 1e300 .5 1 1", "line 1 is outside its image"),
        ("nut\n0 2 2 2 2", r"line 1 is 'nut'.*numbers only \(and 1 more\)"),
        ("0 10 10 70 10 70 30", "line 1 is outside its image; write shares"),
        ("0 .9 .5 .4 1", "line 1 is outside its image"),
        ("0 nan 0 1 0 1 1", "line 1 is outside its image"),
    ],
)
def test_lines_that_cannot_be_read_are_named(folders, text, message):
    labels, images = folders
    (labels / "a.txt").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_yolo(labels, images, ("nut", "bolt"))


def test_one_bad_line_or_text_is_left_out_and_said(folders):
    labels, images = folders
    (labels / "a.txt").write_text("\ufeffnut\n0 .5 .5 1 1\n7 .5 .5 1 1\n", encoding="utf-8")
    (labels / "b.txt").write_bytes(b"0 .5 .5 1 1\xff")
    first, second = read_yolo(labels, images, ["nut"])
    assert (first.labels == 1).all()
    assert first.notes == (
        "a.txt, line 1 is 'nut'; write numbers only; left out",
        "a.txt, line 3 has the class 7, but names has 1, for classes from 0; left out",
    )
    assert not second.labels.any()
    assert "is no text in UTF-8 (byte 11 is 0xff)" in second.notes[0]


@pytest.mark.parametrize(
    "text",
    [
        "names: &a [x, x]\nmore: [*a, *a]",
        "names: {0: nut, 2: bolt}",
        "names: {0: nut, 00: bolt}",
        "names: [[nut]]",
        "names: 5",
        "- names",
        "[" * 10_000,
        "",
        "\x00",
    ],
)
def test_descriptions_that_cannot_be_read_are_named(folders, text):
    labels, images = folders
    (labels / "a.txt").write_text("0 .5 .5 1 1")
    (labels / "data.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"data\.yaml"):
        read_yolo(labels, images)


def test_names_of_classes_are_texts_whatever_they_mean_elsewhere(folders):
    labels, images = folders
    (labels / "a.txt").write_text("1 .5 .5 1 1")
    (labels / "data.yaml").write_text("names: [yes, 1e3]")
    assert read_yolo(labels, images)[0].names == ("yes", "1e3")


def test_corners_a_little_outside_are_cut_off(folders):
    labels, images = folders
    (labels / "a.txt").write_text("0 -0.01 -0.01 1.01 -0.01 1.01 1.01 -0.01 1.01")
    assert read_yolo(labels, images)[0].labels.all()


def test_files_that_are_missing_or_do_not_fit_are_named(folders, tmp_path):
    labels, images = folders
    with pytest.raises(FileNotFoundError, match="labels is .*gone.*, which is no folder"):
        read_yolo(tmp_path / "gone", images)
    with pytest.raises(FileNotFoundError, match="images is .*gone.*, which is no folder"):
        read_yolo(labels, tmp_path / "gone")
    with pytest.raises(FileNotFoundError, match="names is .*gone.*, which is not there"):
        read_yolo(labels, images, "gone.txt")
    (tmp_path / "d.yaml").write_text("path: here\n")
    with pytest.raises(ValueError, match=r"d\.yaml' has no 'names' of classes"):
        read_yolo(labels, images, tmp_path / "d.yaml")
    (labels / "c.txt").write_text("0 .5 .5 1 1")
    with pytest.raises(FileNotFoundError, match=r"c\.txt' has no image of the same name"):
        read_yolo(labels, images)
    tifffile.imwrite(images / "c.tif", np.zeros((2, 4, 5), np.uint8))
    with pytest.raises(ValueError, match=r"c\.tif has shape \(2, 4, 5\); YOLO files are of planes"):
        read_yolo(labels, images)
    imageio.imwrite(images / "c.png", np.zeros((4, 8), np.uint8))
    with pytest.raises(ValueError, match=r"c\.txt goes with c\.png and c\.tif; keep one"):
        read_yolo(labels, images)


def test_boxes_without_an_inside_are_said(tmp_path):
    imageio.imwrite(tmp_path / "a.png", np.zeros((8, 8), np.uint8))
    (tmp_path / "a.txt").write_text("0 0.5 0.5 0.5 0.5\n0 0.5 0.5 0 0.5\n")
    (found,) = read_yolo(tmp_path, tmp_path)
    assert np.unique(found.labels).tolist() == [0, 1]
    assert len(found.notes) == 1
    assert "is a box without width or height; left out" in found.notes[0]
