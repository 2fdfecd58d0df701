"""Writes `.spin/ai-models`: the demo model and the embedding model as Spin's own engine reads them.

Runs where only the component is built, so everything here is the standard library's.
"""
