"""What comes with the package is whole, small, and free to use."""

import pytest

from napari_tessera.deep.data.kept_examples import REPLAY, VALIDATION, read_examples
from napari_tessera.deep.models.folder import CARD, CONFIG, WEIGHTS
from napari_tessera.deep.models.library import shipped_models
from napari_tessera.deep.models.shipped import index

LARGEST = 12_000_000
"""Bytes that all of them together may have."""

THERE = [place for place in index.shipped_folder().iterdir() if (place / CONFIG).exists()]


def test_all_together_are_small():
    sizes = [each.stat().st_size for place in THERE for each in place.rglob("*")]
    assert sum(sizes) < LARGEST


def test_each_that_is_there_has_a_title_and_can_be_read():
    assert {each.name for each in THERE} <= set(index.SHIPPED)
    assert {each.path for each in shipped_models()} == set(THERE)


@pytest.mark.parametrize("place", THERE, ids=lambda place: place.name)
def test_it_is_whole_and_says_where_it_comes_from(place):
    import torch

    from napari_tessera.deep.models.folder import read_tensors
    from napari_tessera.deep.models.model import read_model

    assert {each.name for each in place.iterdir()} == {CARD, CONFIG, WEIGHTS, VALIDATION, REPLAY}
    model = read_model(place)
    for kept in (VALIDATION, REPLAY):
        assert read_examples(place / kept)
    assert model.config.seen
    assert model.is_shipped
    tensors = read_tensors(place / WEIGHTS)[0].values()
    assert {each.dtype for each in tensors if each.is_floating_point()} == {torch.float16}
    assert model.config.score is not None
    card = (place / CARD).read_text(encoding="utf-8")
    assert card.startswith(f"# {model.title}\n")
    for section in ("How well it does", "Where it fails", "Data", "Licence", "Training"):
        assert f"\n## {section}\n" in card
    model.load_network()
