import pytest

from napari_tessera.algorithms.file_names import file_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("cells (3, 0, 256) watershed", "cells (3, 0, 256) watershed"),
        ("Preview: a/b\\c*?.tif", "Preview- a-b-c-.tif"),
        ("Zellen µ 細胞", "Zellen µ 細胞"),
        ("cells...", "cells"),
        (" a\tb\n", "a-b"),
        ("..", "-"),
    ],
)
def test_characters_that_a_system_forbids_are_replaced(text, name):
    assert file_name(text) == name
