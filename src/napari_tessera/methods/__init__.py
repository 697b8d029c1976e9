"""One file per public method, in folders named after the menus."""
