from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_tessera.deep.data.kept_examples import VALIDATION, read_examples, write_examples
from napari_tessera.deep.data.pieces import pieces
from napari_tessera.deep.models.folder import Folder
from napari_tessera.deep.models.model import read_model
from napari_tessera.deep.models.shipped.publish import (
    CardFacts,
    HeldOutFigures,
    in_half_precision,
    publish,
)

from ..described import made

FACTS = CardFacts("Dots", "Of dots.", "dots (CC0)", "Precision.", "Not on lines.", "BSD-3-Clause.")


def examples(count):
    images = [np.full((4, 5), number, np.uint8) for number in range(1, count + 1)]
    found = pieces(images, [np.ones((4, 5), np.uint8)] * count, axes=2)
    return [replace(each, intensities=((0.0, 1.0),)) for each in found]


def test_what_is_judged_is_what_is_shipped(tmp_path):
    made(tmp_path, "trained")
    trained = Folder(tmp_path / "trained")
    trained.write_resume({}, {})
    trained.append_losses({"epoch": 1, "loss": 0.5})
    write_examples(trained.path / VALIDATION, examples(7))
    judged = []

    def judge(model):
        judged.append(model.load_network().state_dict())
        return [
            HeldOutFigures("dots, 5 images", {"AP50": 0.875, "AP75": 0.5}),
            HeldOutFigures("others", {"AP50": 0.25, "AP75": 0.125}),
        ]

    model = publish(read_model(trained.path), tmp_path / "dots", FACTS, judge)
    assert model == read_model(tmp_path / "dots")
    assert sorted(each.name for each in model.path.iterdir()) == [
        "card.md", "config.json", VALIDATION, "weights.safetensors",
    ]  # fmt: skip
    kept = [each.image.max() for each in read_examples(model.path / VALIDATION)]
    assert kept == [1, 4, 7]  # every third
    found = model.load_network().state_dict()
    halves = in_half_precision(trained.read_weights())
    for name, each in found.items():
        assert torch.equal(each, judged[0][name])
        assert torch.equal(each, halves[name].to(each.dtype))
    before = read_model(trained.path).config
    assert (model.config.score, model.config.scored) == (0.875, "AP50 on dots, 5 images")
    assert model.config.thresholds == before.thresholds
    assert model.config.weights != before.weights
    card = (model.path / "card.md").read_text(encoding="utf-8")
    assert card.startswith("# Dots\n\nOf dots.\n")
    assert (
        "## How well it does\n\nPrecision.\n\n| images | AP50 | AP75 |\n|---|---|---|\n"
        "| dots, 5 images | 0.875 | 0.500 |\n| others | 0.250 | 0.125 |\n"
    ) in card
    assert "## Where it fails\n\nNot on lines.\n" in card
    assert "## Data\n\ndots (CC0)\n" in card
    assert "## Licence\n\nBSD-3-Clause.\n" in card
    assert "for 1 epochs" in card
    assert f"sha256 `{model.config.weights}`" in card


def test_what_16_bits_do_not_hold_is_refused(tmp_path):
    with pytest.raises(ValueError, match="b has weights up to 70000, but 16 bits hold 65504"):
        in_half_precision({"a": torch.ones(2), "b": torch.tensor([1.0, -70000.0])})
    made(tmp_path, "trained")
    with pytest.raises(ValueError, match="judge gave nothing"):
        publish(read_model(tmp_path / "trained"), tmp_path / "dots", FACTS, lambda _: [])
