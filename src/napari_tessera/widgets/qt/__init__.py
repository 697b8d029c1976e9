"""Parts of forms that know Qt and nothing else of ours: rows, buttons that wrap, docks, texts."""
