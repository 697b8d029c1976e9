from napari_tessera import METHODS
from napari_tessera.widgets.plugin.manifest import PACKAGE, manifest, manifest_text, stub_text


def test_the_manifest_and_the_stub_are_those_of_the_catalogue():
    message = "run python -m napari_tessera.widgets.plugin.manifest"
    assert (PACKAGE / "napari.yaml").read_text(encoding="utf-8") == manifest_text(), message
    assert (PACKAGE / "__init__.pyi").read_text(encoding="utf-8") == stub_text(), message


def test_every_method_has_a_command_a_widget_and_a_menu_entry():
    contributions = manifest()["contributions"]
    for method in (each for each in METHODS.values() if not each.way.by_hand):
        command = f"napari-tessera.{method.name}"
        assert any(c["id"] == command for c in contributions["commands"])
        assert any(w["command"] == command for w in contributions["widgets"])
        assert any({"command": command} in entries for entries in contributions["menus"].values())
