import numpy as np
import pytest
import zarr

from napari_tessera.io import files
from napari_tessera.io.zarr_writer import OmeZarrImage, OmeZarrWriter, file_boxes, is_zarr
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.words import Look, VoxelSize


def _stack(shape=(2, 700, 900)):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 9, shape).astype(np.uint16) * 1000
    return labels, Source.of(labels, spacing=VoxelSize((2, 0.5, 0.5), "um"), axes="zyx")


def test_blocks_are_written_one_by_one_and_the_pyramid_at_the_end(tmp_path):
    labels, source = _stack()
    image = OmeZarrImage(source, labels.shape, labels.dtype, origin=(4, 1, 2), blocks=(1, 256, 640))
    with OmeZarrWriter.create(tmp_path / "l.zarr", image) as writer:
        assert (writer.array.chunks, writer.array.shards) == ((1, 256, 320), (1, 256, 640))
        for box in file_boxes(writer.array):
            writer.array[box] = labels[box]
        assert not (tmp_path / "l.zarr").exists()
        writer.finish()
    group = zarr.open_group(tmp_path / "l.zarr", mode="r")
    np.testing.assert_array_equal(group["0"][:], labels)
    np.testing.assert_array_equal(group["1"][:], labels[:, ::2, ::2])
    assert sorted(group) == ["0", "1"]
    (said,) = group.attrs["ome"]["multiscales"]
    assert [each["coordinateTransformations"] for each in said["datasets"]] == [
        [{"type": "scale", "scale": [2, 0.5, 0.5]}, {"type": "translation", "translation": [4, 1, 2]}],
        [{"type": "scale", "scale": [2, 1, 1]}, {"type": "translation", "translation": [4, 1.25, 2.25]}],
    ]  # fmt: skip
    source = files.read(tmp_path / "l.zarr", labels=True)
    assert (source.spacing, source.spacing.unit) == ((2, 0.5, 0.5), "um")


def test_what_is_not_finished_leaves_what_was_there(tmp_path):
    labels, source = _stack((2, 6, 8))
    image = OmeZarrImage(source, labels.shape, labels.dtype)
    with OmeZarrWriter.create(tmp_path / "l.zarr", image) as writer:
        writer.array[:] = labels
        writer.finish()
    begun = OmeZarrWriter.create(tmp_path / "l.zarr", image, overwrite=True)
    with pytest.raises(KeyboardInterrupt), begun:
        begun.array[:] = 0
        raise KeyboardInterrupt
    with OmeZarrWriter.create(tmp_path / "l.zarr", image, overwrite=True) as writer:
        writer.array[:] = 0
    np.testing.assert_array_equal(files.read(tmp_path / "l.zarr").whole, labels)
    assert [each.name for each in tmp_path.iterdir()] == ["l.zarr"]
    with pytest.raises(FileExistsError, match="exists already"):
        OmeZarrWriter.create(tmp_path / "l.zarr", image)
    assert is_zarr(tmp_path / "l.zarr")


@pytest.mark.parametrize(
    ("blocks", "chunks", "shards"),
    [
        (None, (1, 512, 512), (16, 1024, 1024)),
        ((8, 1024, 600), (1, 500, 300), (8, 1000, 600)),  # longer than the image
        ((1, 701, 100), (1, 701, 100), (1, 701, 100)),  # of a prime number
    ],
)
def test_chunks_are_small_and_a_file_holds_many(blocks, chunks, shards):
    image = OmeZarrImage(_stack()[1], (40, 1000, 1000), np.uint32, blocks=blocks)
    assert image.files == (chunks, shards)


def test_names_and_colours_of_classes_are_those_of_ngff(tmp_path):
    labels, source = _stack((2, 6, 8))
    look = Look({1: "nucleus"}, {1: "#ff8000"})
    image = OmeZarrImage(source, labels.shape, labels.dtype, look=look)
    with OmeZarrWriter.create(tmp_path / "l.zarr", image) as writer:
        writer.finish()
    said = zarr.open_group(tmp_path / "l.zarr", mode="r").attrs["ome"]
    assert said["image-label"] == {
        "colors": [{"label-value": 1, "rgba": [255, 128, 0, 255]}],
        "properties": [{"label-value": 1, "class": "nucleus"}],
    }
