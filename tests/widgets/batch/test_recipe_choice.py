import pytest
from qtpy.QtWidgets import QFileDialog

from napari_tessera.widgets.batch.recipe_choice import RecipeChoice
from napari_tessera.widgets.forms.call import apply


@pytest.fixture
def choice(viewer):
    made = RecipeChoice(viewer)
    viewer.layers.events.inserted.connect(made.refresh)
    yield made
    viewer.layers.events.inserted.disconnect(made.refresh)


def test_the_recipe_of_the_selected_layer_is_chosen(viewer, coins, choice):
    with pytest.raises(ValueError, match="recipe is missing; open one"):
        choice.recipe  # noqa: B018
    viewer.add_layer(apply(coins, "threshold", method="li"))
    assert choice.choice.currentText() == "coins threshold"
    assert choice.recipe.parameters["method"] == "li"
    viewer.layers[-1].metadata.clear()
    with pytest.raises(ValueError, match="'coins threshold' has no recipe any more"):
        choice.recipe  # noqa: B018


def test_a_saved_recipe_is_opened_in_a_dialog(folder, choice, monkeypatch):
    monkeypatch.setattr(
        QFileDialog, "getOpenFileName", lambda *_: (str(folder / "r.json"), "Recipe")
    )
    choice.button.click()
    choice.button.click()
    assert choice.choice.count() == 1
    assert choice.recipe.method == "label"
    (folder / "r.json").write_text("{}")
    with pytest.raises(ValueError, match=r"r\.json"):
        choice.recipe  # noqa: B018
