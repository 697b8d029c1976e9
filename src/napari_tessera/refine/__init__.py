"""Labels made better: morphology, cleaning, surgery on single objects, a dense CRF."""
