"""The alerts fire when they should, and the dashboard asks for what there is."""

import json
import pathlib
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import yaml

from chat.core.counters import parse_counted
from chat.core.served import parse_served
from chat.core.stats import RedisState, Stats
from chat.http.prometheus import render_metrics
from chat.usecases.check_health import Health
from tests.prometheus import FOLDER, NEEDS_PROMETHEUS, write_config
from tests.running import ROOT

DASHBOARD: dict[str, Any] = json.loads(
    (ROOT / "deploy" / "grafana" / "dashboards" / "chat.json").read_text()
)
RULES = yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"]
NAME = re.compile(r"\bchat[_:][a-z0-9_:]+")
WANTED = {
    "ChatErrorRate", "ChatSlowTurns", "ChatSlowItself", "ChatSlowRoute", "ChatSaturated",
    "ChatRedisMemory", "ChatLockContention", "ChatCleanUpNotRun", "ChatPartDown", "ChatDown",
}  # fmt: skip


def shown() -> str:
    """Render metrics in which everything was counted."""
    counted = parse_counted({"turns": 1, "error take_turn model_failed": 1, "turn_time 50": 1})
    served = parse_served({"served GET /conversations/{id} 200 25": 1, "served POST / 200 50": 2})
    redis = RedisState(5, 1000, 2000, 3, 10_000, 1.5, 0)
    stats = Stats(1.0, 2.0, counted, counted, served, 1, 2, redis)
    return render_metrics({"redis": Health("ok"), "model": Health("model_failed")}, stats)


def known_names() -> set[str]:
    """Return the names of all metrics and of all recorded ones."""
    metrics = set(re.findall(r"^(\w+)[{ ]", shown(), re.MULTILINE))
    recorded = {rule["record"] for group in RULES for rule in group["rules"] if "record" in rule}
    return metrics | recorded


def expressions() -> Iterator[str]:
    """Yield every expression of the dashboard, with its variables filled in."""
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"].replace("$job", "chat")
    yield from (one["expr"] for one in DASHBOARD["annotations"]["list"])


def test_rules_and_dashboard_ask_for_metrics_that_there_are() -> None:
    asked = [rule["expr"] for group in RULES for rule in group["rules"]]
    names = {name for text in (*asked, *expressions()) for name in NAME.findall(text)}

    assert names - known_names() == set()


def test_no_expression_adds_up_what_all_replicas_show() -> None:
    for text in (*(rule["expr"] for group in RULES for rule in group["rules"]), *expressions()):
        for added in re.findall(r"sum(?: by \([^)]*\))? ?\(([^)]*)", text):
            assert not re.search(r"\bchat_", added), text


def test_each_thing_that_goes_wrong_has_an_alert() -> None:
    alerts = {rule["alert"] for group in RULES for rule in group["rules"] if "alert" in rule}

    assert alerts >= WANTED


def test_each_panel_has_a_place_of_its_own_and_asks_the_chosen_source() -> None:
    panels = DASHBOARD["panels"]
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
        for target in panel.get("targets", ()):
            assert target["datasource"]["uid"] == "${source}"
    assert len({panel["id"] for panel in panels}) == len(panels)


def promtool(*arguments: str, given: str | None = None) -> None:
    checked = subprocess.run(
        ["promtool", *arguments], input=given, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@NEEDS_PROMETHEUS
def test_promtool_takes_the_configuration_the_rules_and_the_dashboard(
    tmp_path: pathlib.Path,
) -> None:
    asked = [{"record": f"asked:{n}", "expr": text} for n, text in enumerate(expressions())]
    dashboard = tmp_path / "dashboard.yml"
    dashboard.write_text(yaml.safe_dump({"groups": [{"name": "asked", "rules": asked}]}))

    promtool("check", "config", str(write_config(tmp_path, [], "a-token")))
    promtool("check", "rules", str(FOLDER / "rules.yml"), str(dashboard))


@NEEDS_PROMETHEUS
def test_each_alert_fires_when_it_should_and_not_otherwise(tmp_path: pathlib.Path) -> None:
    cases = (ROOT / "tests" / "data" / "rules_test.yml").read_text()
    told = tmp_path / "rules_test.yml"
    told.write_text(cases.replace("RULES", str(FOLDER / "rules.yml")))

    promtool("test", "rules", str(told))


@NEEDS_PROMETHEUS
def test_promtool_has_nothing_against_the_metrics() -> None:
    promtool("check", "metrics", given=shown())
