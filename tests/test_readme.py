"""README has what a newcomer needs, and its numbers are those that were measured."""

import re

from tests.documents.reading import read
from tests.running import ROOT

README = read("README.md")
MAX_LINES = 160


def test_it_is_short() -> None:
    assert README.count("\n") <= MAX_LINES


def test_it_leads_to_every_document() -> None:
    documents = [f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")]

    assert [name for name in documents if f"({name})" not in README] == []


def rows_of(text: str, heading: str) -> dict[str, list[str]]:
    """Read the first table behind a heading: its rows by their first cell."""
    section = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    cells = [row.split(" | ") for row in re.findall(r"^\| (.*) \|$", section, re.MULTILINE)]
    rows: dict[str, list[str]] = {}
    for name, *rest in cells:
        if not name.startswith("|"):  # a head without a name
            rows.setdefault(name, rest)
    return rows


def test_what_it_compares_was_measured() -> None:
    results = read("bench/RESULTS.md")
    turns = rows_of(results, "One turn as the history grows")
    right = rows_of(results, "Whether it is right")
    told = rows_of(README, "How it compares")

    assert len(told) == 5
    for name, cells in told.items():
        medians = [cell.partition(" (")[0] for cell in turns[name]]
        lost, _, too_long, _, reached, *_ = right[name]
        assert cells == [medians[0], medians[3], medians[4], lost, too_long, reached]


def test_what_it_says_beside_the_table_was_measured() -> None:
    results, on_spin = read("bench/RESULTS.md"), read("bench/SPIN.md")
    memory = rows_of(results, "Size, start and memory")
    right = rows_of(results, "Whether it is right")
    throughput = rows_of(on_spin, "On Spin")
    orders = [row[1] for row in right.values() if row[1].endswith("%")]
    at_8 = {name: row[1] for name, row in throughput.items()}
    ours = "chat with memory, model_api=openai"
    servers = sorted(int(at_8[name]) for name in at_8 if "," in name and "R" in name)

    assert f"a turn takes {round(float(memory['chat with memory'][5]), 1)} MB" in README
    assert max(float(memory[name][5]) for name in memory if "," in name and "R" in name) < 0.2
    assert "(71%, 99% and 99%; ours 0%)" in README
    assert orders == ["0%", "0%", "0%", "71%", "99%", "99%"]
    told = README.replace("\n", " ")
    assert f"{at_8[ours]} turns a second run at 8" in told
    assert f"{at_8[f'{ours}, as `up --spin` runs it']} as `make up SPIN=spin` starts it" in told
    assert f"{at_8[f'{ours}, Preview 3']} with `spin-p3.toml`" in told
    assert f"does {at_8['one value for a conversation, a component']}," in told
    assert f"the Python servers {servers[0]} to {servers[-1]}" in told
