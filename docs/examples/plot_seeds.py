"""
The same seeds, two methods
===========================

Two strokes: one on the cat, one around it. Region growing compares colours, one pixel after the
other; the random walker asks which stroke a walk reaches first without crossing edges.
"""

import napari
import numpy as np
from skimage import data

from napari_tessera import apply

viewer = napari.Viewer()
cat = viewer.add_image(data.chelsea()[:, 40:], name="cat", rgb=True)
strokes = np.zeros(cat.data.shape[:2], np.uint8)
strokes[60:250:3, 60:290:3] = 1
strokes[5:12, -80:], strokes[:, -14:-8] = 2, 2
for place, method in enumerate(("region_growing", "random_walker")):
    options = {"partition": True} if method == "region_growing" else {"beta": 300.0}
    found = apply(cat, method, markers=strokes, colour_space="lab", smoothing="1 px", **options)
    viewer.add_layer(found).translate = (0, 440 * (place + 1))
    viewer.add_image(cat.data, rgb=True, translate=(0, 440 * (place + 1)), name=f"cat {place}")
    viewer.layers.move(len(viewer.layers) - 1, 0)
viewer.reset_view()
