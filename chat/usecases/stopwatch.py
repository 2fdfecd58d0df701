"""Times a turn, and the model within it."""

import contextlib
from collections.abc import Iterator

from chat.usecases.ports import Clock

MS_PER_S = 1000


class Stopwatch:
    """Runs from the moment when it is made; its clock only ever goes forward."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._begun = clock()
        self._model_s = 0.0

    @contextlib.contextmanager
    def model(self) -> Iterator[None]:
        """Count the time spent in this block as the model's."""
        begun = self._clock()
        try:
            yield
        finally:
            self._model_s += self._clock() - begun

    @property
    def model_ms(self) -> float:
        """How long the model took, in ms."""
        return self._model_s * MS_PER_S

    @property
    def turn_ms(self) -> float:
        """How long the turn has taken until now, in ms."""
        return (self._clock() - self._begun) * MS_PER_S
