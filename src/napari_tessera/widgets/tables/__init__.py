"""Tables of objects: rows that are sorted, filtered, plotted, and linked to the viewer."""
