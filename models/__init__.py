"""The demo model: its dialogues, its training, its scores."""
