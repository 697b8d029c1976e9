"""
A table of coins
================

Each coin is measured, in millimetres; the table becomes features of the layer, which napari shows
under the pointer, in its features table and, here, as colours: the larger, the brighter.
"""

import napari
import numpy as np
from napari.utils.colormaps import DirectLabelColormap
from skimage import data

from napari_tessera import apply

viewer = napari.Viewer()
coins = viewer.add_image(data.coins(), name="coins", scale=(0.25, 0.25), units=("mm", "mm"))
objects = apply(coins, "watershed", background="15 mm")
apply(objects, "measure", image=coins)
columns = ["index", "equivalent diameter (mm)", "circularity", "mean"]
print(objects.features[columns].head().round(2).to_string(index=False))

size = objects.features["equivalent diameter (mm)"]
share = (size - size.min()) / np.ptp(size)
colours = {
    i: (s, 0.3 + 0.6 * s, 1 - s) for i, s in zip(objects.features["index"], share, strict=True)
}
objects.colormap = DirectLabelColormap(color_dict={None: (0, 0, 0, 0), **colours})
viewer.add_layer(objects)
