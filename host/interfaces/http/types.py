"""`wasi:http/types`, put together from its parts."""

from host.abi.instance import Instance
from host.abi.values import Case
from host.interfaces.http.fields import FieldsPart
from host.interfaces.http.incoming import IncomingPart
from host.interfaces.http.options import OptionsPart
from host.interfaces.http.outgoing import OutgoingPart
from host.interfaces.wasi.io import StreamFailed


class HttpTypes(FieldsPart, IncomingPart, OutgoingPart, OptionsPart):
    """`wasi:http/types` for one instance."""

    def __init__(self, instance: Instance) -> None:
        self._table = instance.table

    def http_error_code(self, error: int) -> Case:
        """Return why a stream broke; here only streams of HTTP bodies can break."""
        failure: StreamFailed = self._table.get(error)
        return failure.code
