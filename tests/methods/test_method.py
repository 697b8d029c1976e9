"""What a method says besides its signature, of ones made here."""

import pickle

import numpy as np
import pytest

from napari_tessera import METHODS
from napari_tessera.methods.method import Assembly, Cut, Method
from napari_tessera.signature.words import Classes, Image, VoxelSize

PIXEL = VoxelSize((1, 1))


def bright(image: Image, *, level: float = 4.0) -> Classes:
    """Return the bright pixels.

    Parameters
    ----------
    image : ndarray
    level : float
        Above which a pixel is bright.
    """
    return image > level


def assembly(refused=None):
    return Assembly(bright, bright, lambda values, spacing: (3.0, 3.0), refused=refused)


def test_names_are_those_of_the_function():
    method = Method(bright, "Classical", Cut("local"))
    assert (method.name, method.display) == ("bright", "Bright")
    assert method.summary == "Return the bright pixels."
    assert [each.name for each in method.options] == ["level"]
    assert method.complete({}) == {"level": 4.0}
    with pytest.raises(TypeError, match="bright has no option 'sigma'; it has level"):
        method.complete({"sigma": 1})


def test_one_of_the_table_is_the_same_in_another_process():
    watershed = METHODS["watershed"]
    assert pickle.loads(pickle.dumps(watershed)) is watershed
    own = Method(bright, "Classical", Cut("local"))
    there = pickle.loads(pickle.dumps(own))
    assert (there.function, there.group, there.cut) == (own.function, own.group, own.cut)


def test_blocks_are_refused_with_the_reason():
    local = Cut("local", lambda values, spacing: (1.0, 2.0))
    assert local.refusal({}) == ""
    assert local.halo_in_blocks({}, PIXEL) == (1.0, 2.0)
    whole = Cut("global", reason="it needs all")
    assert whole.refusal({}) == "it needs all"
    assert whole.halo_in_blocks({}, PIXEL) == (0.0, 0.0)


def test_what_is_assembled_of_pieces_is_not_refused():
    cut = Cut("global", reason="it needs all", assembly=assembly())
    assert cut.refusal({}) == ""
    assert cut.halo_in_blocks({}, PIXEL) == (3.0, 3.0)
    some = Cut("global", assembly=assembly(lambda values: "no hulls" if values["hulls"] else ""))
    assert some.refusal({"hulls": True}) == "no hulls"
    assert some.assembly_with({"hulls": True}) is None
    assert some.refusal({"hulls": False}) == ""


def test_levels_that_are_found_replace_those_that_were_asked_for():
    cut = Cut("local", statistics=lambda pieces, **values: {"level": max(map(np.max, pieces))})
    found = cut.resolve([np.array([1, 7]), np.array([3])], {"level": None, "a": 1}, PIXEL)
    assert found == {"level": 7, "a": 1}
    assert Cut("local").resolve([], {"level": 2}, PIXEL) == {"level": 2}


def test_an_assembly_goes_by_id_as_its_parameters_say():
    by_id = Assembly(bright, bright, lambda *_: (0.0,), by_id=lambda values: values["objects"])
    assert by_id.is_by_id({"objects": True})
    assert not by_id.is_by_id({"objects": False})
    assert not assembly().is_by_id({})
