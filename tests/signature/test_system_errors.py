"""Errors of the system are told without their numbers, with the place and what to do."""

import errno
import os

import pytest

from napari_tessera.signature.system_errors import cause_of, sentence_of


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EROFS, "'a/b.tif': the disk is read-only; choose another place"),
        (errno.EACCES, "'a/b.tif': you have no right to it; choose another place"),
        (errno.ENOSPC, "'a/b.tif': the disk is full; make room on it"),
        (errno.ENAMETOOLONG, "'a/b.tif': the name is too long; choose a shorter one"),
        (errno.EXDEV, f"'a/b.tif': {os.strerror(errno.EXDEV)}"),
    ],
)
def test_the_place_is_named_and_what_to_do(number, said):
    error = OSError(number, os.strerror(number), "a/b.tif")
    assert sentence_of(error).startswith(said)
    assert "Errno" not in sentence_of(error)


def test_sentences_of_this_program_stay_as_they_are():
    own = OSError(errno.ENOSPC, "the disk is full, nothing was written", "a.tif")
    assert sentence_of(own) == "'a.tif': the disk is full, nothing was written"
    named = OSError(errno.EROFS, "cannot write to the folder 'out'", "out")
    assert sentence_of(named) == "cannot write to the folder 'out'"
    assert cause_of(FileNotFoundError("there is no file 'a'")) == "there is no file 'a'"


def test_both_places_of_a_move_are_named():
    moved = OSError(errno.EXDEV, os.strerror(errno.EXDEV), "a", None, "b")
    assert sentence_of(moved).startswith("'a' and 'b': ")


def test_an_error_without_words_has_its_name():
    assert sentence_of(MemoryError()) == "MemoryError"
    assert cause_of(OSError()) == "OSError"
