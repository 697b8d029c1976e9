# Everything a fresh Debian or Ubuntu machine needs: `make demo` and `make test`.
# On Windows and macOS use the tox commands in README.md.
PYTHON ?= python3
TOX = .venv/bin/tox
# without a screen, the viewer runs in a virtual one
XVFB = $(if $(DISPLAY)$(WAYLAND_DISPLAY),,xvfb-run -a -s "-screen 0 1600x1000x24")
IN = $(XVFB) $(TOX) exec -e py --

.PHONY: test demo docs bench libraries clean

test: libraries $(TOX)
	$(XVFB) $(TOX)

demo: libraries .tox/.made
	$(IN) python -m napari_tessera.widgets.plugin.demo $(if $(XVFB),--output demo-output)

docs: libraries .tox/.made
	$(IN) python -m pip install -q '.[docs]'
	$(IN) python docs/pictures.py
	$(IN) python -m sphinx -W --keep-going -b html docs docs/_build/html

bench: libraries .tox/.made
	$(IN) python -m pip install -q '.[bench]'
	$(IN) python benchmarks/speed.py
	$(IN) python benchmarks/times.py
	$(IN) python benchmarks/memory.py
	$(IN) python benchmarks/responsiveness.py

libraries:
	@.ci/system-libraries

$(TOX):
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install -q 'tox>=4.23'

# the one environment with torch and a viewer
.tox/.made: $(TOX) pyproject.toml tox.ini
	$(TOX) run -e py --notest
	touch $@

clean:
	rm -rf .venv .tox demo-output docs/_build docs/methods docs/gallery
