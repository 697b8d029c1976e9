import pytest

torch = pytest.importorskip("torch")

from napari_tessera.deep.networks.anchors import PUBLISHED, STRIDES  # noqa: E402
from napari_tessera.deep.networks.yolo.sureness import sureness_of_boxes  # noqa: E402

ANCHORS = torch.tensor(PUBLISHED).view(3, 3, 2)
BOX = torch.tensor([20.0, 20, 32, 34])
"""Its middle, x 26 and y 27, lies in cell 3, 3 of the finest level."""
OTHER = torch.tensor([40.0, 4, 52, 18])


def said_about(*objects, classes=2):
    """Return what a network says of objects (box, sureness, scores of classes, mask) alone."""
    levels = [torch.zeros(1, 3, 64 // s, 64 // s, 5 + classes + 1) for s in STRIDES]
    for level in levels:
        level[..., 4] = -20
    for box, sure, scores, mask in objects:
        middle = (box[:2] + box[2:]) / 2 / 8
        column, row = middle.long().tolist()
        place = ((middle - middle.floor() + 0.5) / 2).logit()
        lengths = (((box[2:] - box[:2]) / ANCHORS[0, 0]).sqrt() / 2).logit()
        own = torch.cat([place, lengths, torch.tensor([sure, *scores, mask])])
        levels[0][0, 0, row, column] = own
    return levels, torch.ones(1, 1, 16, 16)


@pytest.mark.parametrize(("kind", "score"), [(0, 3.0), (1, 4.0), (None, 4.0)])
def test_it_is_the_sureness_of_the_object_of_its_class_and_of_its_mask(kind, score):
    said = said_about((BOX, 5.0, (3.0, 4.0), 2.0))
    assert float(sureness_of_boxes(said, ANCHORS, BOX[None], kind)) == pytest.approx(5 + score + 2)


def test_a_single_class_says_nothing():
    said = said_about((BOX, 5.0, (3.0,), 2.0), classes=1)
    assert float(sureness_of_boxes(said, ANCHORS, BOX[None], 0)) == pytest.approx(5 + 2)


def test_pixels_outside_of_the_mask_count_nothing():
    said = said_about((BOX, 5.0, (3.0, 4.0), -2.0))
    assert float(sureness_of_boxes(said, ANCHORS, BOX[None], 0)) == pytest.approx(5 + 3)


def test_several_objects_add_up_and_only_their_cells_have_a_gradient():
    levels, prototypes = said_about((BOX, 5.0, (3.0, 4.0), 2.0), (OTHER, 1.0, (0.5, 0.0), 1.0))
    levels[0].requires_grad_()
    total = sureness_of_boxes((levels, prototypes), ANCHORS, torch.stack([BOX, OTHER]), 0)
    assert float(total.detach()) == pytest.approx(5 + 3 + 2 + 1 + 0.5 + 1)
    total.backward()
    cells = levels[0].grad.abs().sum(-1).nonzero()
    assert cells.tolist() == [[0, 0, 1, 5], [0, 0, 3, 3]]


def test_where_no_cell_means_a_box_it_is_refused():
    nothing = torch.tensor([[30.0, 30, 31, 31]])
    with pytest.raises(ValueError, match="labels has an object where the network finds none"):
        sureness_of_boxes(said_about(), ANCHORS, nothing, None)
