import pytest

from napari_tessera.signature.progress import Progress, Reporter, Stop
from napari_tessera.widgets.recipe.recipe_thread import RecipeThread


class Call:
    """A run that tells of one step."""

    def __init__(self, name, error=None):
        self.ground = type("Ground", (), {"layer": type("Layer", (), {"name": name})})
        self._error = error

    def run(self, told, report):
        told(0, "1 object", 0.5)
        report(Progress(1, 1))
        if self._error is not None:
            raise self._error
        return [self.ground.layer.name]


def test_layers_come_one_after_the_other_and_one_that_fails_is_named():
    thread = RecipeThread([Call("a"), Call("b", ValueError("too dark")), Call("c")])
    shares = []
    thread.work(Reporter(lambda progress: shares.append(progress.done)))
    assert list(thread.given()) == [(0, ["a"]), (2, ["c"])]
    assert list(thread.given()) == []
    assert [each[0] for each in thread.steps()] == [0, 1, 2]
    assert thread.failed == ["b: too dark"]
    assert shares == pytest.approx([1 / 3, 2 / 3, 1])


def test_what_goes_wrong_with_the_only_layer_is_raised():
    with pytest.raises(ValueError, match="too dark"):
        RecipeThread([Call("a", ValueError("too dark"))]).work(Reporter())
    thread = RecipeThread([Call("a", RuntimeError())], ["b: no such layer"])
    thread.work(Reporter())
    assert thread.failed == ["b: no such layer", "a: RuntimeError"]


def test_a_stop_ends_all():
    thread = RecipeThread([Call("a", Stop()), Call("b")])
    with pytest.raises(Stop):
        thread.work(Reporter())
    assert list(thread.given()) == []
