"""Lua scripts: files that are put together when the component is built, with named operands.

Each script is atomic, takes one round trip, and makes all its checks before its first write. The
names of its keys, arguments and constants are declared once: a key `turns` is `turns_key` in Lua,
and an argument or a constant has the same name there. Only this module knows the place of a key in
`KEYS`, and how all arguments travel as one: each operand by itself would be one more value that the
guest and its host make of another.
Errors of our own start with a code that the host passes on as it is: see `parse_error`.
"""

import hashlib
import pathlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

FOLDER = pathlib.Path(__file__).parent / "lua"
NOT_CODE = re.compile(r"--[^\n]*|'(?:[^'\\\n]|\\.)*'")
WORD = re.compile(r"\b[A-Za-z_]\w*")
TAIL = "*"
"""The first character of the last argument's name if it stands for all arguments that are left."""

UNPACKED = r"""local packed, arguments = ARGV[1], {}
do
  local lengths, at = string.match(packed, '^([%d ]*)\n()')
  for length in string.gmatch(lengths, '%d+') do
    arguments[#arguments + 1] = string.sub(packed, at, at + length - 1)
    at = at + length
  end
end
"""
"""Lua that takes the arguments apart which `pack` joined."""

Argument = bytes | int | str
Constant = float | str


@dataclass(frozen=True)
class Fragment:
    """A text that scripts share: `lua/shared/NAME.lua`, with the constants that it uses."""

    name: str
    constants: Mapping[str, Constant] = field(default_factory=dict)

    def read(self) -> str:
        """Return the fragment's text."""
        return (FOLDER / "shared" / f"{self.name}.lua").read_text()


@dataclass(frozen=True)
class Script:
    """A script's text, the hash by which Redis knows it, and the names of its operands.

    Shapes: `keys` are in the order of `KEYS`; those after the first `least_keys` may be left out.
            `has_tail` is whether the script takes arguments without names after the named ones.
            `is_repeatable` is whether a request may run it once more when its connection broke
            and it may have run: nothing is changed or counted twice then, but for rates.
    """

    name: str
    text: str
    sha1: str
    keys: Sequence[str]
    least_keys: int
    args: Sequence[str]
    has_tail: bool
    is_repeatable: bool = False

    def operands(
        self, keys: Mapping[str, str], tail: Sequence[Argument], arguments: Mapping[str, Argument]
    ) -> list[Argument]:
        """Return the operands that follow the script in `EVAL`: how many keys, these, and the rest.

        Errors: TypeError for a name that is missing or that was not declared.
        """
        given = self.keys[: max(self.least_keys, len(keys))]
        self._check("keys", given, keys)
        self._check("arguments", self.args, arguments)
        if tail and not self.has_tail:
            raise TypeError(f"{self.name} takes no arguments without names")
        packed = pack([*map(arguments.__getitem__, self.args), *tail])
        return [len(given), *map(keys.__getitem__, given), packed]

    def _check(self, what: str, wanted: Sequence[str], given: Mapping[str, object]) -> None:
        wrong = given.keys() ^ set(wanted)
        if wrong:
            names = ", ".join(sorted(wrong))
            raise TypeError(f"{self.name}: {what} that are missing, or not its own: {names}")


def make_script(
    name: str,
    fragments: Sequence[Fragment] = (),
    *,
    keys: Sequence[str] = (),
    maybe: Sequence[str] = (),
    args: Sequence[str] = (),
    constants: Mapping[str, Constant] | None = None,
) -> Script:
    """Make a script of its names, its fragments and `lua/NAME.lua`, in this order.

    The keys in `maybe` may be left out, and are nil in Lua then. `*name` at the end of the
    arguments is a table of all arguments that are left.
    Errors: ValueError for a name that is used but not declared, or declared but not used.
    """
    bodies = [fragment.read() for fragment in fragments] + [(FOLDER / f"{name}.lua").read_text()]
    known = {k: v for fragment in fragments for k, v in fragment.constants.items()}
    all_keys, body = [*keys, *maybe], "\n".join(bodies)
    known.update(constants or {})
    try:
        text = render_names(body, all_keys, args, known) + body
    except ValueError as error:
        raise ValueError(f"lua/{name}.lua: {error}") from error
    sha1 = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    named = [arg for arg in args if not arg.startswith(TAIL)]
    return Script(name, text, sha1, all_keys, len(keys), named, len(named) < len(args))


def repeatable(script: Script) -> Script:
    """Return a script that a request may run once more."""
    return replace(script, is_repeatable=True)


def render_names(
    body: str, keys: Sequence[str], args: Sequence[str], constants: Mapping[str, Constant]
) -> str:
    """Render the lines that declare a script's names; a key that it does not use gets no line.

    Errors: ValueError for a name that is declared twice, not declared, or not used.
    """
    used = set(WORD.findall(NOT_CODE.sub(" ", body)))
    locals_of_keys = [f"{key}_key" for key in keys]
    named = [*(arg.removeprefix(TAIL) for arg in args), *constants]
    _refuse("declared twice", (n for n in named if [*named, *locals_of_keys].count(n) > 1))
    unknown = used.difference(named, locals_of_keys)
    _refuse("not declared", (n for n in unknown if n.endswith("_key") or n.isupper()))
    _refuse("declared and not used", (name for name in named if name not in used))
    lines = [
        *(f"local {n} = KEYS[{i}]" for i, n in enumerate(locals_of_keys, 1) if n in used),
        *([UNPACKED.rstrip()] if args else []),
        *(line for place, arg in enumerate(args, 1) for line in _lines_of(arg, place)),
        *(f"local {name} = {_literal(value)}" for name, value in constants.items()),
    ]
    return "".join(f"{line}\n" for line in lines)


def pack(arguments: Sequence[Argument]) -> bytes:
    """Join arguments to one: a line of their lengths in bytes, and the arguments."""
    parts = [one if isinstance(one, bytes) else str(one).encode() for one in arguments]
    return b"%s\n%s" % (" ".join([str(len(part)) for part in parts]).encode(), b"".join(parts))


def _refuse(why: str, names: Iterable[str]) -> None:
    found = sorted(set(names))
    if found:
        raise ValueError(f"{', '.join(found)}: {why}")


def _lines_of(arg: str, place: int) -> Iterator[str]:
    if not arg.startswith(TAIL):
        yield f"local {arg} = arguments[{place}]"
        return
    name = arg.removeprefix(TAIL)
    yield f"local {name} = {{}}"
    yield f"for i = {place}, #arguments do {name}[i - {place - 1}] = arguments[i] end"


def _literal(value: Constant) -> str:
    return f"'{value}'" if isinstance(value, str) else repr(value)
