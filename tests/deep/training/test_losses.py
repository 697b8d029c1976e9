import math

import numpy as np
import pytest
import segmentation_models_pytorch as smp
import torch
from torch.nn import functional

from napari_tessera.deep.data.targets import IGNORE
from napari_tessera.deep.settings import Objective, parse_losses
from napari_tessera.deep.target_kinds import KINDS
from napari_tessera.deep.training.losses import OF_DISTANCES, OF_PIXELS, TERMS, suggested_losses
from napari_tessera.deep.training.objective import Loss


@pytest.fixture(params=[(2, 3, 8, 9), (2, 3, 4, 5, 6)], ids=["planes", "volumes"])
def batch(request):
    torch.manual_seed(0)
    shape = request.param
    scores = torch.randn(shape, requires_grad=True)
    return scores, torch.randint(0, 3, (shape[0], *shape[2:]))


def test_written_out_by_hand():
    half = math.log(3.0)  # probabilities 3/4 and 1/4
    scores = torch.tensor([[[[half, half]], [[0.0, 0.0]]]])
    target = torch.tensor([[[0, 1]]])
    by_hand = {
        "cross_entropy": -(math.log(3 / 4) + math.log(1 / 4)) / 2,
        "focal": -(math.log(3 / 4) / 16 + math.log(1 / 4) * 9 / 16) / 2,
        "dice": 1 - ((2 * 3 / 4) / (6 / 4 + 1) + (2 * 1 / 4) / (2 / 4 + 1)) / 2,
        "iou": 1 - ((3 / 4) / (6 / 4 + 1 - 3 / 4) + (1 / 4) / (2 / 4 + 1 - 1 / 4)) / 2,
        "tversky": 1
        - ((3 / 4) / (3 / 4 + 0.7 / 4 + 0.3 * 3 / 4) + (1 / 4) / (1 / 4 + 0.7 * 3 / 4 + 0.3 / 4))
        / 2,
        "boundary": (1 / 4 + 3 / 4) / 2,  # both pixels are half a pixel from the boundary
    }
    told = {name for name, term in TERMS.items() if ">>>" in term.__doc__}
    assert {*by_hand, *told, "lovasz"} == set(TERMS)  # lovasz: by its peer below
    for name, expected in by_hand.items():
        assert float(Loss({name: 1})(scores, target)) == pytest.approx(expected), name


@pytest.mark.parametrize("weights", [None, [0.2, 1.0, 3.0]])
def test_cross_entropy_is_torchs(batch, weights):
    scores, target = batch
    target[0, 0] = IGNORE
    given = None if weights is None else torch.tensor(weights)
    expected = functional.cross_entropy(scores, target, given, ignore_index=IGNORE)
    torch.testing.assert_close(Loss({"cross_entropy": 1}, weights)(scores, target), expected)


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("dice", smp.losses.DiceLoss("multiclass")),
        ("iou", smp.losses.JaccardLoss("multiclass")),
        ("lovasz", smp.losses.LovaszLoss("multiclass")),
        ("tversky", smp.losses.TverskyLoss("multiclass", alpha=0.3, beta=0.7)),
    ],
)
def test_the_others_are_those_of_segmentation_models(batch, name, theirs):
    scores, target = batch
    expected = theirs(scores, target)
    torch.testing.assert_close(Loss({name: 1})(scores, target), expected, rtol=1e-4, atol=1e-5)


def signed_distance(inside, known):
    """Return each pixel's distance to the boundary, negative inside: pixel by pixel."""
    places = [np.argwhere(side & known) for side in (inside, ~inside)]
    result = np.zeros(inside.shape)
    if not all(map(len, places)):
        return result
    for own in np.argwhere(known):
        others = places[1] if inside[tuple(own)] else places[0]
        far = np.sqrt(((others - own) ** 2).sum(axis=1)).min() - 0.5
        result[tuple(own)] = -far if inside[tuple(own)] else far
    return result


@pytest.mark.parametrize("void", [False, True])
def test_boundary_is_the_papers_up_to_what_the_truth_gives(batch, void):
    scores, target = batch
    target[1] = 2  # no boundary in this image, and no class 0 and 1
    if void:
        target[0, 1:3] = IGNORE
    found = Loss({"boundary": 1})(scores, target)
    far = np.array(
        [
            [signed_distance(own.numpy() == k, own.numpy() != IGNORE) for k in range(3)]
            for own in target
        ]
    )
    truth = np.stack([(target == k).numpy() for k in range(3)], axis=1)
    seen = scores.detach().softmax(1).numpy()
    papers, least = (far * seen).sum(), (far * truth).sum()
    assert float(found.detach()) == pytest.approx((papers - least) / np.abs(far).sum(), rel=1e-5)


def test_boundary_counts_what_is_far_away_more():
    target = torch.zeros(1, 9, 9, dtype=torch.long)
    target[0, 4, :2] = 1
    found = []
    for column in (2, 5, 8):  # one pixel too many
        scores = functional.one_hot(target, 2).movedim(-1, 1) * 40.0
        scores[0, :, 4, column] = scores[0, :, 4, column].flip(0)
        found.append(float(Loss({"boundary": 1})(scores, target)))
    assert found[1] / found[0] == pytest.approx(3.5 / 0.5)
    assert found[2] / found[0] == pytest.approx(6.5 / 0.5)


@pytest.mark.parametrize("name", TERMS)
def test_ignored_pixels_do_not_count(batch, name):
    scores, target = batch
    target[:, 0] = IGNORE
    other = scores.detach().clone()
    other[:, :, 0] = 50
    loss = Loss({name: 1})
    torch.testing.assert_close(loss(scores, target), loss(other, target))
    target[:] = IGNORE
    value = loss(scores, target)
    value.backward()
    assert float(value.detach()) == 0
    assert float(scores.grad.abs().sum()) == 0


@pytest.mark.parametrize("name", TERMS)
def test_pixels_without_shares_do_not_count(batch, name):
    scores, target = batch
    target[:, 0] = IGNORE
    shares = functional.one_hot(target.clamp_min(0), 3).movedim(-1, 1).float()
    shares[:, :, 0] = 0
    loss = Loss({name: 1})
    torch.testing.assert_close(loss(scores, shares), loss(scores, target))
    nothing = loss(scores, torch.zeros_like(shares))
    nothing.backward()
    assert float(nothing.detach()) == 0
    assert float(scores.grad.abs().sum()) == 0


def test_pixels_count_as_they_are_weighted_written_out():
    half = math.log(3.0)  # probabilities 3/4 and 1/4
    scores = torch.tensor([[[[half, half, half]], [[0.0, 0.0, 0.0]]]])
    target = torch.tensor([[[0, 1, IGNORE]]])
    weights = torch.tensor([[[3.0, 1.0, 100.0]]])
    right, wrong = -math.log(3 / 4), -math.log(1 / 4)
    by_hand = {
        "cross_entropy": (3 * right + wrong) / 4,
        "focal": (3 * right / 16 + wrong * 9 / 16) / 4,
    }
    for name, expected in by_hand.items():
        assert float(Loss({name: 1})(scores, target, weights)) == pytest.approx(expected), name
    both = (3 * 5 * right + 2 * wrong) / (3 * 5 + 2)
    found = Loss({"cross_entropy": 1}, [5.0, 2.0])(scores, target, weights)
    assert float(found) == pytest.approx(both)


@pytest.mark.parametrize("name", TERMS)
def test_weights_of_pixels_are_for_losses_of_pixels(batch, name):
    scores, target = batch
    loss, ones = Loss({name: 1}), torch.ones(target.shape)
    torch.testing.assert_close(loss(scores, target, ones), loss(scores, target))
    torch.testing.assert_close(loss(scores, target, 7 * ones), loss(scores, target))
    only_one = ones.clone()
    only_one[1] = 0  # the second image
    expected = loss(scores, target)
    if TERMS[name] in OF_PIXELS:
        expected = loss(scores[:1], target[:1])
    torch.testing.assert_close(loss(scores, target, only_one), expected)
    assert float(Loss({"focal": 1})(scores, target, 0 * ones).detach()) == 0


@pytest.mark.parametrize("classes", [None, [0.2, 1.0, 3.0]])
def test_weighted_cross_entropy_is_torchs(batch, classes):
    scores, target = batch
    target[0, 0] = IGNORE
    weights = torch.rand(target.shape) + 0.1
    given = None if classes is None else torch.tensor(classes)
    each = functional.cross_entropy(scores, target, given, ignore_index=IGNORE, reduction="none")
    share = torch.ones(3) if given is None else given
    counting = weights * share[target.clamp_min(0)] * (target != IGNORE)
    expected = (weights * each).sum() / counting.sum()
    loss = Loss({"cross_entropy": 1}, classes)
    torch.testing.assert_close(loss(scores, target, weights), expected)


@pytest.mark.parametrize("name", TERMS)
def test_the_truth_is_the_minimum_and_gradients_lead_there(batch, name):
    scores, target = batch
    loss = Loss({name: 1})
    perfect = functional.one_hot(target, 3).movedim(-1, 1) * 40.0
    assert float(loss(perfect, target)) == pytest.approx(0, abs=1e-4)
    first = loss(scores, target)
    first.backward()
    better = scores.detach() - 5 * scores.grad / scores.grad.abs().max()
    assert float(loss(better, target)) < float(first.detach())


@pytest.mark.parametrize("name", TERMS)
def test_shares_of_one_class_are_ids(batch, name):
    scores, target = batch
    shares = functional.one_hot(target, 3).movedim(-1, 1).float()
    loss = Loss({name: 1})
    torch.testing.assert_close(loss(scores, shares), loss(scores, target))


def test_mixed_targets_mix_the_cross_entropy(batch):
    scores, target = batch
    loss, other = Loss({"cross_entropy": 1}), target.flip(0)
    shares = [functional.one_hot(ids, 3).movedim(-1, 1).float() for ids in (target, other)]
    mixed = loss(scores, 0.3 * shares[0] + 0.7 * shares[1])
    torch.testing.assert_close(mixed, 0.3 * loss(scores, target) + 0.7 * loss(scores, other))


def test_one_score_is_binary():
    torch.manual_seed(0)
    scores, target = torch.randn(2, 1, 6, 7), torch.randint(0, 2, (2, 6, 7))
    expected = functional.binary_cross_entropy_with_logits(scores[:, 0], target.float())
    torch.testing.assert_close(Loss({"cross_entropy": 1})(scores, target), expected)
    soft = target[:, None].float()
    torch.testing.assert_close(Loss({"cross_entropy": 1})(scores, soft), expected)


def test_sums_are_weighted(batch):
    scores, target = batch
    both = Loss({"dice": 2, "focal": 0.5})(scores, target)
    parts = 2 * Loss({"dice": 1})(scores, target) + 0.5 * Loss({"focal": 1})(scores, target)
    torch.testing.assert_close(both, parts)


def test_every_loss_can_be_written_and_is_named_in_the_form():
    assert all(parse_losses(name) == {name: 1.0} for name in TERMS)
    assert all(name in Objective.__doc__ for name in TERMS)
    assert "There are\n        cross_entropy, focal, " in Objective.__doc__
    assert Loss(parse_losses("0.5 dice + 2 focal")).terms == {"dice": 0.5, "focal": 2.0}


def test_every_loss_is_suggested_in_a_sum_that_can_be_written():
    sums = suggested_losses()
    assert sums[0] == Objective().loss == "dice + cross_entropy"
    assert {"dice + focal", "lovasz + cross_entropy", "cross_entropy", "dice"} <= set(sums)
    assert {name for each in sums for name in parse_losses(each)} == set(TERMS)
    assert len(set(sums)) == len(sums)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Loss({"magic": 1}), "loss is 'magic'; choose one of cross_entropy"),
        (lambda: Loss({}), "loss is empty"),
        (lambda: Loss({"dice": 0}), "weight of loss 'dice' is 0"),
        (
            lambda: Loss({"dice": 1})(torch.zeros(1, 2, 3, 3), torch.full((1, 3, 3), 2)),
            "target has class 2, but scores are of 2 classes",
        ),
        (
            lambda: Loss({"dice": 1})(torch.zeros(1, 2, 3, 3), torch.full((1, 3, 3), -2)),
            "target has class -2, but scores are of 2 classes",
        ),
        (
            lambda: Loss({"focal": 1})(
                torch.zeros(1, 2, 3, 3), torch.zeros(1, 3, 3), torch.ones(1, 1, 3, 3)
            ),
            r"weights has shape \(1, 1, 3, 3\); .* the \(1, 3, 3\) pixels of target",
        ),
        (
            lambda: Loss({"focal": 1}, [1.0])(torch.zeros(1, 2, 3, 3), torch.zeros(1, 3, 3)),
            "class_weights has 1 numbers for 2 classes",
        ),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    "objective",
    # distances do depend on where the others are
    [*(name for name in TERMS if TERMS[name] not in OF_DISTANCES), "dice + cross_entropy"],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_void_pixels_are_as_if_they_were_not_there(objective, weighted):
    """Whatever a network says of void pixels, the loss is that of the others alone."""
    random = np.random.default_rng(0)
    labels = random.choice([0, 4, 9], (2, 12, 14)).astype(np.uint8)
    void = random.random(labels.shape) < 0.3
    labels[void] = 255
    targets = KINDS["classes"]((0, 4, 9))
    scores = random.normal(size=(2, 3, 12, 14)).astype(np.float32)
    wrong = np.where(void[:, None], 30 * random.normal(size=scores.shape), scores)
    loss = Loss(parse_losses(objective), [0.2, 1.0, 3.0] if weighted else None)
    given = torch.tensor(wrong.astype(np.float32), requires_grad=True)
    found = loss(given, torch.tensor(targets.truth(labels)))
    rest = np.moveaxis(scores, 1, 0)[:, ~void][None, :, None]  # (1, 3, 1, N)
    truth = targets.truth(labels[~void])[None, None]
    torch.testing.assert_close(found, loss(torch.tensor(rest), torch.tensor(truth)))
    found.backward()
    assert not given.grad.numpy()[np.broadcast_to(void[:, None], scores.shape)].any()
    # neither does the score depend on them, nor do borders around them count
    tables = [
        sum(targets.agreement(each, own) for each, own in zip(some, labels, strict=True))
        for some in (scores, wrong)
    ]
    assert targets.score([tables[0]]) == targets.score([tables[1]])
    assert tables[0].sum() == (~void).sum()
    assert not targets.objects(labels[0])[void[0]].any()
