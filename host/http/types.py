"""`wasi:http/types`, put together from its parts."""

from host.http.fields import FieldsPart
from host.http.incoming import IncomingPart
from host.http.options import OptionsPart
from host.http.outgoing import OutgoingPart
from host.instance import Instance


class HttpTypes(FieldsPart, IncomingPart, OutgoingPart, OptionsPart):
    """`wasi:http/types` for one instance."""

    def __init__(self, instance: Instance) -> None:
        self._table = instance.table

    def http_error_code(self, _error: int) -> None:
        """Return none: streams here fail as closed."""
