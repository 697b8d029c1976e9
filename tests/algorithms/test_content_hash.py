import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from napari_tessera.algorithms import content_hash
from napari_tessera.algorithms.content_hash import hash_of_array, hash_of_files


class Lazy:
    """An array that is no memory, and counts what is read of it."""

    def __init__(self, array):
        self.array, self.shape, self.dtype, self.read = array, array.shape, array.dtype, 0

    def __getitem__(self, index):
        piece = self.array[index]
        self.read += piece.nbytes
        return piece


def test_the_hash_of_a_file_is_that_of_sha256sum(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(bytes(range(256)) * 9000)  # longer than a piece
    assert hash_of_files([("", path)]).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_names_and_what_is_said_besides_count(tmp_path):
    for name in "ab":
        (tmp_path / name).write_bytes(b"x")
    one = hash_of_files([("0", tmp_path / "a")])
    assert one == hash_of_files([("0", tmp_path / "b")])
    assert one != hash_of_files([("1", tmp_path / "a")])
    assert one != hash_of_files([("0", tmp_path / "a")], "uint8")


def test_of_large_files_a_sample_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(content_hash, "MOST", 1000)
    monkeypatch.setattr(content_hash, "PIECE", 10)
    monkeypatch.setattr(content_hash, "SAMPLES", 8)
    path = tmp_path / "a"
    content = bytearray(range(200)) * 10
    path.write_bytes(content)
    found = hash_of_files([("", path)])
    assert found.sampled
    assert hash_of_files([("", path)], sampled=False).sha256 == hashlib.sha256(content).hexdigest()
    content[255] += 1  # pieces begin at multiples of 250
    path.write_bytes(content)
    assert hash_of_files([("", path)]) != found
    path.write_bytes(bytes(range(200)) * 10 + b".")  # the size counts
    assert hash_of_files([("", path)]) != found


@given(arrays(np.uint8, array_shapes(min_dims=1, max_dims=4, max_side=6)))
def test_an_array_has_one_hash_however_it_lies_in_memory(array):
    found = hash_of_array(array)
    assert hash_of_array(np.asfortranarray(array)) == found
    assert hash_of_array(Lazy(array)) == found
    wide = array.astype("<u2")
    assert hash_of_array(wide.astype(">u2")) == hash_of_array(wide) != found


@given(st.integers(0, 59))
def test_every_value_counts(place):
    array = np.zeros((3, 4, 5), np.int16)
    other = array.copy()
    other.flat[place] = 1
    assert hash_of_array(other) != hash_of_array(array)


def test_shape_and_type_count():
    array = np.zeros((2, 6), np.uint8)
    for other in (array.T, array.reshape(3, 4), array.astype(bool), array.view(np.int8)):
        assert hash_of_array(other) != hash_of_array(array)


def test_of_a_large_array_a_sample_is_read(monkeypatch):
    monkeypatch.setattr(content_hash, "MOST_LAZY", 1000)
    monkeypatch.setattr(content_hash, "PIECE", 10)
    monkeypatch.setattr(content_hash, "SAMPLES", 8)
    array = np.arange(4000, dtype=np.uint16).reshape(40, 10, 10)
    lazy = Lazy(array)
    found = hash_of_array(lazy)
    assert found.sampled
    assert 0 < lazy.read < array.nbytes / 10
    assert hash_of_array(array, sampled=True) == found != hash_of_array(array)


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        hash_of_files([("", tmp_path / "none")])
