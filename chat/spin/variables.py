"""Reads the component's variables, in one call where the host allows it."""

import functools
from collections.abc import Mapping
from typing import Any

from chat.core.errors import InvalidSetting


class Variables:
    """The variables over two of the host's interfaces, as a build's SDK names them.

    `config_store` has all at once, and `variables` one by name; both raise `failure`.
    """

    def __init__(self, config_store: Any, variables: Any, failure: type[Exception]) -> None:
        self._config_store = config_store
        self._variables = variables
        self._failure = failure

    @functools.cached_property
    def _known(self) -> Mapping[str, str]:
        """All variables; none, if the host cannot read one of them."""
        try:
            return dict(self._config_store.get_all())
        except self._failure:
            return {}

    def get(self, name: str) -> str:
        """Return a variable of the component.

        Errors: InvalidSetting if it has no value.
        """
        known = self._known.get(name)
        if known is not None:
            return known
        try:
            return str(self._variables.get(name))
        except self._failure as error:
            raise InvalidSetting(name, "set") from error
