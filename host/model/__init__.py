"""Serves models over HTTP: `python -m host model`."""
