from dataclasses import replace

import torch

from napari_tessera.deep.models.card import card

from .described import described


def test_card_says_what_a_reader_asks():
    config = described(
        targets="classes",
        ids=(0, 2),
        class_names=("ground", "wall"),
        weights="f" * 64,
        in_channels=3,
        rgb=True,
    )
    text = card(config, [{"epoch": 1.0, "loss": 0.5}, {"epoch": 2.0, "loss": 0.25}])
    for part in (
        "# U-Net for ground, wall",
        "It segments RGB planes. Pixel size: 0.5 x 0.5 um. Intensities: percentiles 1 to 99.8",
        "Trained on 3 planes for 2 epochs, in patches of 64 pixels, 2025-01-31.",
        "Validation: average precision 0.875.",
        "- width: 0.0625\n",
        "- optimisation epochs: 2\n",
        "- seed: 0\n",
        f"- torch: {torch.__version__.split('+')[0]}",
        "## Licence\n\nNot stated.",
    ):
        assert part in text
    early = card(replace(config, epoch=1), [{"epoch": 1.0}, {"epoch": 2.0}])
    assert "for 2 epochs (the weights are those after 1), in patches" in early
    bare = described(
        spacing=None, unit="pixel", normalise="mean", score=None, training={}, options={}
    )
    text = card(bare)
    assert "objects (boundaries)" in text
    assert "Pixel size: unknown. Intensities: mean 0 and standard deviation 1." in text
    assert "It was not validated" in text
