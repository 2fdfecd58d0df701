"""Decides what of a model's text is the reply, while the text comes part by part.

A reply ends before the first end marker. What may be the beginning of a marker is held back until
more has come, and so is white space, because there is none around a reply.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Ends:
    """The markers at which a reply ends, and all that one of them may begin with."""

    markers: Sequence[str]
    beginnings: frozenset[str]
    longest: int


def make_ends(markers: Sequence[str]) -> Ends:
    """Make the ends of replies of the markers at which they end."""
    begun = frozenset(end[:count] for end in markers for count in range(1, len(end)))
    return Ends(markers, begun, max(map(len, begun), default=0))


class ReplyText:
    """Takes a text in parts, and returns in parts the reply in it.

    `is_cut`: whether an end marker has come; what comes behind it is dropped.
    Units: the time is linear in the length of the text, however it is divided.
    """

    def __init__(self, ends: Ends) -> None:
        self._ends = ends
        self._beginning = ""
        """The end of what has come, if a marker may begin so."""
        self._spaces: list[str] = []
        """White space that belongs to the reply if more of it follows."""
        self._is_begun = False
        self.is_cut = False

    def take(self, text: str) -> str:
        """Take the next part of the text, and return all that is now certain to be in the reply."""
        if self.is_cut:
            return ""
        text = self._beginning + text
        place = min([at for at in map(text.find, self._ends.markers) if at >= 0], default=None)
        self.is_cut = place is not None
        held = 0 if self.is_cut else self._begun_marker(text)
        end = len(text) - held if place is None else place
        self._beginning = text[end:] if held else ""
        return self._trimmed(text[:end])

    def finish(self) -> str:
        """Return what was held back and is in the reply, as the text has ended."""
        text, self._beginning = self._beginning, ""
        return self._trimmed(text)

    def _begun_marker(self, text: str) -> int:
        """Return how many characters at the end of `text` a marker may begin with."""
        counts = range(min(len(text), self._ends.longest), 0, -1)
        return next((count for count in counts if text[-count:] in self._ends.beginnings), 0)

    def _trimmed(self, text: str) -> str:
        text = text if self._is_begun else text.lstrip()
        inside = text.rstrip()
        if not inside:
            self._spaces.append(text)
            return ""
        shown = "".join([*self._spaces, inside])
        self._is_begun, self._spaces = True, [text[len(inside) :]]
        return shown
