# made by python -m napari_tessera.widgets.plugin.manifest; change the registry instead

from napari_tessera.algorithms.geometry.polygons import polygons_to_labels as polygons_to_labels
from napari_tessera.batch.verification import Verification as Verification
from napari_tessera.batch.verify import verify as verify
from napari_tessera.deep.settings import Augmentation as Augmentation
from napari_tessera.deep.settings import Examples as Examples
from napari_tessera.deep.settings import Objective as Objective
from napari_tessera.deep.settings import Optimisation as Optimisation
from napari_tessera.deep.settings import Transfer as Transfer
from napari_tessera.deep.training.improve import improve as improve
from napari_tessera.deep.training.train import train as train
from napari_tessera.io import files as files
from napari_tessera.methods.classical.canny import canny as canny
from napari_tessera.methods.classical.classify_pixels import classify_pixels as classify_pixels
from napari_tessera.methods.classical.contours import contours as contours
from napari_tessera.methods.classical.kmeans import kmeans as kmeans
from napari_tessera.methods.classical.label import label as label
from napari_tessera.methods.classical.pick_objects import pick_objects as pick_objects
from napari_tessera.methods.classical.random_walker import random_walker as random_walker
from napari_tessera.methods.classical.region_growing import region_growing as region_growing
from napari_tessera.methods.classical.stroke_learning import (
    train_pixel_classifier as train_pixel_classifier,
)
from napari_tessera.methods.classical.threshold import threshold as threshold
from napari_tessera.methods.classical.watershed import watershed as watershed
from napari_tessera.methods.deep.detect import detect as detect
from napari_tessera.methods.deep.predict import predict as predict
from napari_tessera.methods.deep.predict import scores as scores
from napari_tessera.methods.judge.boundary_support import boundary_support as boundary_support
from napari_tessera.methods.judge.error_map import error_map as error_map
from napari_tessera.methods.judge.error_map import object_errors as object_errors
from napari_tessera.methods.judge.grad_cam import grad_cam as grad_cam
from napari_tessera.methods.judge.uncertainty import uncertainty as uncertainty
from napari_tessera.methods.measure.measure import measure as measure
from napari_tessera.methods.measure.object_classifier import (
    train_object_classifier as train_object_classifier,
)
from napari_tessera.methods.measure.sort_objects import sort_objects as sort_objects
from napari_tessera.methods.refine.between_planes import fill_between_planes as fill_between_planes
from napari_tessera.methods.refine.clean import expand as expand
from napari_tessera.methods.refine.clean import fill_holes as fill_holes
from napari_tessera.methods.refine.clean import relabel as relabel
from napari_tessera.methods.refine.crf import crf as crf
from napari_tessera.methods.refine.crf import crf_scores as crf_scores
from napari_tessera.methods.refine.crf_tiles import crf_by_tiles as crf_by_tiles
from napari_tessera.methods.refine.edit_objects import delete as delete
from napari_tessera.methods.refine.edit_objects import merge as merge
from napari_tessera.methods.refine.edit_objects import replace as replace
from napari_tessera.methods.refine.edit_objects import split as split
from napari_tessera.methods.refine.filter_objects import filter_objects as filter_objects
from napari_tessera.methods.refine.grow import grow as grow
from napari_tessera.methods.refine.morphology import morphology as morphology
from napari_tessera.methods.refine.morphology import smooth as smooth
from napari_tessera.methods.refine.morphology import top_hat as top_hat
from napari_tessera.methods.refine.paint import paint as paint
from napari_tessera.methods.refine.shape import convex_hull as convex_hull
from napari_tessera.methods.refine.shape import skeleton as skeleton
from napari_tessera.methods.registry import METHODS as METHODS
from napari_tessera.metrics.figures import Scores as Scores
from napari_tessera.metrics.score import score as score
from napari_tessera.metrics.strata import strata as strata
from napari_tessera.pipeline.recipes.data import StepResult as StepResult
from napari_tessera.pipeline.recipes.recipe import Recipe as Recipe
from napari_tessera.pipeline.recipes.step import step as step
from napari_tessera.pipeline.review.label_next import label_next as label_next
from napari_tessera.signature.words import VoxelSize as VoxelSize
from napari_tessera.widgets.forms.call import apply as apply
from napari_tessera.widgets.live.live_array import live as live

__version__: str
