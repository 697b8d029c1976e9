"""What the program changes is told from what a person changes."""

import pytest

from napari_tessera.widgets.quiet import Quiet


def test_it_is_quiet_until_the_outermost_change_has_ended():
    quiet = Quiet()
    assert not quiet
    with quiet:
        with quiet:
            assert quiet
        assert quiet
    assert not quiet


def test_a_change_that_fails_leaves_nothing_quiet():
    quiet = Quiet()
    with pytest.raises(ValueError, match="no such layer"), quiet:
        raise ValueError("no such layer")
    assert not quiet
