"""What both builds say of an answer from outside: how long it may be, and that there was none."""

MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""What a model or Chroma may answer; a page of Chroma's longest records is a fifth of it."""


class HttpFailed(Exception):
    """There was no answer; `is_timeout` says that it took too long."""

    def __init__(self, *, is_timeout: bool) -> None:
        super().__init__()
        self.is_timeout = is_timeout
