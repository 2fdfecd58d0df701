"""Errors of the host.

    HostError           for the person at the terminal: a message, exit code 1, no traceback
    └── ManifestError   a manifest or runtime config that cannot be used, with the file's name
    Trap                ends one guest instance; its request is answered 500 with an empty body

An error that a guest may handle is never raised: host functions return it as `Err`.
"""


class HostError(Exception):
    """An error that the person at the terminal has to put right."""


class ManifestError(HostError):
    """A key of `file` is missing, unknown or unusable."""

    def __init__(self, file: str, problem: str) -> None:
        super().__init__(f"{file}: {problem}")


class Trap(Exception):
    """An error that ends the running guest instance."""
