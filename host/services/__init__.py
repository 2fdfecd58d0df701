"""Runs Redis and Chroma beside the application."""
