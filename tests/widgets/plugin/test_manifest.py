import pytest

from napari_tessera import METHODS
from napari_tessera.widgets.forms.form import Form
from napari_tessera.widgets.plugin import entry_points
from napari_tessera.widgets.plugin.manifest import PACKAGE, manifest, manifest_text, stub_text
from napari_tessera.widgets.plugin.menu import BEGINNINGS, FORMS, GROUPS, forms_of


def test_the_manifest_and_the_stub_are_those_of_the_registry():
    message = "run python -m napari_tessera.widgets.plugin.manifest"
    assert (PACKAGE / "napari.yaml").read_text(encoding="utf-8") == manifest_text(), message
    assert (PACKAGE / "__init__.pyi").read_text(encoding="utf-8") == stub_text(), message


def test_every_form_has_a_command_and_those_of_the_short_list_are_widgets():
    contributions = manifest()["contributions"]
    commands = {f"napari-tessera.{name}" for name in FORMS}
    assert commands <= {each["id"] for each in contributions["commands"]}
    listed = [each["command"] for each in contributions["widgets"]]
    assert listed == [f"napari-tessera.{name}" for name in BEGINNINGS]


def test_every_form_stands_in_one_menu():
    entries = [name for group in GROUPS for section in forms_of(group) for name in section]
    assert len(set(entries)) == len(entries)
    assert set(entries) == set(FORMS)
    assert set(BEGINNINGS) <= set(entries)


def test_methods_stand_in_the_groups_of_the_menu_in_its_order():
    groups = list(dict.fromkeys(method.group for method in METHODS.values()))
    assert groups == [group for group in GROUPS if group in groups]
    assert all(forms_of(group) for group in GROUPS)


def test_two_groups_stand_in_one_menu_of_napari(monkeypatch):
    before = manifest()["contributions"]["menus"]
    again = {**GROUPS, "Measure again": GROUPS["Measure"]}
    monkeypatch.setattr("napari_tessera.widgets.plugin.manifest.GROUPS", again)
    assert manifest()["contributions"]["menus"] == before


@pytest.mark.parametrize("name", FORMS)
def test_every_form_can_be_opened(name):
    form = getattr(entry_points, name)
    assert issubclass(form, Form)
    assert form.title
    assert form.__doc__


def test_other_names_are_refused():
    with pytest.raises(AttributeError, match="no attribute 'magic'"):
        _ = entry_points.magic
