"""Header fields of `wasi:http/types`."""

from host.abi.instance import ResourceTable
from host.abi.values import Err
from host.interfaces.http.messages import Fields, Pairs


class FieldsPart:
    """The resource `fields`, of which headers and trailers are other names."""

    _table: ResourceTable

    def fields_new(self) -> int:
        return self._table.push(Fields())

    def fields_from_list(self, entries: Pairs) -> int | Err:
        fields = Fields()
        for name, value in entries:
            fault = fields.fault(name, [value])
            if fault is not None:
                return fault
            fields.pairs.append((name.lower(), value))
        return self._table.push(fields)

    def _fields(self, number: int) -> Fields:
        fields: Fields = self._table.get(number)
        return fields

    def fields_get(self, number: int, name: str) -> list[bytes]:
        return [value for key, value in self._fields(number).pairs if key == name.lower()]

    def fields_has(self, number: int, name: str) -> bool:
        return bool(self.fields_get(number, name))

    def fields_set(self, number: int, name: str, values: list[bytes]) -> Err | None:
        fields = self._fields(number)
        fault = fields.fault(name, values)
        if fault is not None:
            return fault
        fields.pairs = [pair for pair in fields.pairs if pair[0] != name.lower()]
        fields.pairs += [(name.lower(), value) for value in values]
        return None

    def fields_delete(self, number: int, name: str) -> Err | None:
        return self.fields_set(number, name, [])

    def fields_append(self, number: int, name: str, value: bytes) -> Err | None:
        fields = self._fields(number)
        fault = fields.fault(name, [value])
        if fault is None:
            fields.pairs.append((name.lower(), value))
        return fault

    def fields_entries(self, number: int) -> Pairs:
        return self._fields(number).pairs

    def fields_clone(self, number: int) -> int:
        """Copy the fields; the copy may be changed."""
        return self._table.push(Fields(list(self._fields(number).pairs)))
