import pytest

from napari_tessera.signature.parts import PartOfWhole, passed, passing, whole_shape


def test_a_part_is_known_while_it_is_passed():
    part = PartOfWhole((9, 9), (slice(2, 7), slice(0, 4)), (slice(3, 6), slice(0, 3)))
    assert passed((5, 4)) == PartOfWhole.all_of((5, 4))
    with passing(part):
        assert passed((5, 4)) == part
        assert whole_shape((5, 4)) == (9, 9)
        assert passed((5, 5)).start == (0, 0)  # an array of the method's own
    assert whole_shape((5, 4)) == (5, 4)


def test_an_error_ends_it_too():
    with pytest.raises(KeyError), passing(PartOfWhole.all_of((3,))):
        raise KeyError
    assert whole_shape((5, 4)) == (5, 4)
