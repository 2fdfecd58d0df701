"""`wasi:http/types`, put together from its parts."""

from host.http.fields import FieldsPart
from host.http.incoming import IncomingPart
from host.http.options import OptionsPart
from host.http.outgoing import OutgoingPart
from host.instance import Instance
from host.values import Case
from host.wasi.io import StreamFailed


class HttpTypes(FieldsPart, IncomingPart, OutgoingPart, OptionsPart):
    """`wasi:http/types` for one instance."""

    def __init__(self, instance: Instance) -> None:
        self._table = instance.table

    def http_error_code(self, error: int) -> Case:
        """Return why a stream broke; only HTTP's do here."""
        failure: StreamFailed = self._table.get(error)
        return failure.code
