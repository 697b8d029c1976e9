import inspect

from napari_tessera.signature.parameters import docs, gives, parameters

from .conftest import method


def test_a_signature_is_read_with_its_docstring():
    image, labels, mask, mode, number, share, length, on, _ = parameters(method)
    assert image.required
    assert image.is_array
    assert image.help == "The image, on two lines."
    assert labels.help == mask.help == "Two at once."
    assert labels.optional
    assert mode.choices == ("a", "b")
    assert (number.type, number.word.low, number.word.high) == (int, 1, 3)
    assert not number.applies({"mode": "a"})
    assert number.applies({"mode": "b"})
    assert (share.type, share.optional, share.default) == (float, True, None)
    assert length.word.name == "length"
    assert on.type is bool
    assert gives(method) == ("objects",)
    assert docs(method).summary == "Do something."
    assert docs(method).description == "More about it."
    assert inspect.signature(method).parameters["length"].default == "1 px"


def test_some_have_a_meaning_with_anything_that_is_given():
    from napari_tessera import METHODS

    image = next(p for p in METHODS["filter_objects"].options if p.name == "image")
    assert image.is_image
    assert not image.applies({"where": ""})
    assert image.applies({"where": "mean > 1"})


def test_what_is_missing_is_described_and_where_a_model_comes_from():
    from napari_tessera import METHODS

    seeds = next(p for p in METHODS["region_growing"].options if p.required)
    assert seeds.missing.startswith(f"{seeds.name} is missing: {seeds.help[:20]}")
    model = next(p for p in METHODS["predict"].options if p.required)
    assert model.missing.startswith("model is missing: give the name or the folder of a model: nu")
