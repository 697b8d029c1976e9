"""Methods that learn from examples: networks, training and prediction."""

from napari_tessera.deep.openmp import wait_passively

wait_passively()  # here, where every way to PyTorch begins
