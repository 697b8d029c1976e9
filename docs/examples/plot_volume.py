"""
Nuclei in an anisotropic volume
===============================

A generated stack with voxels of 2 x 0.5 x 0.5 µm. Lengths are written in micrometres, so that
smoothing and distances are round in the world. The true labels are known; here is how many of the
objects were found.
"""

import napari
import numpy as np
from napari.layers import Image

from napari_tessera import apply
from napari_tessera.widgets.plugin.samples import nuclei_arrays

image, truth, spacing = nuclei_arrays()
layer = Image(image, name="nuclei", scale=spacing, units=("um",) * 3, axis_labels=("z", "y", "x"))
labels = apply(layer, "watershed", smoothing="1 um", seed_distance="5 um")
print(f"{len(np.unique(labels.data)) - 1} found, {truth.max()} true")

viewer = napari.Viewer(ndisplay=3)
viewer.add_layer(layer)
viewer.add_layer(labels)
viewer.scene.camera.angles = (20, 30, 120)
