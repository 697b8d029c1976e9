"""
From classes to objects
=======================

A threshold gives classes; connected components number the separate pieces, and the small ones can
be told by their size.
"""

import napari
import numpy as np
from skimage import data

from napari_tessera import apply

viewer = napari.Viewer()
coins = viewer.add_image(data.coins(), name="coins")
classes = apply(coins, "threshold", background="60 px", smoothing="2 px")
objects = viewer.add_layer(apply(classes, "label"))
sizes = np.bincount(objects.data.ravel())[1:]
print(f"{sizes.size} pieces, the smallest of {sizes.min()}, the largest of {sizes.max()} pixels")
