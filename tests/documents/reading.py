"""Finds what can be checked in a document: blocks of code, code within a line, links."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tests.running import ROOT

HISTORY = "CHANGELOG.md"
"""Names things as they were called when it was written: only its links are looked at."""
MEASURED = ("bench/RESULTS.md", "bench/SPIN.md")
"""Made by `make bench`."""
WRITTEN = (
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "models/README.md",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md")),
)
"""What a person writes, and examples stand in."""
ALL = (*WRITTEN, *MEASURED, HISTORY)
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A block of code, with the language that it says it is in."""

    document: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}: {self.text.strip().splitlines()[0][:60]}"


def read(document: str) -> str:
    return (ROOT / document).read_text()


def blocks(*documents: str) -> list[Block]:
    """Find the blocks of code of some documents, in order; indented ones lose their indent."""
    found = []
    for document in documents:
        for language, text in FENCE.findall(read(document)):
            indent = len(text) - len(text.lstrip(" "))
            lines = [line[indent:] for line in text.splitlines()]
            found.append(Block(document, language, "\n".join(lines) + "\n"))
    return found


def codes(document: str) -> list[str]:
    """Find what is marked as code within the lines of a document."""
    return [" ".join(code.split()) for code in CODE.findall(prose(document))]


def prose(document: str) -> str:
    return FENCE.sub("", read(document))


def commands_of(block: Block) -> list[str]:
    """Take the commands out of a block: each may go on behind a backslash.

    In a `console` block they stand behind `$`, and what they print below them.
    """
    lines = block.text.replace("\\\n", " ").splitlines()
    if block.language == "console" and any(line.startswith("$ ") for line in lines):
        lines = [line[2:] for line in lines if line.startswith("$ ")]
    return [line for line in lines if line.strip() and not line.startswith("#")]


def exchanges_of(block: Block) -> list[tuple[str, str]]:
    """Take the commands of a `console` block, each with what it prints."""
    parts = re.split(r"^\$ ", block.text.replace("\\\n", " "), flags=re.MULTILINE)[1:]
    return [
        (command, printed.strip()) for command, _, printed in (p.partition("\n") for p in parts)
    ]


def links(document: str) -> Sequence[str]:
    return LINK.findall(prose(document))


def anchors(document: str) -> set[str]:
    """Return the headings of a document as links to them name them."""
    return {slug(heading) for heading in HEADING.findall(prose(document))}


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
