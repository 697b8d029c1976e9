from napari_tessera.widgets.recipe.runs import RunOnLayers


def test_the_layers_that_are_done_are_counted():
    run = RunOnLayers([], failed=["wing: too dark"])
    run.given = 2
    assert run.counted == "2 of 3 layers done."
