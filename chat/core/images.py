"""The value of an image in a message: where it is, never what it shows."""

from typing import NamedTuple


class Image(NamedTuple):
    """An image by its URL, which nothing here ever fetches; the model's endpoint does.

    Shapes: `detail` is how closely the caller wants it to be looked at, in the API's words.
    Units:  `tokens` is the most that it takes in a prompt.
    """

    url: str
    detail: str | None
    tokens: int
