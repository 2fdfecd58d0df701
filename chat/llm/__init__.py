"""Asks models and embedders over HTTP, and takes their answers apart."""
