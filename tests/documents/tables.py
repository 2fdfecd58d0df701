"""Makes the parts of documents that follow from tables of the code: routes, settings, rooms.

Each stands between two comments, `<!-- made by "make docs": NAME -->` and `<!-- end of NAME -->`.
"""

import ast
import functools
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from chat.core.errors import InvalidSetting
from chat.http.openapi import describe_api
from chat.mcp.tools import TOOLS
from chat.settings import parse_admin_token, parse_cors_origins, parse_settings
from chat.wiring.surfaces import SURFACES
from tests.architecture import CHAT, HOST, Room
from tests.documents.reading import slug
from tests.documents.schemas import words_of
from tests.running import ROOT

UNUSABLE = "\0 \0"
"""No setting may have this value: the error says what is allowed."""
ALL_ON = {"long_term": "chroma", "model_api": "openai"}
"""Settings with which all others are looked at."""
WHO = {
    "": "anybody; no credential is looked at",
    "owner page or none": "anybody; a credential is needed for what belongs to an owner",
    "owner page": "owners; a credential is needed",
    "admin": "operators; `admin_token` is needed",
}
"""Who may ask, by the names of the credentials that count."""
CODE = re.compile(r"^`(\w+)`", re.MULTILINE)


def filled_in(document: str, text: str) -> str:
    """Put the tables of a document in their places.

    Errors: ValueError for a table that has no place, or more than one.
    """
    for name, make in TABLES[document].items():
        begin, end = f'<!-- made by "make docs": {name} -->', f"<!-- end of {name} -->"
        if (text.count(begin), text.count(end)) != (1, 1):
            raise ValueError(f"{document} needs one place for {name}")
        before, _, behind = text.partition(begin)
        text = f"{before}{begin}\n\n{make().strip()}\n\n{end}{behind.partition(end)[2]}"
    return text


def render_operations() -> str:
    """Render a row for each operation, and below them what each takes, gives and refuses."""
    operations = [
        (method.upper(), path, operation)
        for path, methods in describe_api(SURFACES, has_admin=True)["paths"].items()
        for method, operation in methods.items()
    ]
    rows = ["| request | what it does | who may ask |", "|---|---|---|"]
    for method, path, operation in operations:
        request, who = f"`{method} {path}`", WHO[_credentials(operation["security"])]
        rows.append(f"| [{request}](#{slug(request)}) | {operation['summary']} | {who} |")
    details = (part for operation in operations for part in _render_operation(*operation))
    return "\n".join([*rows, "", *details])


def _render_operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"### `{method} {path}`\n"
    yield f"{operation['summary']}.\n"
    yield f"- **Who:** {WHO[_credentials(operation['security'])]}."
    for parameter in operation["parameters"]:
        yield _render_parameter(parameter)
    if "requestBody" in operation:
        yield f"- **Takes:** {_content(operation['requestBody'])}."
    errors = []
    for status, response in operation["responses"].items():
        codes = CODE.findall(response["description"])
        errors += [f"{status} `{code}`" for code in codes]
        if not codes:
            body = f"with {_content(response)}" if "content" in response else "without a body"
            yield f"- **Gives:** {status} {body}."
    yield f"- **Errors:** {', '.join(sorted(errors))}.\n"


def _credentials(security: Sequence[Mapping[str, Any]]) -> str:
    names = " ".join(name for one in security for name in one)
    return f"{names} or none" if {} in security else names


def _render_parameter(parameter: Mapping[str, Any]) -> str:
    where = {"header": "Header", "query": "In the query", "path": "In the path"}[parameter["in"]]
    has_to = parameter["in"] == "query" and parameter["required"]
    needed = "; it has to be there" if has_to else ""
    return f"- **{where}:** `{parameter['name']}`: {words_of(parameter['schema'])}{needed}."


def _content(described: Mapping[str, Any]) -> str:
    """Return the name of each shape of a body, with a link to it, and its media type."""
    shapes = {
        media: content["schema"]["$ref"].rpartition("/")[2]
        for media, content in described["content"].items()
    }
    return ", or ".join(
        f"[`{name}`](#{name.lower()}), as `{media}`" for media, name in shapes.items()
    )


def render_shapes() -> str:
    shapes = describe_api(SURFACES, has_admin=True)["components"]["schemas"]
    return "\n".join(_render_shape(name, shape) for name, shape in shapes.items())


def _render_shape(name: str, schema: Mapping[str, Any]) -> str:
    lines = [f"### {name}", ""]
    kinds = schema.get("oneOf", [schema])
    for kind in kinds:
        if len(kinds) > 1:
            lines += [f"For {kind['title']}:", ""]
        if "minProperties" in kind:
            lines += [f"At least {kind['minProperties']} of these:", ""]
        lines += [*_render_fields(kind, 0)] or [f"{_capital(words_of(schema))}."]
        lines.append("")
    return "\n".join(lines)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _render_fields(schema: Mapping[str, Any], depth: int) -> Iterator[str]:
    """Yield a line for each field, and below it the lines of an object or a list of objects."""
    for name, field in schema.get("properties", {}).items():
        is_left_out = name not in schema.get("required", ())
        may = "; may be left out" if is_left_out else ""
        yield f"{'  ' * depth}- `{name}`: {words_of(field)}{may}"
        yield from _render_fields(_inner(field), depth + 1)


def _inner(field: Mapping[str, Any]) -> Mapping[str, Any]:
    for key in ("items", "additionalProperties"):
        if isinstance(field.get(key), dict):
            return _inner(field[key])
    for kind in (*field.get("oneOf", ()), *field.get("anyOf", ())):
        if "properties" in kind:
            return dict(kind)
    return field


def render_settings() -> str:
    """Render a row for each variable of the manifest, with what the parser says it may be."""
    rows = ["| variable | default | allowed | meaning |", "|---|---|---|---|"]
    for name, entry in variables().items():
        default = f"`{entry['default']}`" if entry["default"] else ""
        secret = " (secret)" if entry.get("secret") else ""
        rows.append(f"| `{name}`{secret} | {default} | {allowed(name)} | {entry['description']} |")
    return "\n".join(rows)


@functools.cache
def variables() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = tomllib.loads((ROOT / "spin.toml").read_text())["variables"]
    return found


def allowed(name: str) -> str:
    """Return what a variable may be, in the words of its error; '' if it may be anything."""
    wrong = wrong_of({**ALL_ON, name: UNUSABLE}) or ""
    named, _, may_be = wrong.partition(" must be ")
    return may_be if f"`{name}`" in named else ""


def wrong_of(given: Mapping[str, str]) -> str | None:
    """Return what is wrong with values of variables, None if nothing; others are the manifest's.

    Errors: KeyError for one that the manifest has not.
    """
    values = {name: str(entry["default"]) for name, entry in variables().items()}
    unknown = set(given) - set(values)
    if unknown:
        raise KeyError(unknown.pop())
    get = {**values, **given}.__getitem__
    try:
        parse_settings(get)
        parse_admin_token(get)
        parse_cors_origins(get)
    except InvalidSetting as error:
        return str(error)
    return None


def render_rooms(rooms: tuple[Room, ...]) -> str:
    rows = ["| room | what it does | what it may import |", "|---|---|---|"]
    for place, room in enumerate(rooms):
        above = [other.name for other in rooms[:place]]
        known = "every room above" if set(above) == set(room.knows) else _named(room.knows)
        may = "; ".join(filter(None, (known if room.knows else "", _named(room.uses))))
        rows.append(f"| `{_path_of(room)}` | {_says(room)} | {may or 'nothing'} |")
    return "\n".join(rows)


def _named(names: Sequence[str]) -> str:
    return ", ".join(f"`{name.rpartition('.')[2]}`" for name in names)


def _path_of(room: Room) -> str:
    path = room.name.replace(".", "/")
    return f"{path}/" if (ROOT / path).is_dir() else f"{path}.py"


def _says(room: Room) -> str:
    path = ROOT / _path_of(room)
    source = path / "__init__.py" if path.is_dir() else path
    doc = ast.get_docstring(ast.parse(source.read_text())) or ""
    return doc.partition("\n\n")[0].replace("\n", " ").rstrip(".")


def render_tools() -> str:
    """Render a row for each tool."""
    rows = ["| tool | route | arguments | changes something |", "|---|---|---|---|"]
    for tool in TOOLS.values():
        route = f"{tool.method} {tool.path}"
        names = ", ".join(
            f"`{name}`" if name in tool.takes["required"] else f"`{name}`?"
            for name in tool.takes["properties"]
        )
        changes = "no" if tool.is_read_only else "removes" if tool.is_destructive else "adds"
        rows.append(f"| `{tool.name}` | [`{route}`](api.md#{slug(route)}) | {names} | {changes} |")
    return "\n".join(rows)


TABLES: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "docs/api.md": {"operations": render_operations, "shapes": render_shapes},
    "docs/settings.md": {"settings": render_settings},
    "docs/mcp.md": {"tools": render_tools},
    "docs/architecture.md": {
        "rooms of the component": lambda: render_rooms(CHAT),
        "rooms of the host": lambda: render_rooms(HOST),
    },
}
"""By document and name, what makes its tables."""
