"""The command line as ``python -m napari_tessera``, which is how torchrun starts it."""

from napari_tessera.cli.app import main

if __name__ == "__main__":
    main()
