"""A network of known answers, and a model folder for it."""

import numpy as np
import torch
from scipy import ndimage

from napari_tessera.deep.data.instances import instances_of
from napari_tessera.deep.models.library import Folder, Model, ModelConfig, versions
from napari_tessera.deep.networks.instances import GRID, Detections
from napari_tessera.deep.networks.mask_rcnn import cut_masks


class Bright(torch.nn.Module):
    """Finds what is brighter than 0.5 and hangs together, exactly; as sure as it is bright."""

    def __init__(self):
        super().__init__()
        self.runs, self.shapes = 0, []

    def detect(self, images, *, confidence, overlap, limit):
        self.runs += 1
        self.shapes.append(tuple(images.shape))
        return [self._one(image.float().mean(0).cpu(), confidence)[:limit] for image in images]

    def _one(self, plane, confidence):
        labels, _ = ndimage.label(plane.numpy() > 0.5)
        objects, _ = instances_of(labels, smallest=1)
        sure = torch.tensor([float(plane[mask].max()) for mask in objects.masks])
        order = sure.argsort(descending=True) if len(sure) else torch.zeros(0, dtype=torch.int64)
        masks = torch.zeros(0, GRID, GRID)
        if len(objects):
            masks = cut_masks(objects.masks, objects.boxes, torch.arange(len(objects)))
        found = Listed(objects.boxes, objects.classes, sure.reshape(-1).clamp(0, 1), masks)
        return found.chosen(order)


class Listed(Detections):
    def chosen(self, order):
        return Listed(**{name: each[order] for name, each in vars(self).items()})

    def __getitem__(self, places):
        return self.chosen(places)


def config(**changes):
    """Return what is known of a model that takes intensities as they are."""
    own = {
        "network": "mask_rcnn", "options": {"width": 1 / 16}, "in_channels": 1, "rgb": False,
        "channel_names": (), "axes": 2, "targets": "instances", "ids": (1,), "class_names": (),
        "colours": (), "spacing": None, "unit": "pixel", "normalise": "range", "low": 0.0,
        "high": 100.0, "thresholds": {}, "patch": 64, "diameter": 0.0, "score": None, "scored": "",
        "examples": 0, "data": "", "training": {}, "versions": versions(), "created": "",
        "weights": "",
    }  # fmt: skip
    return ModelConfig(**{**own, **changes})


def folder(path, **changes):
    """Write a model folder without the weights of any network."""
    own = config(**changes)
    made = Folder(path)
    made.create(own)
    return Model(path, made.write_weights({"nothing": torch.zeros(1)}, own))


def painted(shape, *boxes):
    """Return an image of rectangles (y, x, height, width, intensity), and their labels."""
    image, labels = np.zeros(shape, np.float32), np.zeros(shape, np.uint8)
    for number, (y, x, height, width, value) in enumerate(boxes, 1):
        image[y : y + height, x : x + width] = value
        labels[y : y + height, x : x + width] = number
    return image, labels
