"""Files: images, labels, annotations, data sets."""
