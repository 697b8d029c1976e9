"""Objects looked at one after another, mended and accepted."""
