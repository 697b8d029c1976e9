"""
Kinds of tissue by colour
=========================

A stained section of colon. K-means in Lab separates the brown stain, the blue nuclei, the pale
tissue and the empty slide, numbered from dark to bright.
"""

import napari
import numpy as np
from skimage import data

from napari_tessera import apply

viewer = napari.Viewer()
tissue = viewer.add_image(data.immunohistochemistry(), name="tissue", rgb=True)
kinds = apply(
    tissue, "kmeans", clusters=4, colour_space="lab", smoothing="1 px", background="brightest"
)
kinds.translate = (0, 530)
viewer.add_layer(kinds)
viewer.reset_view()
shares = np.bincount(kinds.data.ravel()) / kinds.data.size
print("share of each kind, empty slide first:", shares.round(2))
