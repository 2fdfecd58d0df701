"""docs/spin.md names every reason for which a test holds on one host only, and no other."""

import re

from tests.running import ROOT

MARK = re.compile(r'mark\.(?:own_host|spin)\(\s*"([^"]*)"')


def test_every_difference_of_the_hosts_stands_in_the_document() -> None:
    sources = [path.read_text() for path in (ROOT / "tests").rglob("*.py")]
    reasons = {reason for source in sources for reason in MARK.findall(source)}
    section = (ROOT / "docs" / "spin.md").read_text().partition("## What differs")[2]
    told = set(re.findall(r"^- (.*)$", section, re.MULTILINE))

    assert reasons == told
    assert len(reasons) > 4
