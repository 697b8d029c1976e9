import json

from napari_tessera.batch.fingerprints import Fingerprint
from napari_tessera.batch.manifest import MANIFEST, Finished, Manifest

ONE = Finished(
    "a-label",
    {"images/a.tif": Fingerprint(720, 5, "abc")},
    "def",
    {"labels": ("a-label.tif", Fingerprint(100, 6))},
    "2 objects",
    0.5,
)


def test_what_was_finished_is_known_to_the_next_run(tmp_path):
    first = Manifest(tmp_path)
    assert first["a-label"] is None
    first.note({"recipe": "def", "steps": {}})
    first.add(ONE)
    assert first["a-label"] == Manifest(tmp_path)["a-label"] == ONE


def test_the_last_line_of_a_file_counts(tmp_path):
    manifest, later = Manifest(tmp_path), Finished("a-label", {}, "other")
    manifest.add(ONE)
    manifest.add(later)
    assert Manifest(tmp_path)["a-label"] == later


def test_a_line_that_was_cut_off_spoils_no_other(tmp_path):
    Manifest(tmp_path).add(ONE)
    file = tmp_path / MANIFEST
    whole = file.read_text()
    file.write_text(whole + whole[:30])
    again = Manifest(tmp_path)
    assert again["a-label"] == ONE
    again.add(Finished("b-label", {}, "def"))
    assert Manifest(tmp_path)["b-label"] is not None
    assert Manifest(tmp_path)["a-label"] == ONE


def test_lines_of_others_are_left_alone(tmp_path):
    lines = [[], {"outputs": 3}, {"name": "x", "outputs": {}}, {"recipe": "def"}]
    (tmp_path / MANIFEST).write_text("".join(json.dumps(each) + "\n" for each in lines))
    assert Manifest(tmp_path)["x"] is None


def test_without_a_folder_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    manifest = Manifest(None)
    manifest.add(ONE)
    assert manifest["a-label"] == ONE
    assert list(tmp_path.iterdir()) == []
