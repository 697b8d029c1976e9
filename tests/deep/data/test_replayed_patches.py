import numpy as np

from napari_tessera.deep.data.patches import Patches
from napari_tessera.deep.data.pieces import pieces
from napari_tessera.deep.data.preparation import prepare_data
from napari_tessera.deep.data.replayed_patches import ReplayedPatches
from napari_tessera.deep.settings import NO_AUGMENTATION, Examples


def data_of(number):
    labels = np.full((48, 48), number, np.uint8)
    labels[0] = 0
    found = pieces([labels.astype(float)], [labels], axes=2)
    return prepare_data(found, kind="objects", settings=Examples(patch=16, validation=0))


def test_every_second_patch_is_of_what_was_learnt_before():
    new, old = data_of(1), data_of(2)
    patches = Patches(new, (16, 16), 0, NO_AUGMENTATION, everywhere=True)
    both = ReplayedPatches.of(patches, old, everywhere=True)
    random = np.random.default_rng(0)
    seen = np.array([both.one(random)[1].max() for _ in range(200)])
    assert set(seen) == {1, 2}
    assert 0.4 < (seen == 2).mean() < 0.6
    assert both.cut(np.random.default_rng(1)).piece.pair == 0
