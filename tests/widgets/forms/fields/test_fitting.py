import numpy as np
import pytest
from napari.components import ViewerModel

from napari_tessera import METHODS
from napari_tessera.widgets.forms.channels import Channels
from napari_tessera.widgets.forms.fields.choose import layer_field
from napari_tessera.widgets.forms.fields.fitting import Fitting
from napari_tessera.widgets.forms.method_fields import MethodFields


@pytest.fixture
def fitting_of(qapp):
    """Return a function that fits the fields of a method to the topmost layer of a viewer."""
    kept = []

    def make(method, viewer):
        method, told = METHODS[method], []
        field, fields = (
            layer_field(method.source, viewer.layers),
            MethodFields(method, viewer.layers),
        )
        channels = Channels(together=method.takes_channels)
        channels.fill(field.value, viewer.layers)
        fitting = Fitting(field, fields, channels, lambda *_: told.append(1))
        fitting.follow()
        kept.append(fitting)
        return fitting, field, fields, channels, told

    yield make
    for each in kept:
        each.release()


@pytest.fixture
def fitted(monkeypatch):
    """What fields are told: the unit, and the sample of intensities."""
    told = []
    monkeypatch.setattr(
        "napari_tessera.widgets.forms.fields.levels.LevelsField.fit",
        lambda self, unit, values: told.append((unit, values)),
    )
    return told


def test_fields_are_told_the_unit_and_the_intensities_of_the_layer(fitting_of, fitted):
    viewer = ViewerModel()
    viewer.add_image(np.arange(12).reshape(3, 4), units=("um", "um"))
    fitting, *_ = fitting_of("threshold", viewer)
    unit, values = fitted[-1]
    assert unit == "micrometer"
    np.testing.assert_array_equal(np.sort(values), np.arange(12))
    assert not fitting.is_due


def test_another_channel_or_background_is_worth_another_fit(fitting_of, fitted):
    viewer = ViewerModel()
    viewer.add_image(
        np.stack([np.full((9, 9), 3), np.full((9, 9), 8)]), axis_labels=("c", "y", "x")
    )
    fitting, _, fields, channels, _ = fitting_of("threshold", viewer)
    channels.one.choose(1)
    assert fitting.is_due
    fitting.fit()
    assert (set(fitted[-1][1]), fitting.is_due) == ({8}, False)
    fields["background"].value = "3 px"
    assert fitting.is_due
    fitting.fit()
    np.testing.assert_allclose(fitted[-1][1], 0, atol=1e-6)


def test_only_the_layer_chosen_now_is_heard(fitting_of, fitted):
    viewer = ViewerModel()
    first, second = (viewer.add_image(np.zeros((3, 4)), name=name) for name in "ab")
    fitting, field, _, _, told = fitting_of("threshold", viewer)
    field.value = first
    fitting.follow()
    told.clear()
    second.units = ("nm", "nm")
    assert told == []
    first.units = ("nm", "nm")
    assert told
    told.clear()
    fitting.release()
    first.data = np.ones((3, 4))
    assert told == []


def test_without_a_layer_there_is_nothing_to_fit_to(fitting_of, fitted):
    fitting, *_ = fitting_of("threshold", ViewerModel())
    assert (fitted, fitting.is_due) == ([], False)
