"""Opening, closing and their kin, for labels and for intensities."""
