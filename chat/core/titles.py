"""Makes the title of a conversation that nobody has named."""

TITLE_CHARACTERS = 60
LEAST_CHARACTERS = 40
"""A title that is cut ends with a whole word, unless that leaves fewer characters than these."""
JOINER = "\u200d"
"""It cannot be seen, but emojis are made of parts with it."""


def make_title(prompt: str) -> str:
    """Return the beginning of a prompt as one line, with an ellipsis if that is not all of it.

    What cannot be seen is left out, but for the parts of emojis.
    """
    words = "".join(c if c.isprintable() or c == JOINER else " " for c in prompt).split()
    line = " ".join(words)
    if len(line) <= TITLE_CHARACTERS:
        return line
    cut = line[: TITLE_CHARACTERS - 1]
    end = cut.rfind(" ", LEAST_CHARACTERS)
    return (cut if end < 0 or line[len(cut)] == " " else cut[:end]).rstrip() + "…"
