"""
From edges to lines with a length
=================================

Canny finds the borders of coins as pixels; contours chains them into lines, moves their vertices to
where the gradient is steepest, and measures them. The long ones are drawn.
"""

import napari
from skimage import data

from napari_tessera import apply

viewer = napari.Viewer()
coins = viewer.add_image(data.coins(), name="coins")
edges = apply(coins, "canny", smoothing="2 px", high_quantile=0.93)
lines = apply(edges, "contours", image=coins, trace="edges", min_length="60 px")
viewer.add_layer(lines)
print(lines.features.sort_values("length").tail(3).to_string(index=False))
