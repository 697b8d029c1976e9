import dataclasses
import json
import os
import pickle
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from napari_tessera.deep.models import library as m
from napari_tessera.deep.models.folder import CONFIG, RESUME, WEIGHTS, sha256
from napari_tessera.deep.networks.registry import NETWORKS, build

from .described import OPTIONS, described, made


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The user's models, none yet; none comes with the package either."""
    folder = tmp_path / "models"
    monkeypatch.setenv("NAPARI_TESSERA_MODELS", str(folder))
    monkeypatch.setattr("napari_tessera.deep.models.shipped.index._FOLDER", tmp_path / "shipped")
    return folder


@pytest.fixture
def shipped(home, tmp_path):
    """The place of the models that come with the package, with one of nuclei."""
    made(tmp_path / "shipped", "nuclei", seed=7)
    return tmp_path / "shipped"


def rewritten(path, **changes):
    content = json.loads((path / CONFIG).read_text())
    content.update(changes)
    for name in [name for name, value in content.items() if value is ...]:
        del content[name]
    (path / CONFIG).write_text(json.dumps(content))


# --- what is kept comes back


@pytest.mark.parametrize("network", OPTIONS)
def test_the_network_comes_back(home, network):
    torch.manual_seed(1)
    image = torch.randn(2, 1, 32, 48)
    original = made(home, network=network)
    found = m.find_model("cells").load_network()
    assert not found.training
    with torch.inference_mode():
        assert torch.equal(found(image), original(image))
    assert found.state_dict().keys() == original.state_dict().keys()


def test_volumes_and_classes(home):
    options = {"width": 1 / 64, "depth": 1, "axes": 3}
    config = {"axes": 3, "spacing": (2.0, 0.5, 0.5), "targets": "classes", "ids": (0, 3)}
    original = made(home, options=options, class_names=("ground", "wall"), **config)
    found = m.find_model("cells")
    assert (found.config.classes, found.config.kind) == (2, "classes")
    image = torch.randn(1, 1, 4, 6, 8)
    with torch.inference_mode():
        assert torch.equal(found.load_network()(image), original(image))


def test_config_survives_with_its_types(home):
    config = described(
        targets="classes", ids=(0, 7), class_names=("Ä", "b"), spacing=None, score=None
    )
    folder = m.Folder(home / "a")
    folder.create(config)
    assert folder.read_config() == config
    assert (config.classes, described().classes, described().kind) == (2, 3, "objects")


def test_numbers_of_numpy_are_written(home):
    folder = m.Folder(home / "a")
    folder.create(
        described(score=np.float32(0.5), training={"x": np.int64(3)}, examples=np.int64(2))
    )
    found = folder.read_config()
    assert (found.score, found.training, found.examples) == (0.5, {"x": 3}, 2)


def test_weights_on_other_strides_are_written(home):
    network = build("unet", in_channels=1, classes=3, **OPTIONS["unet"])
    network = network.to(memory_format=torch.channels_last)
    folder = m.Folder(home / "a")
    folder.create(described())
    folder.write_weights(network.state_dict(), described())
    found = folder.read_weights()
    for name, weights in network.state_dict().items():
        assert torch.equal(found[name], weights)


def test_resume_round_trip(home):
    folder = m.Folder(home / "a")
    folder.create(described())
    assert not folder.exists
    tensors = {"network.w": torch.randn(2, 3).T, "optimiser.0.step": torch.tensor(4.0)}
    numbers = {"epoch": 3, "best": [-float("inf"), 0.1], "note": None}
    folder.write_resume(tensors, numbers)
    assert folder.exists
    found, read = folder.read_resume()
    assert read == numbers
    assert found.keys() == tensors.keys()
    for name, each in tensors.items():
        assert torch.equal(found[name], each)
    (folder.path / RESUME).write_bytes((folder.path / RESUME).read_bytes()[:-8])
    with pytest.raises(ValueError, match="resume.safetensors is no intact safetensors file"):
        folder.read_resume()
    (folder.path / RESUME).unlink()
    with pytest.raises(FileNotFoundError, match="resume.safetensors is not there"):
        folder.read_resume()


def test_losses(home):
    folder = m.Folder(home / "a")
    folder.create(described())
    assert folder.read_losses() == []
    folder.append_losses({"epoch": 1, "loss": 0.5, "score": None})
    folder.append_losses({"epoch": 2, "loss": 0.25, "score": 0.75})
    path = folder.path / "losses.csv"
    assert path.read_text() == "epoch,loss,score\n1,0.5,\n2,0.25,0.75\n"
    folder.append_losses({"epoch": 2, "loss": 0.125, "score": 0.5})
    assert folder.read_losses() == [
        {"epoch": 1, "loss": 0.5, "score": None},
        {"epoch": 2, "loss": 0.125, "score": 0.5},  # the epoch was repeated
    ]
    with pytest.raises(ValueError, match="rate"):
        folder.append_losses({"epoch": 3, "rate": 1})


# --- whatever ends a training leaves the last good pair


@pytest.mark.parametrize("last", range(1, 5))
def test_a_crash_leaves_weights_with_their_config(home, monkeypatch, last):
    made(home, seed=0)
    before = m.find_model("cells").config
    network = build("unet", in_channels=1, classes=3, **OPTIONS["unet"])
    steps = []

    def counted(original):
        def step(*args, **kwargs):
            steps.append(1)
            if len(steps) == last:
                raise KeyboardInterrupt
            return original(*args, **kwargs)

        return step

    monkeypatch.setattr(os, "fsync", counted(os.fsync))
    monkeypatch.setattr(Path, "replace", counted(Path.replace))
    with pytest.raises(KeyboardInterrupt):
        m.Folder(home / "cells").write_weights(network.state_dict(), described(score=0.9))
    found = m.find_model("cells")
    found.load_network()  # hash and names fit
    assert found.config.score == (0.9 if last == 4 else before.score)


def test_folders_are_not_overwritten(home):
    made(home)
    folder = m.Folder(home / "cells")
    with pytest.raises(FileExistsError, match="which is there already; choose another name"):
        folder.check()
    with pytest.raises(FileExistsError, match=f"'cells' has no {RESUME} to go on with"):
        folder.check(resume=True)
    with pytest.raises(FileExistsError, match="has a weights.safetensors, which is not overwrit"):
        folder.create(described())
    folder.write_resume({}, {})
    folder.check(resume=True)
    other = home / "photos"
    other.mkdir()
    (other / "cat.jpg").write_bytes(b"")
    with pytest.raises(FileExistsError, match="photos"):
        m.Folder(other).check(resume=True)
    with pytest.raises(FileExistsError, match="which is a file"):
        m.Folder(other / "cat.jpg").check()


def test_a_training_that_kept_nothing_can_begin_again_or_be_removed(home):
    folder = m.Folder(home / "a")
    folder.check()
    folder.create(described())
    folder.append_losses({"epoch": 1})
    with pytest.raises(FileExistsError):
        folder.check()
    folder.check(resume=True)
    folder.create(described())
    assert folder.read_losses() == []
    folder.remove()
    assert not folder.path.exists()
    folder.create(described())
    (folder.path / "notes.txt").write_text("mine")
    folder.remove()
    assert [each.name for each in folder.path.iterdir()] == ["notes.txt"]
    made(home)
    m.Folder(home / "cells").remove()
    m.find_model("cells").verify()


# --- finding


def test_names_paths_and_lists(home, tmp_path):
    assert m.models() == []
    with pytest.raises(ValueError, match="there is none yet: train one first"):
        m.find_model("cells")
    made(home, "cells")
    made(home, "Big cells")
    made(tmp_path, "elsewhere")
    assert [each.name for each in m.models()] == ["Big cells", "cells"]
    assert m.find_model("cells").path == home / "cells"
    assert (
        m.find_model(home / "cells") == m.find_model(str(home / "cells")) == m.find_model("cells")
    )
    assert m.find_model(tmp_path / "elsewhere").name == "elsewhere"
    with pytest.raises(ValueError, match=r"no such model in .*choose one of Big cells, cells"):
        m.find_model("nuclei")
    with pytest.raises(ValueError, match="there is no folder .*nowhere"):
        m.find_model(tmp_path / "nowhere")


def test_pins(home, tmp_path):
    made(home, seed=0)
    made(tmp_path, "elsewhere")
    pin = m.pinned("cells")
    assert pin == f"cells@{sha256(home / 'cells' / WEIGHTS)[:12]}"
    assert (
        m.find_model(pin).name
        == m.find_model(pin.upper().replace("CELLS", "cells")).name
        == "cells"
    )
    assert m.pinned(pin) == m.pinned(home / "cells") == pin
    assert m.pinned(tmp_path / "elsewhere").startswith(f"{tmp_path / 'elsewhere'}@")
    assert m.find_model(m.pinned(tmp_path / "elsewhere")).name == "elsewhere"
    (home / "cells" / WEIGHTS).unlink()
    made(home, seed=1)
    with pytest.raises(ValueError, match="'cells' has other weights .* was trained again or"):
        m.find_model(pin)


@pytest.mark.parametrize(
    "name", ["", ".x", "a/../b\n", "a:b", "con", "LPT1.x", "a.", "Removed", "a" * 101]
)
def test_bad_names_are_refused(home, name):
    made(home)
    with pytest.raises(ValueError, match="name is "):
        m.renamed(m.find_model("cells"), name)
    with pytest.raises(ValueError, match="name is |no folder"):
        m.find_model(name)


def test_renaming_and_removing_lose_nothing(home):
    made(home, "cells")
    made(home, "other")
    with pytest.raises(FileExistsError, match="name is 'other', which is there already"):
        m.renamed(m.find_model("cells"), "other")
    found = m.renamed(m.find_model("cells"), "große Zellen 2.1")
    assert m.find_model("große Zellen 2.1") == found
    assert [each.name for each in m.models()] == ["große Zellen 2.1", "other"]
    place = m.removed(found)
    assert place == home / "removed" / "große Zellen 2.1"
    assert m.find_model(place).config == found.config
    made(home, found.name)
    assert m.removed(m.find_model(found.name)).name == "große Zellen 2.1 2"
    assert [each.name for each in m.models()] == ["other"]
    assert m.unreadable() == []


def test_free_names(home):
    assert m.free_name("U-Net (2015)") == "U-Net 2015"
    assert m.free_name("con") == "model con"
    assert m.free_name("++") == "model"
    for title in [each.title for each in NETWORKS.values()]:
        assert m.place_of(m.free_name(title)).parent == home
    made(home, "cells")
    assert m.free_name("cells") == "cells 2"
    made(home, "cells 2")
    assert m.free_name("cells") == m.free_name("cells 2") == "cells 3"


# --- those that come with the package


def test_a_shipped_model_is_found_unless_the_user_has_one_of_that_name(home, shipped):
    found = m.find_model("nuclei")
    assert found.path == shipped / "nuclei"
    assert found.is_shipped
    assert (found.name, found.title) == ("nuclei", "Nuclei (fluorescence)")
    assert m.models() == []
    assert [each.name for each in m.shipped_models()] == ["nuclei"]
    made(home, "nuclei", seed=1)
    made(home, "cells")
    assert m.find_model("nuclei").path == home / "nuclei"
    assert not m.find_model("nuclei").is_shipped
    assert m.find_model("nuclei").title == "nuclei"
    assert [each.path for each in m.shipped_models()] == [shipped / "nuclei"]
    with pytest.raises(ValueError, match="choose one of cells, nuclei$"):
        m.find_model("nulcei")


def test_a_pin_finds_the_shipped_model_behind_one_of_the_user(home, shipped):
    pin = m.pinned("nuclei")
    assert (
        pin == m.pinned(shipped / "nuclei") == f"nuclei@{sha256(shipped / 'nuclei' / WEIGHTS)[:12]}"
    )
    assert m.reference(m.find_model("nuclei")) == "nuclei"
    made(home, "nuclei", seed=1)
    own = m.pinned("nuclei")
    assert own != pin
    assert m.find_model(pin).path == shipped / "nuclei"
    assert m.find_model(own).path == home / "nuclei"
    assert m.reference(m.find_model(pin)) == pin
    assert m.reference(m.find_model(own)) == "nuclei"
    assert m.title_of(pin) == "Nuclei (fluorescence)"
    assert [m.title_of(each) for each in ("nuclei", own, "nowhere")] == ["nuclei", own, "nowhere"]
    (home / "nuclei" / CONFIG).write_text("{")
    assert m.find_model(pin).path == shipped / "nuclei"
    with pytest.raises(ValueError, match=r"config\.json is no JSON"):
        m.find_model("nuclei")


def test_a_shipped_model_of_another_version_is_said(home, shipped):
    with pytest.raises(
        ValueError, match="'nuclei' has other weights .*they came with another version"
    ):
        m.find_model("nuclei@" + "0" * 12)


def test_shipped_models_stay_as_they_are(home, shipped):
    nuclei = m.find_model("nuclei")
    for change in (m.removed, lambda model: m.renamed(model, "mine")):
        with pytest.raises(ValueError, match="comes with napari-tessera and stays as it is; copy"):
            change(nuclei)
    with pytest.raises(FileExistsError, match="which is there already; choose another name"):
        m.Folder(nuclei.path).check()
    m.Folder(m.place_of("nuclei")).check()  # a training of that name is the user's
    assert m.place_of("nuclei") == home / "nuclei"
    assert m.find_model("nuclei") == nuclei


def test_a_copy_is_the_users(home, shipped):
    nuclei = m.find_model("nuclei")
    m.Folder(nuclei.path).write_card("# Nuclei")
    (nuclei.path / "notes.txt").write_text("")
    copy = m.copied(nuclei, "my nuclei")
    assert copy == m.find_model("my nuclei")
    assert copy.path == home / "my nuclei"
    assert sorted(each.name for each in copy.path.iterdir()) == ["card.md", CONFIG, WEIGHTS]
    copy.verify()
    assert m.removed(copy).is_dir()
    with pytest.raises(ValueError, match="name is 'a/b'"):
        m.copied(nuclei, "a/b")
    assert m.copied(nuclei, "nuclei").path == home / "nuclei"
    with pytest.raises(FileExistsError, match="'nuclei', which is there already"):
        m.copied(nuclei, "nuclei")


def test_a_damaged_shipped_model_is_said(home, shipped):
    (shipped / "nuclei" / WEIGHTS).unlink()
    assert m.shipped_models() == []
    ((name, reason),) = m.unreadable()
    assert (name, "weights.safetensors is missing" in reason) == ("nuclei", True)


# --- damaged folders


def no_config(path):
    (path / CONFIG).unlink()


def no_json(path):
    (path / CONFIG).write_text("{")


def no_text(path):
    (path / CONFIG).write_bytes(b"\xff\xfe\x00")


def no_object(path):
    (path / CONFIG).write_text("[]")


def no_weights(path):
    (path / WEIGHTS).unlink()


def changed(**changes):
    return lambda path: rewritten(path, **changes)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (no_config, "has no config.json, so it is no model folder"),
        (no_json, "model 'cells': config.json is no JSON"),
        (no_text, r"model 'cells': .*config\.json' is no text in UTF-8"),
        (no_object, "config.json is .*; an object with names is wanted"),
        (no_weights, "weights.safetensors is missing"),
        (changed(weights=""), "has no weights yet"),
        (changed(patch=..., axes=...), "config.json lacks axes, patch"),
        (changed(colour="red"), "config.json has unknown colour"),
        (changed(schema=2, news=1), "has schema 2, and this version .* reads up to 1; update"),
        (changed(schema="1"), "schema is '1'; a whole number"),
        (changed(network="unet9000"), "'unet9000', which this version .* does not know"),
        (changed(options={"magic": 1}), "options the network does not take: magic is 1"),
        (changed(axes=True), "axes is True; a whole number is wanted"),
        (changed(axes=4), "contradicts itself: axes is 4"),
        (changed(in_channels=0), "in_channels is 0"),
        (changed(rgb=1), "rgb is 1; true or false is wanted"),
        (changed(low="1"), "low is '1'; a number is wanted"),
        (changed(data=1), "data is 1; a text is wanted"),
        (changed(ids=3), "ids is 3; a list is wanted"),
        (changed(ids=["a"]), r"ids\[0\] is 'a'; a whole number is wanted"),
        (changed(ids=[1]), r"ids is \(1,\) with targets 'boundaries'"),
        (changed(targets="classes", ids=[0, 1], colours=["red"]), "colours has 1 texts for 2"),
        (changed(spacing=[1.0]), "pass 2 positive numbers"),
        (changed(training=[]), "training is .*; an object with names is wanted"),
        (changed(thresholds={"t": "x"}), "thresholds.t is 'x'; a number is wanted"),
        (
            changed(targets="all"),
            "targets is 'all'; 'boundaries' or 'distances' or 'classes' or 'instances' is wanted",
        ),
    ],
)
def test_damage_is_named(home, damage, message):
    made(home)
    damage(home / "cells")
    with pytest.raises(ValueError, match=message):
        m.find_model("cells")
    ((name, reason),) = m.unreadable()
    assert name == "cells"
    assert reason
    assert m.models() == []


def test_damaged_weights_are_named(home):
    made(home)
    path = home / "cells" / WEIGHTS
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    found = m.find_model("cells")  # lists do not read weights
    for use in (found.verify, found.load_network):
        with pytest.raises(ValueError, match="'cells': weights.safetensors is damaged"):
            use()
    path.unlink()
    with pytest.raises(ValueError, match="weights.safetensors is missing"):
        found.load_network()


def test_weights_of_another_network_are_refused(home):
    made(home)
    rewritten(home / "cells", options={"width": 1 / 8, "depth": 2})
    with pytest.raises(ValueError, match="the weights do not fit the network unet"):
        m.find_model("cells").load_network()
    rewritten(home / "cells", options={"width": 1 / 16, "depth": 3})
    with pytest.raises(ValueError, match="the weights do not fit the network unet"):
        m.find_model("cells").load_network()


def resaved(home, **changed):
    """Write the weights of a model anew, with others of some names, and the hash that fits."""
    path = home / "cells" / WEIGHTS
    save_file(load_file(path) | changed, path)
    rewritten(home / "cells", weights=sha256(path))
    return m.find_model("cells")


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_said(home, bad):
    first, whole = next(iter(made(home).state_dict().items()))
    whole.view(-1)[-1] = bad
    with pytest.raises(
        ValueError, match=f"'cells' has weights that are no numbers \\({first}\\); tr"
    ):
        resaved(home, **{first: whole}).load_network()


def test_weights_of_another_kind_or_shape_are_named(home):
    first, whole = next(iter(made(home).state_dict().items()))
    with pytest.raises(ValueError, match=f"{first} as torch.int32, but the network takes torch.fl"):
        resaved(home, **{first: whole.int()}).load_network()
    with pytest.raises(ValueError, match="the weights do not fit the network unet"):
        resaved(home, **{first: whole[:1]}).load_network()


def test_weights_that_are_cut_off_are_named(home):
    made(home)
    path = home / "cells" / WEIGHTS
    content = path.read_bytes()
    for end in (0, 7, 8, 100, len(content) - 1):
        path.write_bytes(content[:end])
        rewritten(home / "cells", weights=sha256(path))
        with pytest.raises(ValueError, match=r"weights\.safetensors is no intact safetensors file"):
            m.find_model("cells").load_network()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps no such rights")
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_weights_are_as_readable_as_their_config(home, mask):
    before = os.umask(mask)
    try:
        made(home)
        m.Folder(home / "cells").write_resume({}, {})
    finally:
        os.umask(before)
    modes = {each.name: each.stat().st_mode & 0o777 for each in (home / "cells").iterdir()}
    assert modes == dict.fromkeys((CONFIG, WEIGHTS, RESUME), 0o666 & ~mask)


@pytest.mark.parametrize(
    "text",
    [
        '{"patch": ' + "9" * 5000 + "}",
        "[" * 10_000,
        "\udcff",
        '{"schema": ' + "9" * 400 + "}",
        "null",
        '{"a\\u001b": NaN}',
    ],
)
def test_one_damaged_folder_hides_no_other(home, text):
    made(home)
    (home / "other").mkdir()
    (home / "other" / CONFIG).write_bytes(text.encode("utf-8", "surrogateescape"))
    assert [each.name for each in m.models()] == ["cells"]
    ((name, reason),) = m.unreadable()
    assert name == "other"
    assert "config.json" in reason


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes in folders")
def test_pipes_in_a_folder_are_not_waited_for(home):
    made(home)
    for name in (CONFIG, WEIGHTS, "losses.csv", "card.md"):
        (home / "cells" / name).unlink(missing_ok=True)
        os.mkfifo(home / "cells" / name)
    assert m.models() == []
    assert m.Folder(home / "cells").read_card() == ""
    assert m.Folder(home / "cells").read_losses() == []


@pytest.mark.parametrize("prefix", ["tu-hf-hub:", "tu-local-dir:", "tu-hf_hub:", "tu-unknown_"])
def test_a_model_asks_nobody_for_its_encoder(home, monkeypatch, prefix):
    def asked(*_):
        raise AssertionError("the network was asked")

    made(home)
    monkeypatch.setattr(socket.socket, "connect", asked)
    monkeypatch.setattr(socket, "getaddrinfo", asked)
    rewritten(home / "cells", options={"encoder": f"{prefix}some/where"})
    with pytest.raises(ValueError, match="encoder is "):
        m.find_model("cells")
    rewritten(home / "cells", options={"encoder": f"{prefix.replace(':', '.')}somewhere"})
    with pytest.raises(ValueError, match="model 'cells': encoder is .*pass a name from"):
        m.find_model("cells").load_network()


class Trap:
    def __reduce__(self):
        return (Path.touch, (Path(os.environ["TESSERA_TRAP"]),))


def test_pickles_are_never_opened(home, tmp_path, monkeypatch):
    monkeypatch.setenv("TESSERA_TRAP", str(tmp_path / "sprung"))
    made(home)
    path = home / "cells" / WEIGHTS
    contents = [pickle.dumps(Trap())]
    torch.save({"weights": Trap()}, tmp_path / "weights.pt")
    contents.append((tmp_path / "weights.pt").read_bytes())
    for content in contents:
        path.write_bytes(content)
        rewritten(home / "cells", weights=sha256(path))  # whoever sent it fixed the hash, too
        with pytest.raises(ValueError, match="is no intact safetensors file"):
            m.find_model("cells").load_network()
    assert not (tmp_path / "sprung").exists()
    pickle.loads(contents[0])
    assert (tmp_path / "sprung").exists()  # the trap would have worked


# --- the rest


def test_card_file(home):
    folder = m.Folder(home / "a")
    folder.create(described())
    folder.write_card("# Größe")
    assert sorted(each.name for each in folder.path.iterdir()) == ["card.md", CONFIG]
    assert (folder.path / "card.md").read_text(encoding="utf-8") == "# Größe"
    assert folder.read_card() == "# Größe"


def test_cards_of_others_open_no_pictures(home):
    folder = m.Folder(home / "a")
    folder.create(described())
    assert folder.read_card() == ""
    folder.write_card("![x](/etc/x.png) <img src='/etc/x.png'> 1 > 0")
    assert folder.read_card() == r"\![x](/etc/x.png) \<img src='/etc/x.png'> 1 > 0"
    (folder.path / "card.md").write_bytes(b"\xff")
    assert folder.read_card().startswith("The card cannot be read: ")


def test_damaged_losses_are_named(home):
    folder = m.Folder(home / "a")
    folder.create(described())
    for text, message in (
        ("epoch,loss\n1,x\n", r"losses\.csv: row 1 has the loss 'x'; a number"),
        ("epoch,loss\n1,2,3\n", r"losses\.csv: row 1 has 3 fields"),
    ):
        (folder.path / "losses.csv").write_text(text)
        with pytest.raises(ValueError, match=message):
            folder.read_losses()
    (folder.path / "losses.csv").write_text("epoch,loss\n1,nan\n2\n")
    first, second = folder.read_losses()
    assert np.isnan(first["loss"])
    assert second == {"epoch": 2.0, "loss": None}


def test_settings_of_training_are_plain_data(home):
    from napari_tessera.deep.settings import Optimisation

    settings = {"optimisation": dataclasses.asdict(Optimisation())}
    folder = m.Folder(home / "a")
    folder.create(described(training=settings))
    assert Optimisation(**folder.read_config().training["optimisation"]) == Optimisation()


def test_the_folder_of_models_is_the_users(monkeypatch):
    monkeypatch.delenv("NAPARI_TESSERA_MODELS", raising=False)
    folder = m.models_folder()
    assert folder.is_absolute()
    assert "napari-tessera" in folder.parts
    assert folder.name == "models"


def test_listing_needs_no_torch():
    code = (
        "import sys; from napari_tessera.deep.models import library, onnx; library.models(); "
        "sys.exit('torch' in sys.modules or 'safetensors' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
