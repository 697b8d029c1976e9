import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_tessera.deep.settings import parse_losses
from napari_tessera.deep.training.losses import TERMS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dice", {"dice": 1}),
        ("dice + cross_entropy", {"dice": 1, "cross_entropy": 1}),
        ("0.5 dice + 2 focal", {"dice": 0.5, "focal": 2}),
        ("0.5*dice+2*focal", {"dice": 0.5, "focal": 2}),
        (".5dice", {"dice": 0.5}),
        ("1e-3 * Lovasz", {"lovasz": 0.001}),
        ("Cross Entropy + CROSS-ENTROPY", {"cross_entropy": 2}),
        ("bce + 2 ce", {"cross_entropy": 3}),
        ("Jaccard\n+ tversky", {"iou": 1, "tversky": 1}),
        ("  iou  ", {"iou": 1}),
    ],
)
def test_sums_are_read(text, expected):
    assert parse_losses(text) == expected
    assert list(parse_losses(text)) == list(expected)


@given(
    st.dictionaries(
        st.sampled_from(list(TERMS)), st.floats(1e-6, 1e6, allow_subnormal=False), min_size=1
    ),
    st.sampled_from(["{1!r} {0}", "{1!r}*{0}", " {1:.17f} * {0} "]),
    st.booleans(),
)
def test_what_is_written_is_read_back(terms, form, capitals):
    text = "+".join(form.format(*term) for term in terms.items())
    found = parse_losses(text.upper() if capitals else text)
    assert found == pytest.approx(terms, rel=1e-9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "loss is '', in which '' is no loss; add up cross_entropy, focal,"),
        ("dice +", r"loss is 'dice \+', in which '' is no loss"),
        ("dice + 0.5 magic", "in which '0.5 magic' is no loss; .* such as '0.5 dice"),
        ("dice - focal", "'dice - focal' is no loss"),
        ("-1 dice", "'-1 dice' is no loss"),
        ("dice focal", "'dice focal' is no loss"),
        ("2", "'2' is no loss"),
        ("2 3 dice", "'2 3 dice' is no loss"),
        ("0 dice", "loss is '0 dice', in which the factor of dice is 0; pass a number above 0"),
        ("1e999 dice", "the factor of dice is inf"),
    ],
)
def test_errors_name_the_text_and_what_is_allowed(text, message):
    with pytest.raises(ValueError, match=message):
        parse_losses(text)


def test_other_things_than_text_are_refused():
    with pytest.raises(TypeError, match="loss is None; pass text such as"):
        parse_losses(None)


def test_it_needs_no_torch():
    code = "import sys, napari_tessera.deep.settings; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
