"""The parameters that fields are tested with."""

from napari_tessera import METHODS


def parameter(method, name):
    return next(p for p in METHODS[method].options if p.name == name)
