import pytest

from napari_tessera.signature.docstrings import enumerated, told_of


def test_texts_stand_for_words_indented_as_their_line():
    @told_of(SIZES="small,\n  large", LAST="end")
    class Box:
        """A box.

        Its sizes are SIZES, to the LAST.
        """

    assert Box.__doc__.splitlines()[2:4] == [
        "        Its sizes are small,",
        "          large, to the end.",
    ]


def test_a_word_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="there is no SIZES in the docstring 'A box.'"):

        @told_of(SIZES="small")
        class Box:
            """A box."""


def test_where_docstrings_are_left_out_nothing_is_filled():
    def bare():
        pass

    assert told_of(SIZES="small")(bare).__doc__ is None


@pytest.mark.parametrize(
    ("words", "text"), [(("a",), "a"), (("a", "b"), "a or b"), (("a", "b", "c"), "a, b or c")]
)
def test_words_are_listed_as_in_a_sentence(words, text):
    assert enumerated(words, "or") == text
