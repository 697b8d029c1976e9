import numpy as np

from napari_tessera.widgets.forms.fields.levels import LevelsField

from .parameters import parameter


def test_levels_follow_the_image_until_the_user_has_placed_them(qapp):
    field = LevelsField(parameter("threshold", "levels"))
    values = np.repeat(np.array([10, 200], np.uint8), 50)
    field.handles(1, "bright")
    field.fit("pixel", values)
    (level,) = field.value
    assert 10 <= level < 200
    assert field.kept is None
    field.value = (150,)
    field.fit("pixel", values)
    assert field.value == (150,)
    assert field.kept == (150,)
    field.fit("pixel", (values // 10).astype(np.uint8))  # where 150 is not
    assert field.value[0] < 20
