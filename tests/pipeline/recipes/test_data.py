import base64
import json
import zlib

import numpy as np
import pytest

from napari_tessera.pipeline.recipes.data import MOST_BYTES, check_packed, pack, unpack


def test_packed_arrays_come_back_and_damage_is_noticed():
    array = np.arange(12, dtype=np.uint16).reshape(3, 4)
    packed = pack(array)
    np.testing.assert_array_equal(unpack(json.loads(json.dumps(packed))), array)
    with pytest.raises(ValueError, match="damaged"):
        unpack({**packed, "sha256": "0"})


@pytest.mark.parametrize("dtype", ["?", "u1", "<i8", ">u2", "<f2", ">f8"])
def test_every_type_of_number_comes_back(dtype):
    array = np.array([[0, 1, 1], [1, 0, 0]], dtype)
    found = unpack(json.loads(json.dumps(pack(array))))
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dtype": "|O"}, r"inputs\.mask\.dtype is '|O'; one of real numbers"),
        ({"dtype": "u1,u1"}, "one of real numbers"),
        ({"shape": [10**6, 10**6, 10**6]}, f"one of up to {MOST_BYTES} bytes is wanted"),
        ({"shape": [-1]}, "shape is"),
        ({"shape": [3]}, "damaged"),
        ({"zlib": "%"}, "damaged"),
        ({"zlib": "QUJD"}, "damaged"),
    ],
)
def test_arrays_that_cannot_be_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        unpack({**pack(np.zeros((2, 2), np.uint8)), **change}, "inputs.mask")


def test_no_more_is_decompressed_than_is_declared():
    bomb = base64.b64encode(zlib.compress(bytes(1 << 28), 9)).decode()
    packed = {**pack(np.zeros((2, 2), np.uint8)), "zlib": bomb}
    check_packed(packed, "inputs.mask")
    import tracemalloc

    tracemalloc.start()
    with pytest.raises(ValueError, match="damaged"):
        unpack(packed)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1 << 22
