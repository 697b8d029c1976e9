import pytest

from napari_tessera.io.coco_records import (
    MOST_PIXELS,
    called,
    category_names,
    key_of,
    listed_pictures,
)


@pytest.mark.parametrize("wrong", [None, True, 1.5, [], {}, "", float("nan")])
def test_ids_are_numbers_or_texts(wrong):
    with pytest.raises(ValueError, match="images.0. has the id .*; a number or a text is wanted"):
        key_of({"id": wrong}, "id", "images[0]")


def test_names_of_classes_by_their_ids():
    notes = []
    records = [
        {"id": 1, "name": "nut"},
        {"id": "2", "name": 5},
        {"id": 3},
        None,
        {"id": 4, "name": []},
    ]
    assert category_names(records, notes) == {"1": "nut", "2": "5"}
    assert notes == [
        "categories[2] has no 'name', but 'id'",
        "categories[3] is None; an object with names is wanted",
        "categories[4].name is []; a text or a whole number is wanted",
    ]


def test_images_nobody_looks_for_keep_the_name_that_is_written():
    records = [
        {"id": 1, "file_name": "../a.png", "height": 2.0, "width": "3"},
        {"id": 2, "file_name": "b.png", "height": MOST_PIXELS, "width": 2},
        {"id": 3},
    ]
    found = listed_pictures(records, None)
    assert found.known == {"1", "2", "3"}
    assert (str(found.found["1"].file), found.found["1"].shape) == ("../a.png", (2, 3))
    assert set(found.refused) == {"b.png", "images[2]"}


def test_objects_are_called_by_their_ids():
    assert called({"id": 5}, 2) == "annotation 5"
    assert called({"id": "a\nb"}, 2) == "annotation a b"
    assert called({"id": []}, 2) == called(None, 2) == "annotations[2]"
