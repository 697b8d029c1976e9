import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from napari_tessera.deep.data import kept_examples as kept
from napari_tessera.deep.data.pieces import pieces

BOX = (slice(2, 12), slice(4, 20))


def written(tmp_path, piece, box=BOX):
    path = tmp_path / "validation.npz"
    assert kept.write_examples(path, [piece], [box]) == 1
    (own,) = kept.read_examples(path)
    return own


@pytest.fixture
def objects():
    labels = np.zeros((24, 32), np.int64)
    labels[4:8, 6:10], labels[8:14, 12:30] = 100_000, 7
    return labels


@pytest.mark.parametrize("axis", [None, 0, -1])
def test_what_is_read_is_what_networks_saw(tmp_path, objects, axis):
    shape = {None: (24, 32), 0: (2, 24, 32), -1: (24, 32, 2)}[axis]
    image = np.random.default_rng(0).integers(0, 60_000, shape).astype(np.uint16)
    piece = pieces([image], [objects], axes=2, channel_axis=axis)[0]
    piece = replace(piece, zoom=1.5, intensities=((100.0, 3e4),) * (1 if axis is None else 2))
    own = written(tmp_path, piece)
    np.testing.assert_array_equal(own.image_at(own.everything), piece.image_at(BOX))
    np.testing.assert_array_equal(own.labels_at(own.everything), piece.labels_at(BOX))
    assert (own.zoom, own.name, own.image.dtype) == (1.5, "pair 1", np.uint16)


def test_planes_of_a_stack_and_classes_of_objects_are_kept(tmp_path, objects):
    stack, labels = (
        np.arange(3 * 24 * 32, dtype=np.float32).reshape(3, 24, 32),
        np.stack([objects] * 3),
    )
    piece = replace(
        pieces([stack], [labels], axes=2)[1],
        intensities=((0.0, 1.0),),
        classes={7: 1, 100_000: 0, 8: 2},
    )
    own = written(tmp_path, piece)
    np.testing.assert_array_equal(own.raw(own.everything), stack[1][BOX])
    found = own.labels_at(own.everything)
    assert found.dtype == np.uint16  # numbered anew, without gaps
    assert own.classes == {1: 1, 2: 0}
    np.testing.assert_array_equal(found == 1, objects[BOX] == 7)
    np.testing.assert_array_equal(found == 2, objects[BOX] == 100_000)


def test_what_is_not_annotated_stays_so(tmp_path, objects):
    piece = replace(pieces([objects * 1.0], [objects], axes=2)[0], ignore=7)
    piece = replace(piece, intensities=((0.0, 1.0),))
    own = written(tmp_path, piece)
    expected = np.select([objects == 7, objects > 0], [-1, 1], 0)[BOX]
    np.testing.assert_array_equal(own.labels_at(own.everything), expected)


def test_no_more_is_kept_than_a_model_may_weigh(tmp_path, monkeypatch, objects):
    monkeypatch.setattr(kept, "LARGEST", 900)  # 10 x 16 pixels of image and labels: 160 + 640
    every = pieces([objects.astype(np.uint8)] * 3, [objects] * 3, axes=2)
    assert kept.write_examples(tmp_path / "v.npz", every, [BOX] * 3) == 1
    assert len(kept.read_examples(tmp_path / "v.npz")) == 1


def damaged(path, **arrays):
    np.savez(path, **arrays)


def test_damaged_files_are_named_and_never_unpickled(tmp_path, objects, monkeypatch):
    path = tmp_path / "validation.npz"
    with pytest.raises(FileNotFoundError):
        kept.read_examples(path)
    about = {"schema": 1, "pieces": [{"channel_axis": None, "classes": None}]}
    packed = np.frombuffer(json.dumps(about).encode(), np.uint8)
    for write in (
        lambda: path.write_bytes(b"no archive"),
        lambda: damaged(path, image_0=objects),
        lambda: damaged(path, about=packed),
        lambda: damaged(path, about=packed, image_0=objects, labels_0=objects),
        lambda: damaged(path, about=np.array([{}], object)),
        lambda: damaged(path, about=np.frombuffer(b'{"schema": 2}', np.uint8)),
    ):
        write()
        with pytest.raises(ValueError, match=r"validation.npz cannot be read .*or remove it"):
            kept.read_examples(path)
    monkeypatch.setattr(kept, "_OPENED", 1000)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("about.npy", io.BytesIO(bytes(2000)).getvalue())
    with pytest.raises(ValueError, match="far more than is ever kept"):
        kept.read_examples(path)
