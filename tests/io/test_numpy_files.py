import numpy as np
import pytest

from napari_tessera.io.formats import Asked
from napari_tessera.io.numpy_files import NUMPY, read_npy, write_npy
from napari_tessera.pipeline.result import ClassLabels, ObjectTable, PolygonSet, ScoreMaps
from napari_tessera.pipeline.source import Source


@pytest.mark.parametrize("dtype", ["uint8", ">u2", "float32"])
def test_an_array_is_kept_as_it_is_and_read_where_it_lies(tmp_path, dtype):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    write_npy(tmp_path / "a.npy", ClassLabels(array), Source.of(array), None)
    contents = read_npy(tmp_path / "a.npy", Asked())
    assert isinstance(contents.array, np.memmap)
    assert contents.array.dtype == dtype
    assert contents.array.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert (contents.axes, contents.sizes.spacing) == (None, None)


def test_it_holds_what_has_a_value_per_pixel():
    held = [NUMPY.can_hold(kind) for kind in (ClassLabels, ScoreMaps, PolygonSet, ObjectTable)]
    assert held == [True, True, False, False]


def test_python_objects_are_refused(tmp_path):
    np.save(tmp_path / "a_seg.npy", {"masks": np.zeros((3, 3))}, allow_pickle=True)
    with pytest.raises(ValueError, match="holds Python objects, .*; save the masks as TIFF or PNG"):
        read_npy(tmp_path / "a_seg.npy", Asked())
