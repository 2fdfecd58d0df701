"""A real model by one word: which one a word names, and how the application is told of it."""
