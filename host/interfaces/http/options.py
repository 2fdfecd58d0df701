"""Timeouts of outgoing requests."""

from host.abi.instance import ResourceTable


class OptionsPart:
    """The resource `request-options`, which the outgoing handler reads.

    Units: all timeouts are nanoseconds.
    """

    _table: ResourceTable

    def request_options_new(self) -> int:
        """Make options without any timeout."""
        return self._table.push({})

    def _set_option(self, number: int, name: str, value: int | None) -> None:
        self._table.get(number)[name] = value

    def request_options_connect_timeout(self, number: int) -> int | None:
        value: int | None = self._table.get(number).get("connect")
        return value

    def request_options_set_connect_timeout(self, number: int, value: int | None) -> None:
        self._set_option(number, "connect", value)

    def request_options_first_byte_timeout(self, number: int) -> int | None:
        value: int | None = self._table.get(number).get("first_byte")
        return value

    def request_options_set_first_byte_timeout(self, number: int, value: int | None) -> None:
        self._set_option(number, "first_byte", value)

    def request_options_between_bytes_timeout(self, number: int) -> int | None:
        value: int | None = self._table.get(number).get("between_bytes")
        return value

    def request_options_set_between_bytes_timeout(self, number: int, value: int | None) -> None:
        self._set_option(number, "between_bytes", value)
