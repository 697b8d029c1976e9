"""What the viewer shows: forms made from signatures, jobs, previews, and layers in and out."""
