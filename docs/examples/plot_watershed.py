"""
Separate touching objects
=========================

The coins stand on a background that is brighter at the upper left. The watershed evens out the
light, separates coins from background, and cuts where two would touch.
"""

import napari
from skimage import data

from napari_tessera import apply

viewer = napari.Viewer()
coins = viewer.add_image(data.coins(), name="coins")
labels = apply(coins, "watershed", background="60 px")
viewer.add_layer(labels)

# %%
# Every result carries its recipe. This is the line that makes the same labels from a file:

from napari_tessera.widgets.layers.features import recipe_of

picture = False
print(recipe_of(labels).as_command())
