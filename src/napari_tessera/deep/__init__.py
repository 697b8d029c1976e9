"""Methods that learn from examples: networks, training and prediction."""

from napari_tessera.deep.openmp import sleep_soon

sleep_soon()  # here, where every way to PyTorch begins
