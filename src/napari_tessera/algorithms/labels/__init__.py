"""Label images: ids, boxes, runs, places."""
