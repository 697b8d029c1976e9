# made by python -m napari_tessera.widgets.manifest; change the catalogue instead

from napari_tessera.catalogue import METHODS as METHODS
from napari_tessera.classical.clusters import kmeans as kmeans
from napari_tessera.classical.contours import contours as contours
from napari_tessera.classical.edges import canny as canny
from napari_tessera.classical.growing import region_growing as region_growing
from napari_tessera.classical.polygons import polygons_to_labels as polygons_to_labels
from napari_tessera.classical.regions import label as label
from napari_tessera.classical.threshold import threshold as threshold
from napari_tessera.classical.walker import random_walker as random_walker
from napari_tessera.classical.watershed import watershed as watershed
from napari_tessera.deep.detect import detect as detect
from napari_tessera.deep.predict import predict as predict
from napari_tessera.deep.predict import scores as scores
from napari_tessera.deep.settings import Augmentation as Augmentation
from napari_tessera.deep.settings import Examples as Examples
from napari_tessera.deep.settings import Objective as Objective
from napari_tessera.deep.settings import Optimisation as Optimisation
from napari_tessera.deep.settings import Transfer as Transfer
from napari_tessera.deep.train import train as train
from napari_tessera.evaluate.measure import measure as measure
from napari_tessera.recipe import Recipe as Recipe
from napari_tessera.refine.cleaning import expand as expand
from napari_tessera.refine.cleaning import fill_holes as fill_holes
from napari_tessera.refine.cleaning import filter_objects as filter_objects
from napari_tessera.refine.cleaning import relabel as relabel
from napari_tessera.refine.crf import crf as crf
from napari_tessera.refine.growing import grow as grow
from napari_tessera.refine.morphology import morphology as morphology
from napari_tessera.refine.morphology import smooth as smooth
from napari_tessera.refine.morphology import top_hat as top_hat
from napari_tessera.refine.painting import paint as paint
from napari_tessera.refine.shape import convex_hull as convex_hull
from napari_tessera.refine.shape import skeleton as skeleton
from napari_tessera.refine.surgery import delete as delete
from napari_tessera.refine.surgery import merge as merge
from napari_tessera.refine.surgery import replace as replace
from napari_tessera.refine.surgery import split as split
from napari_tessera.types import VoxelSize as VoxelSize
from napari_tessera.widgets.call import apply as apply

__version__: str
