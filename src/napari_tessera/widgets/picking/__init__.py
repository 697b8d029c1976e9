"""Objects picked one after another with the mouse."""
