"""Writes `.spin/ai-models`: the demo model and the embedding model as Spin's own engine reads them.

It runs where only the component is built, so it uses nothing but the standard library.
"""
