"""Measures how much of what was said comes back, over dialogues in which facts are planted."""
