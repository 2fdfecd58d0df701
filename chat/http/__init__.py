"""Parses requests and renders responses; it never reaches a store by itself."""
