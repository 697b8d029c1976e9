import json

import numpy as np
import pytest

from napari_tessera.pipeline.recipe_data import pack, unpack


def test_packed_arrays_come_back_and_damage_is_noticed():
    array = np.arange(12, dtype=np.uint16).reshape(3, 4)
    packed = pack(array)
    np.testing.assert_array_equal(unpack(json.loads(json.dumps(packed))), array)
    with pytest.raises(ValueError, match="damaged"):
        unpack({**packed, "sha256": "0"})
