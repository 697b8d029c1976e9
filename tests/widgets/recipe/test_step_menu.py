from qtpy.QtWidgets import QWidget

from napari_tessera import Recipe, step
from napari_tessera.widgets.recipe.edited import EditedRecipe
from napari_tessera.widgets.recipe.step_menu import OTHERS, StepMenu


def offered(menu):
    """Return the entries of each group."""
    groups = [each for each in menu.actions() if each.menu() and each.text() != OTHERS]
    return {each.text(): [entry.text() for entry in each.menu().actions()] for each in groups}


def test_methods_are_offered_in_their_groups(viewer):
    edited = [EditedRecipe()]
    parent = QWidget()
    menu, heard = StepMenu(parent, lambda: edited[0]), []
    menu.chosen.connect(heard.append)
    menu.aboutToShow.emit()
    assert "Threshold" in offered(menu)["Classical"]
    assert OTHERS not in [each.text() for each in menu.actions()]
    edited[0] = EditedRecipe(Recipe.chain(step("threshold")).steps)
    menu.aboutToShow.emit()
    assert "Threshold" not in offered(menu)["Classical"]
    others = next(each for each in menu.actions() if each.text() == OTHERS).menu()
    assert "Threshold" in offered(others)["Classical"]
    assert offered(others)["Refine"] == ["Top-hat of an image"]  # which takes no labels
    next(
        each for each in others.actions()[0].menu().actions() if each.text() == "Canny edges"
    ).trigger()
    assert heard == ["canny"]
    parent.deleteLater()
