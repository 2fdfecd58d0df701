"""Puts the parts of a request together, as the settings say."""
