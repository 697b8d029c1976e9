import numpy as np

from napari_tessera.io.ngff import image_label, look_in, multiscales
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.words import Look, VoxelSize


def test_axes_have_the_kind_and_the_unit_that_ngff_knows():
    source = Source.of(
        np.zeros((2, 3, 4, 5)), spacing=VoxelSize((3, 2, 1, 1), "um"), axes=("t", "stain", "y", "x")
    )
    said = multiscales("cells", source, (0, 0, 0, 0), [(1, 1, 1, 1)])
    assert said["axes"] == [
        {"name": "t", "type": "time"},
        {"name": "stain"},
        {"name": "y", "type": "space", "unit": "micrometer"},
        {"name": "x", "type": "space", "unit": "micrometer"},
    ]


def test_names_and_colours_come_back():
    look = Look({1: "nucleus", 7: "debris"}, {7: "#00ff10"})
    assert look_in(image_label(look)) == look
    others = {"properties": [{"label-value": 3, "name": "cell"}, {"area": 2}]}
    assert look_in(others).names == {3: "cell"}
