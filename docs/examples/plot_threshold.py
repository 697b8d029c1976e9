"""
Uneven light: one level or many
===============================

A page photographed in uneven light. One level for the whole image loses a corner; Sauvola's level
follows the local mean and contrast.
"""

import napari
from skimage import data

from napari_tessera import apply

viewer = napari.Viewer()
page = viewer.add_image(data.page(), name="page")
one = viewer.add_layer(apply(page, "threshold", objects="dark"))
one.translate = (0, 400)
local = viewer.add_layer(apply(page, "threshold", method="sauvola", window="25 px", objects="dark"))
local.translate = (200, 400)
viewer.reset_view()
