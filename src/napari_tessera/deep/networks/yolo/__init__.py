"""YOLOv5-seg."""
