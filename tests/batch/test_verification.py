from napari_tessera.batch.verification import Verification
from napari_tessera.pipeline.recipes.comparison import Comparison


def test_what_is_equal_is_said_so():
    found = Verification("a.tif", "threshold, label", "all of it", Comparison(100))
    assert (found.equal, found.status) == (True, 0)
    assert str(found) == "a.tif: threshold, label; all of it made again: equal"


def test_numbers_alone_are_told():
    found = Verification("a.tif", "label", "2 of 9 blocks", Comparison(100, renumbered=True))
    assert found.status == 0
    assert str(found).endswith("2 of 9 blocks made again: equal, up to the numbers of objects")
    other = Verification("a.tif", "label", "all of it", Comparison(100, 40, renumbered=True))
    assert other.status == 1
    assert str(other).endswith("the same objects, numbered otherwise")


def test_what_differs_is_counted_and_placed():
    found = Verification(
        "a.tif",
        "label",
        "all of it",
        Comparison(100, 3, 1),
        ("y 1, x 2 to 4",),
        ("the input b.tif has changed since",),
        {"numpy": ("2.0", "2.1"), "numba": ("0.61", "")},
    )
    assert (found.equal, found.status) == (False, 1)
    assert str(found).splitlines() == [
        "a.tif: label; all of it made again: differs in 3 pixels and 1 object, of 100 compared",
        "  y 1, x 2 to 4",
        "  the input b.tif has changed since",
        "  made with numpy 2.0, now there is 2.1",
        "  made with numba 0.61, now there is none",
    ]


def test_an_input_that_changed_counts_though_the_result_is_equal():
    found = Verification("a.tif", "", "all of it", Comparison(1), inputs=("it has changed",))
    assert (found.equal, found.status) == (True, 1)


def test_other_versions_do_not_count():
    assert Verification("a", "", "", Comparison(1), versions={"numpy": ("1", "2")}).status == 0


def test_what_cannot_be_made_again_is_told():
    found = Verification("a.csv", problem="its model is missing")
    assert (found.equal, found.status) == (None, 2)
    assert str(found) == "a.csv: cannot be made again: its model is missing"


def test_rows_are_called_so():
    found = Verification("a.csv", "measure", "all of it", Comparison(9, 1, unit="row"))
    assert "differs in 1 row, of 9 compared" in str(found)
