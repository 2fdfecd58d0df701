"""The manifest, the runtime config and the variables: what is taken, and what is refused how."""

import pathlib
import re

import pytest

from host.app.manifest import Manifest, Variable, load_manifest, parse_manifest
from host.app.runtime_config import (
    EnvProvider,
    LocalCompute,
    RemoteCompute,
    StaticProvider,
    parse_runtime_config,
)
from host.app.variables import Resolver, Unresolved, parse_dotenv, parse_variable_flags
from host.errors import HostError, ManifestError
from host.server.serving import notices_of
from tests.running import ROOT

GOOD = """
spin_manifest_version = 2
[application]
name = "a"
[variables]
v = { default = "1" }
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "app.wasm"
"""


def parse(text: str) -> Manifest:
    return parse_manifest(text, "spin.toml", pathlib.Path("/"))


def test_our_own_manifest_and_runtime_config_are_taken() -> None:
    manifest = load_manifest(ROOT)

    assert manifest.components["chat"].ai_models >= {"llama2-chat"}
    config = parse_runtime_config((ROOT / "runtime-config.toml").read_text(), "runtime-config.toml")
    assert config.llm_compute == LocalCompute()


OWN = f"""
{GOOD}
[application.tool.host]
notices = [{{ variable = "v", value = "open", text = "It is open." }}]
"""


@pytest.mark.parametrize(("value", "told"), [("open ", ["It is open."]), ("private", [])])
def test_a_notice_is_for_the_values_that_variables_have(value: str, told: list[str]) -> None:
    assert notices_of(parse(OWN), {"v": value}.__getitem__) == told


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ('variable = "v"', 'variable = "b"', "the application has no variable `b`"),
        (', text = "It is open."', "", "missing field `text`"),
        ('text = "', 'txt = "", text = "', "txt"),
        ("notices = [", "notices = [1, ", "tool.host.notices"),
    ],
)
def test_a_notice_that_is_none_is_refused(before: str, after: str, problem: str) -> None:
    with pytest.raises(ManifestError, match=re.escape(problem)):
        parse(OWN.replace(before, after))


def test_a_remote_config_keeps_its_token_out_of_its_repr() -> None:
    config = parse_runtime_config(
        '[llm_compute]\ntype="remote_http"\nurl="http://a.test"\nauth_token="s3cret"\nextra=1', "rc"
    )

    assert config.llm_compute == RemoteCompute("http://a.test", "s3cret", "default")
    assert "s3cret" not in repr(config)


VARIABLES = {"a": Variable("default", False), "b": Variable(None, True)}


def test_the_first_provider_with_a_value_wins(tmp_path: pathlib.Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("# a comment\nP_A='from dotenv'\n")
    environ = {"SPIN_VARIABLE_A": "from environment", "P_B": ""}

    chain: list[StaticProvider | EnvProvider] = [
        EnvProvider("P", str(dotenv)),
        StaticProvider({"a": "from static"}),
    ]
    assert Resolver(VARIABLES, {"a": "from flag"}, chain, environ).get("a") == "from flag"
    assert Resolver(VARIABLES, {}, chain, environ).get("a") == "from dotenv"
    assert Resolver(VARIABLES, {}, chain[1:], environ).get("a") == "from static"
    assert Resolver(VARIABLES, {}, [], environ).get("a") == "from environment"
    assert Resolver(VARIABLES, {}, [], {}).get("a") == "default"
    assert Resolver(VARIABLES, {}, chain, environ).get("b") == "", "an empty value counts"


def test_a_required_variable_without_value_fails_at_start_and_at_get() -> None:
    resolver = Resolver(VARIABLES, {}, [], {})

    with pytest.raises(
        HostError, match=r'no provider resolved required variable\(s\): \[Key\("b"\)\]'
    ):
        resolver.check_required()
    with pytest.raises(Unresolved, match='no provider resolved required variable "b"'):
        resolver.get("b")


def test_variable_flags_take_values_files_and_maps(tmp_path: pathlib.Path) -> None:
    (tmp_path / "v.txt").write_text("from file")
    (tmp_path / "m.json").write_text('{"c": "json"}')
    (tmp_path / "m.toml").write_text('d = "toml"')
    flags = ["a=1", "a=2=3", f"b=@{tmp_path}/v.txt", f"@{tmp_path}/m.json", f"@{tmp_path}/m.toml"]

    assert parse_variable_flags(flags) == {"a": "2=3", "b": "from file", "c": "json", "d": "toml"}


@pytest.mark.parametrize("flag", ["a", "b=@/nowhere/at/all", "@/nowhere.json"])
def test_a_bad_variable_flag_is_refused(flag: str) -> None:
    with pytest.raises(HostError, match="--variable"):
        parse_variable_flags([flag])


def test_a_dotenv_file_is_parsed() -> None:
    assert parse_dotenv('A=1\nexport B="two"\n#C=3\nnonsense\nD=') == {
        "A": "1",
        "B": "two",
        "D": "",
    }
