import json
import os
import re
import subprocess
import sys
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from napari_tessera import METHODS, Recipe
from napari_tessera.io import files
from napari_tessera.io.annotation import Annotation
from napari_tessera.io.coco import MOST_PIXELS_IN_ALL, read_coco, write_coco
from napari_tessera.io.run_lengths import packed
from napari_tessera.pipeline.recipes.provenance import with_inputs
from napari_tessera.pipeline.recipes.recipe import KEY
from napari_tessera.pipeline.result import ClassLabels, ObjectLabels
from napari_tessera.pipeline.source import Source

from ..damage import damaged, deep_texts

SHAPES = array_shapes(min_dims=2, max_dims=2, max_side=12)
FILE = Path("a.png")


def coco(*annotations, **changes):
    """Return the content of a file with one image of 5 x 4 pixels and two classes."""
    whole = [
        {"id": k, "image_id": 7, "category_id": 20, **own} for k, own in enumerate(annotations, 1)
    ]
    return {
        "images": [{"id": 7, "file_name": "a.png", "height": 4, "width": 5}],
        "annotations": whole,
        "categories": [{"id": 10, "name": "nut"}, {"id": 20, "name": "bolt"}],
    } | changes


def box(left, top, right, bottom):
    return {"segmentation": [[left, top, right, top, right, bottom, left, bottom]]}


@pytest.fixture
def read(tmp_path):
    def reading(content, images=None):
        path = tmp_path / "objects.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return read_coco(path, images)

    return reading


# ------------------------------------------------------------------ drawing


def test_the_smaller_object_is_on_top_of_equal_ones_the_later_and_crowds_below(read):
    small, large, other = box(1, 1, 3, 3), box(0, 0, 4, 4), box(2, 1, 4, 3)
    crowd = {"segmentation": {"size": [4, 5], "counts": [16, 4]}, "iscrowd": 1}
    wide = box(3, 0, 5, 4) | {"category_id": 10}
    (found,) = read(coco(small, large, other, crowd, wide))
    expected = [[2, 2, 2, 5, 5], [2, 1, 3, 3, 5], [2, 1, 3, 3, 5], [2, 2, 2, 5, 5]]
    np.testing.assert_array_equal(found.labels, expected)
    assert found.labels.dtype == np.uint16
    assert found.classes == {1: "bolt", 2: "bolt", 3: "bolt", 4: "bolt", 5: "nut"}
    assert (found.crowd, found.names, found.file) == ((4,), ("nut", "bolt"), FILE)


def test_crowds_are_no_objects_but_have_a_class(read):
    crowd = {"segmentation": {"size": [4, 5], "counts": [8, 12]}, "iscrowd": 1}
    (found,) = read(coco(box(0, 0, 3, 1), crowd))
    expected = np.array([[1, 1, 1, 2, 2], *[[0, 0, 2, 2, 2]] * 3])
    np.testing.assert_array_equal(found.labels, expected)
    np.testing.assert_array_equal(found.objects(), expected == 1)
    np.testing.assert_array_equal(found.class_ids(), 2 * (expected > 0))
    assert found.class_ids().dtype == np.uint8


def test_polygons_of_one_object_are_united_not_crossed_out(read):
    two = {"segmentation": box(0, 0, 3, 2)["segmentation"] + box(1, 1, 4, 3)["segmentation"]}
    (found,) = read(coco(two))
    expected = [[1, 1, 1, 0, 0], [1, 1, 1, 1, 0], [0, 1, 1, 1, 0], [0, 0, 0, 0, 0]]
    np.testing.assert_array_equal(found.labels, expected)


def test_a_pixel_belongs_to_a_polygon_if_its_centre_does(read):
    # 0.4 of the first column is outside, 0.6 of the last; what is beyond the image is cut off
    (found,) = read(coco(box(0.4, -3, 3.4, 1.6)))
    np.testing.assert_array_equal(found.labels[:, :4], [[1, 1, 1, 0]] * 2 + [[0] * 4] * 2)


def test_all_three_ways_of_writing_an_object_are_read(read):
    counts = [5, 2, 2, 2, 9]
    runs = {"segmentation": {"size": [4, 5], "counts": counts}}
    text = {"segmentation": {"size": [4, 5], "counts": packed(np.array(counts))}}
    expected = np.zeros((4, 5))
    expected[1:3, 1:3] = 1
    for each in (runs, text, box(1, 1, 3, 3)):
        np.testing.assert_array_equal(read(coco(each))[0].labels, expected)


def test_images_without_objects_are_read_too(read):
    images = [{"id": k, "file_name": f"{k}.png", "height": 2, "width": 3} for k in "ab"]
    found = read(coco(images=images))
    assert [each.file.name for each in found] == ["a.png", "b.png"]
    np.testing.assert_array_equal(found[1].labels, np.zeros((2, 3)))
    assert found[1].class_ids().max() == 0


# ------------------------------------------------------------------ what is wrong in files


MASK = {"size": [4, 5], "counts": [5, 15]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "objects.json' is no JSON"),
        ([], "has no images and no annotations and no categories; pass a COCO file of objects"),
        ({"images": [], "annotations": []}, "has no categories"),
        (
            coco({"category_id": 30}),
            "annotation 1 has the category '30', but the file knows 10, 20",
        ),
        (coco({"image_id": 8}), "annotation 1 belongs to image '8', which is not listed"),
        (coco({"bbox": [0, 0, 1, 1]}), "annotation 1 has no 'segmentation', but 'id', 'image_id'"),
        (coco({"segmentation": []}), "annotation 1 has a box but no polygon"),
        (coco(images=[{"id": 7, "file_name": "a.png"}]), "image 7 has no 'height'"),
        (coco(box(5, 1, 7, 2)), "annotation 1 is outside its image: it .* x = 5"),
        (coco(box(0, -2, 3, 0)), "outside its image.*the image has 5 x 4 pixels"),
        (coco({"segmentation": [[0, 0, 1, 1]]}), "polygon of 4 numbers; pass x, y of three"),
        (coco({"segmentation": [[0, 0, 1, 1, 2, 2, 3]]}), "polygon of 7 numbers"),
        (
            coco({"segmentation": [[0, 0, 1, 1, 2, float("nan")]]}),
            "annotation 1: a polygon is .* a list of numbers",
        ),
        (coco({"segmentation": MASK | {"size": [5, 4]}}), "mask of 4 x 5 pixels.*has 5 x 4"),
        (coco({"segmentation": MASK | {"counts": [5, 14]}}), "run lengths of 19 pixels.*has 20"),
        (coco({"segmentation": MASK | {"counts": [25, -5]}}), "each is 0 or more"),
        (coco({"segmentation": MASK | {"counts": "~"}}), "annotation 1: counts is '~', which"),
        (coco({"segmentation": {"counts": [20]}}), "annotation 1 has no 'size'"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(read, content, message):
    with pytest.raises(ValueError, match=message):
        read(content)


def test_files_and_images_that_are_not_there_are_named(read, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*gone\.json"):
        read_coco(tmp_path / "gone.json")
    with pytest.raises(FileNotFoundError, match=r"image 'a\.png' of .*objects\.json' is not in"):
        read(coco(), tmp_path)
    imageio.imwrite(tmp_path / "a.png", np.zeros((4, 5), np.uint8))
    assert read(coco(), tmp_path)[0].file == tmp_path / "a.png"
    image = {"id": 7, "file_name": "train/a.png", "height": 4, "width": 5}
    assert read(coco(images=[image]), tmp_path)[0].file == tmp_path / "a.png"


# ------------------------------------------------------------------ one bad thing refuses not all


GOOD = box(1, 1, 3, 3)
ONE = np.zeros((4, 5), int)
ONE[1:3, 1:3] = 1


@pytest.mark.parametrize(
    ("bad", "note"),
    [
        ({"segmentation": []}, "annotation 2 has a box but no polygon"),
        ({"segmentation": [[0, 0, 1, 1]]}, "annotation 2 has a polygon of 4 numbers"),
        ({"segmentation": "x"}, "annotation 2 has the segmentation 'x'; polygons are wanted"),
        ({"segmentation": [[0, 0, 1, 0, 1, 1e18]]}, "annotation 2 has a corner more than 1e\\+09"),
        (box(50, 1, 70, 2), "annotation 2 is outside its image"),
        (
            {"segmentation": {"size": [4, 5], "counts": [10**12]}},
            "run lengths of 1000000000000 pix",
        ),
        # a sum that comes round to 20 in 64 bits
        (
            {"segmentation": {"size": [4, 5], "counts": [1 << 62] * 3 + [(1 << 62) + 20]}},
            "run lengths of 18446744073709551636 pixels",
        ),
        ({"segmentation": {"size": [4, 5], "counts": [10**400]}}, "a list of whole numbers"),
        (GOOD | {"category_id": 99}, "annotation 2 has the category '99'"),
        (GOOD | {"image_id": 99}, "annotation 2 belongs to image '99'"),
        (GOOD | {"iscrowd": [1]}, r"annotation 2: iscrowd is \[1\]"),
    ],
)
def test_one_bad_object_is_left_out_and_said(read, bad, note):
    (found,) = read(coco(GOOD, bad))
    np.testing.assert_array_equal(found.labels, ONE)
    assert len(found.notes) == 1
    assert re.search(f"^objects.json: .*{note}.*; left out$", found.notes[0])
    with pytest.raises(ValueError, match=f"^objects.json: .*{note.replace('annotation 2', '.*')}"):
        read(coco(bad))


def test_of_several_polygons_those_that_are_none_are_left_out(read):
    (found,) = read(coco({"segmentation": [*GOOD["segmentation"], [1, 2]]}))
    np.testing.assert_array_equal(found.labels, ONE)
    assert found.notes == (
        "annotation 1 has a polygon of 2 numbers; pass x, y of three corners or more; left out",
    )
    (found,) = read(coco(GOOD | {"score": "high"}))
    assert (found.scores, len(found.notes)) == ({}, 1)


def test_an_object_that_is_listed_twice_is_one(read):
    content = coco(GOOD, GOOD)
    content["annotations"][1]["id"] = 1
    (found,) = read(content)
    assert found.classes == {1: "bolt"}
    assert found.notes == ("objects.json: annotation 1 is listed twice; left out",)


def test_other_programs_write_otherwise(read):
    flat = {"segmentation": GOOD["segmentation"][0], "category_id": "20", "image_id": "7"}
    for one in (flat, flat | {"image_id": 7.0, "iscrowd": "0", "score": None}):
        (found,) = read("\ufeff" + json.dumps(coco(one)))
        np.testing.assert_array_equal(found.labels, ONE)
        assert (found.classes, found.notes) == ({1: "bolt"}, ())


def test_a_category_with_two_names_is_nobodys(read):
    two = [{"id": 10, "name": "nut"}, {"id": 20, "name": "bolt"}, {"id": "20", "name": "screw"}]
    (found,) = read(coco(GOOD, GOOD | {"category_id": 10}, categories=two))
    assert found.classes == {1: "nut"}
    assert "category 20 has two names" in found.notes[0]
    (found,) = read(coco(GOOD, categories=[*two[:2], two[1]]))
    assert (found.classes, found.notes) == ({1: "bolt"}, ())


def test_an_image_that_is_listed_twice_is_nobodys(read):
    image = {"id": 7, "file_name": "a.png", "height": 4, "width": 5}
    other = {"id": 8, "file_name": "b.png", "height": 4, "width": 5}
    (found,) = read(coco(GOOD, GOOD | {"image_id": 8}, images=[image, other, image]))[:1]
    assert found.notes == ()
    (found,) = read(
        coco(GOOD | {"image_id": 8}, images=[image, other, image | {"file_name": "c.png"}])
    )
    assert found.file == Path("b.png")
    assert "image 7 is listed twice, as a.png and c.png" in found.notes[0]


# ------------------------------------------------------------------ sizes and places of images


def test_polygons_are_scaled_to_an_image_of_the_same_proportions(read, tmp_path):
    imageio.imwrite(tmp_path / "a.png", np.zeros((8, 10), np.uint8))
    mask = {"segmentation": {"size": [4, 5], "counts": [5, 15]}}
    (found,) = read(coco(GOOD, mask), tmp_path)
    np.testing.assert_array_equal(found.labels, np.kron(ONE, np.ones((2, 2), int)))
    assert found.notes == (
        "listed with 5 x 4 pixels, but it has 10 x 8; the polygons are scaled",
        "objects.json: annotation 2 is a mask of 5 x 4 pixels, but its image has 10 x 8; left out",
    )
    imageio.imwrite(tmp_path / "a.png", np.zeros((5, 4), np.uint8))
    with pytest.raises(ValueError, match=r"a\.png should have 5 x 4 pixels, but it has 4 x 5"):
        read(coco(GOOD), tmp_path)


def test_a_turned_picture_has_the_size_that_viewers_show(read, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # on its right side
    Image.fromarray(np.zeros((5, 4), np.uint8)).save(tmp_path / "a.jpg", exif=exif)
    image = {"id": 7, "file_name": "a.jpg", "height": 4, "width": 5}
    (found,) = read(coco(GOOD, images=[image]), tmp_path)
    assert files.read(tmp_path / "a.jpg").shape == found.labels.shape


def test_images_of_other_formats_may_have_channels_but_are_planes(read, tmp_path):
    image = {"id": 7, "file_name": "a.npy", "height": 4, "width": 5}
    np.save(tmp_path / "a.npy", np.zeros((4, 5, 2)))
    (found,) = read(coco(GOOD, images=[image]), tmp_path)
    assert found.labels.shape == (4, 5)
    np.save(tmp_path / "a.npy", np.zeros((6, 7, 8)))
    with pytest.raises(ValueError, match=r"a\.npy has shape \(6, 7, 8\); COCO files are of planes"):
        read(coco(GOOD, images=[image]), tmp_path)


@pytest.mark.parametrize(
    "name", ["../a.png", "/a.png", "x/../../a.png", "..", ".", "", "a\0", "a" * 5000]
)
def test_images_lie_in_their_folder(read, tmp_path, name):
    folder = tmp_path / "images"
    folder.mkdir()
    imageio.imwrite(tmp_path / "a.png", np.zeros((4, 5), np.uint8))
    name = str(tmp_path) + name if name.startswith("/") else name
    image = {"id": 7, "file_name": name, "height": 4, "width": 5}
    with pytest.raises(FileNotFoundError, match="is not in"):
        read(coco(GOOD, images=[image]), folder)
    imageio.imwrite(folder / "a.png", np.zeros((4, 5), np.uint8))
    if name.endswith("a.png"):  # the folders of another computer are no matter
        assert read(coco(GOOD, images=[image]), folder)[0].file == folder / "a.png"
    windows = image | {"file_name": "C:\\data\\a.png"}
    assert read(coco(GOOD, images=[windows]), folder)[0].file == folder / "a.png"


@pytest.mark.parametrize(
    "size", [{"height": 10**9, "width": 10**9}, {"height": 0}, {"width": 10**400}]
)
def test_images_too_large_to_be_are_refused(read, size):
    image = {"id": 7, "file_name": "a.png", "height": 4, "width": 5} | size
    with pytest.raises(ValueError, match="image 7"):
        read(coco(GOOD, images=[image]))
    many = [{"id": k, "file_name": "a.png", "height": 1 << 15, "width": 1 << 15} for k in range(9)]
    with pytest.raises(ValueError, match=f"up to {MOST_PIXELS_IN_ALL} are read at once"):
        read(coco(images=many))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes in folders")
def test_images_that_are_pipes_are_not_opened(read, tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"a\.png' is a pipe or a device"):
        read(coco(GOOD), tmp_path)


@pytest.mark.parametrize("here", [False, True])
def test_every_damage_is_named_with_its_file_or_leaves_the_rest(read, tmp_path, here):
    if here:
        imageio.imwrite(tmp_path / "a.png", np.zeros((4, 5), np.uint8))
        imageio.imwrite(tmp_path / "b.png", np.zeros((4, 5), np.uint8))
    crowd = {"segmentation": {"size": [4, 5], "counts": [16, 4]}, "iscrowd": 1, "score": 0.5}
    content = coco(GOOD, crowd, GOOD | {"image_id": 8})
    content["images"].append({"id": 8, "file_name": "b.png", "height": 4, "width": 5})
    whole = 0
    for place, what, data in damaged(content):
        try:
            found = read(data, tmp_path if here else None)
        except (ValueError, FileNotFoundError) as error:
            assert "objects.json" in str(error), (place, what)
            assert str(error).isprintable()
            # one of them is no reason to refuse the others
            assert len(place) < 2 or place[0] == "categories" or here, place
            continue
        whole += 1
        assert all(note.isprintable() for each in found for note in each.notes)
        if here:
            assert all(each.labels.shape == (4, 5) for each in found)
        for each in found:
            each.objects()
            each.class_ids()
    assert whole > 200


@pytest.mark.parametrize("text", [*deep_texts(json.dumps(coco(GOOD))), "null", '"x"', ""])
def test_what_is_no_coco_file_is_named(read, text):
    with pytest.raises(ValueError, match=r"objects\.json"):
        read(text)


# ------------------------------------------------------------------ writing


LABELS = np.array(
    [
        [3, 3, 3, 0, 9],
        [3, 0, 3, 9, 0],
        [3, 3, 3, 0, 5],
        [0, 0, 0, 5, 5],
    ]
)


def test_what_is_written_can_be_read_by_people(tmp_path):
    names = {3: "nut", 5: "bolt"}
    item = Annotation(Path("folder/a.png"), LABELS, names, scores={5: 0.5}, names=("bolt", "nut"))
    write_coco(tmp_path / "o.json", [item])
    content = json.loads((tmp_path / "o.json").read_text())
    assert content["images"] == [{"id": 1, "file_name": "a.png", "width": 5, "height": 4}]
    assert content["categories"] == [
        {"id": 1, "name": "bolt"},
        {"id": 2, "name": "nut"},
        {"id": 3, "name": "object"},
    ]
    ring, bolt, nameless = content["annotations"]
    # columns of 4: three of the ring, its hole, and one empty pixel after each
    runs = [0, 3, 1, 1, 1, 1, 1, 3, 9]
    assert ring == {
        "id": 1,
        "image_id": 1,
        "category_id": 2,
        "label": 3,
        "segmentation": {"size": [4, 5], "counts": packed(np.array(runs))},
        "bbox": [0, 0, 3, 3],
        "area": 8,
        "iscrowd": 0,
    }
    assert bolt["segmentation"] == [[5, 2, 5, 4, 3, 4, 3, 3, 4, 3, 4, 2]]
    assert (bolt["bbox"], bolt["area"], bolt["score"]) == ([3, 2, 2, 2], 3, 0.5)
    # pixels that touch at a corner are one polygon, which touches itself there
    assert nameless["segmentation"] == [[5, 0, 5, 1, 4, 1, 4, 2, 3, 2, 3, 1, 4, 1, 4, 0]]
    assert nameless["category_id"] == 3


def same(tmp_path, items):
    write_coco(tmp_path / "o.json", items, overwrite=True)
    found = read_coco(tmp_path / "o.json")
    assert len(found) == len(items)
    for before, after in zip(items, found, strict=True):
        np.testing.assert_array_equal(after.labels, before.labels)
        present = set(np.unique(before.labels).tolist()) - {0}
        assert after.classes == {k: before.classes.get(k, "object") for k in present}
        assert after.scores == {k: v for k, v in before.scores.items() if k in present}
        assert after.crowd == tuple(k for k in sorted(present) if k in before.crowd)


@given(
    st.lists(
        st.builds(
            Annotation,
            st.just(FILE),
            arrays(np.uint16, SHAPES, elements=st.sampled_from([0, 1, 4, 5, 300])),
            st.dictionaries(st.sampled_from([1, 4, 5]), st.sampled_from(["nut", "bolt"])),
            st.sampled_from([(), (4,), (4, 5)]),
            st.dictionaries(st.sampled_from([1, 300]), st.floats(0, 1)),
        ),
        max_size=3,
    )
)
@settings(max_examples=60)
def test_the_same_labels_are_read_again(tmp_path_factory, items):
    same(tmp_path_factory.getbasetemp(), items)


def test_holes_islands_in_them_and_many_pieces_are_read_again(tmp_path):
    y, x = np.mgrid[-20:21, -25:26]
    radius = np.hypot(y, x)
    rings = np.where((radius // 4) % 2 == 0, 1, 2 * (radius > 30))
    pieces = ((y // 5 + x // 5) % 2) * 70_000
    same(tmp_path, [Annotation(FILE, rings), Annotation(FILE, pieces), Annotation(FILE, 0 * x)])


def test_nothing_is_overwritten_unasked_and_what_cannot_be_written_is_named(tmp_path):
    path = tmp_path / "o.json"
    volume, below = np.zeros((2, 3, 4), int), np.array([[-1]])
    for labels, message in ((volume, r"shape \(2, 3, 4\).*planes"), (below, "labels has -1")):
        with pytest.raises(ValueError, match=message):
            write_coco(path, [Annotation(FILE, labels)])
        assert not path.exists()
    write_coco(path, [])
    with pytest.raises(FileExistsError, match="exists already"):
        write_coco(path, [])
    assert read_coco(path) == []


def test_objects_of_a_run_are_written_with_the_recipe_and_in_their_place(tmp_path):
    source = Source.of(np.zeros((6, 8)), name="a.tif")
    recipe = Recipe.of(METHODS["watershed"], source, {})
    result = ObjectLabels(LABELS, start=(1, 2))
    files.write(tmp_path / "o.json", result, source, recipe)
    (found,) = read_coco(tmp_path / "o.json")
    np.testing.assert_array_equal(found.labels, np.pad(LABELS, ((1, 1), (2, 1))))
    assert found.file == Path("a.tif")
    kept = json.loads((tmp_path / "o.json").read_text())[KEY]["recipe"]
    assert Recipe.from_dict(kept) == with_inputs(recipe, source)
    with pytest.raises(ValueError, match="cannot hold classes"):
        files.write(tmp_path / "c.json", ClassLabels(LABELS), source)
    volume = Source.of(np.zeros((2, 4, 5)))
    with pytest.raises(ValueError, match="hold planes"):
        files.write(tmp_path / "v.json", ObjectLabels(np.stack([LABELS] * 2)), volume)


def test_nothing_heavy_is_imported():
    code = (
        "import napari_tessera.io.yolo_texts, napari_tessera.io.coco, sys;"
        "print([m for m in ('torch', 'napari', 'numba', 'skimage', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
