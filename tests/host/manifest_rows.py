"""Manifests and runtime configs that Spin 4.0.2 refuses, each with words of its message, and others
that it takes.

The rows are tried on our host, and on a spin where there is one.

Source: spin `crates/manifest/src/{schema/v2,schema/common,error}.rs`, `crates/serde/src/id.rs`,
`crates/loader/src/local.rs`, `crates/expressions/src/{lib,template}.rs`,
`crates/outbound-networking-config/src/allowed_hosts.rs`, `crates/http/src/config.rs`,
`crates/routes/src/lib.rs`, `crates/trigger-http/src/lib.rs`, `crates/runtime-config/src/lib.rs`.
"""

GOOD = """\
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
VERSION = "spin_manifest_version = 2"
NAME = 'name = "a"'
VARIABLE = '{ default = "1" }'
TRIGGER = '[[trigger.http]]\nroute = "/..."\ncomponent = "c"\n'
ROUTE = 'route = "/..."'
RUNS = 'component = "c"'
COMPONENT = '[component.c]\nsource = "app.wasm"\n'
SOURCE = 'source = "app.wasm"'


def change(old: str, new: str) -> str:
    """Return the good manifest with one thing changed."""
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def component(lines: str) -> str:
    """Return the good manifest with more in its component."""
    return change(SOURCE, f"{SOURCE}\n{lines}")


def application(lines: str) -> str:
    """Return the good manifest with more in its application."""
    return change(NAME, f"{NAME}\n{lines}")


def trigger(lines: str) -> str:
    """Return the good manifest with more in its trigger."""
    return change(RUNS, f"{RUNS}\n{lines}")


def static(response: str) -> str:
    """Return the good manifest with a fixed answer."""
    return change(RUNS, f"static_response = {response}")


def variable_named(name: str) -> str:
    """Return the good manifest with another name of its variable."""
    return change("v = {", f"{name} = {{")


def component_named(name: str) -> str:
    """Return the good manifest with another id of its component."""
    return change("[component.c]", f"[component.{name}]")


def hosts(*entries: str, default: str = "1") -> str:
    """Return the good manifest with allowed hosts; `default` is of the variable `v`."""
    listed = ", ".join(f"'{entry}'" for entry in entries)
    changed = component(f"allowed_outbound_hosts = [{listed}]")
    return changed.replace(VARIABLE, f"{{ default = '{default}' }}")


EMPTY = '"" is not an allowed outbound host format'
MALFORMED = "`allowed_outbound_hosts` is malformed"
COMPONENT_FIELDS = (
    "expected one of `source`, `description`, `variables`, `environment`, `files`, "
    "`exclude_files`, `allowed_http_hosts`, `allowed_outbound_hosts`, `key_value_stores`, "
    "`sqlite_databases`, `ai_models`, `targets`, `build`, `tool`, "
    "`dependencies_inherit_configuration`, `dependencies`, `profile`"
)
EITHER = "Triggers must specify either component or static_response"
XOR = "must be `required` OR have a `default`"

REFUSED = {
    # the whole
    "version 3": (change(VERSION, "spin_manifest_version = 3"), "invalid manifest version: 3"),
    "the version as a text": (
        change(VERSION, 'spin_manifest_version = "2"'),
        'invalid manifest version: "2"',
    ),
    "a truth for the version": (
        change(VERSION, "spin_manifest_version = true"),
        "invalid manifest version: true",
    ),
    "the version with a point": (
        change(VERSION, "spin_manifest_version = 2.0"),
        "invalid manifest version: 2.0",
    ),
    "no version": (change(VERSION, ""), "missing field `spin_manifest_version`"),
    "an unknown table": (
        GOOD + "[x]\n",
        "unknown field `x`, expected one of `spin_manifest_version`, `application`, `variables`, "
        "`trigger`, `component`",
    ),
    "no TOML": (GOOD + "x = \n", "TOML parse error at line 15, column"),
    "a table twice": (GOOD + "[component.c]\n", "TOML parse error at line 15"),
    "a key twice": (component('source = "b.wasm"'), "TOML parse error at line 15"),
    # the application
    "no application": (change(f"[application]\n{NAME}", ""), "missing field `application`"),
    "an application that is no table": (
        change(f"[application]\n{NAME}", "").replace(VERSION, f"{VERSION}\napplication = 1"),
        "invalid type: integer `1`, expected struct AppDetails",
    ),
    "no name": (change(NAME, ""), "missing field `name`"),
    "an application's unknown key": (
        application("nam = 1"),
        "unknown field `nam`, expected one of `name`, `version`, `description`, `authors`, "
        "`targets`, `trigger`, `tool`",
    ),
    "a number for a text": (
        application("version = 1"),
        "invalid type: integer `1`, expected a string",
    ),
    "a fraction for a text": (
        application("version = 1.5"),
        "invalid type: floating point `1.5`, expected a string",
    ),
    "a truth for a text": (
        application("version = true"),
        "invalid type: boolean `true`, expected a string",
    ),
    "a list for a text": (
        application("version = []"),
        "invalid type: sequence, expected a string",
    ),
    "a date for a text": (
        application("version = 2024-01-01"),
        "invalid type: map, expected a string",
    ),
    "a description that is no text": (
        application("description = {}"),
        "invalid type: map, expected a string",
    ),
    "authors that are no list": (
        application('authors = "x"'),
        'invalid type: string "x", expected a sequence',
    ),
    "an author that is no text": (
        application("authors = [1]"),
        "invalid type: integer `1`, expected a string",
    ),
    "a target of the application that is none": (
        application("targets = [1]"),
        "data did not match any variant of untagged enum TargetEnvironmentRef",
    ),
    "a tool that is no table": (
        application("tool.x = 1"),
        "invalid type: integer `1`, expected a map",
    ),
    "a trigger's settings that are no table": (
        application("trigger.http = 1"),
        "invalid type: integer `1`, expected a map",
    ),
    "a trigger's unknown setting": (
        application("trigger.http.x = 1"),
        "unknown field `x`, expected `base`",
    ),
    "a base of routes": (
        application('trigger.http.base = "/x"'),
        "the deprecated trigger 'base' field",
    ),
    # variables
    "variables that are no table": (
        change(f"[variables]\nv = {VARIABLE}", "").replace(VERSION, f"{VERSION}\nvariables = 1"),
        "invalid type: integer `1`, expected a map",
    ),
    "a variable that is no table": (
        change(VARIABLE, '"x"'),
        'invalid type: string "x", expected struct Variable',
    ),
    "a variable required and with a default": (
        change(VARIABLE, '{ required = true, default = "1" }'),
        XOR,
    ),
    "a variable with nothing": (change(VARIABLE, "{}"), XOR),
    "a variable that is not required": (change(VARIABLE, "{ required = false }"), XOR),
    "a variable's unknown key": (
        change(VARIABLE, '{ defualt = "1" }'),
        "unknown field `defualt`, expected one of `description`, `required`, `default`, `secret`",
    ),
    "a default that is no text": (
        change(VARIABLE, "{ default = 1 }"),
        "invalid type: integer `1`, expected a string",
    ),
    "a secret that is no truth": (
        change(VARIABLE, '{ default = "1", secret = "x" }'),
        'invalid type: string "x", expected a boolean',
    ),
    "a variable's name in upper case": (
        variable_named("V"),
        'Lower-case identifiers must be all lowercase; got "V"',
    ),
    "a variable's name in both cases": (
        variable_named("vV"),
        "'_'-separated words must be all lowercase or all UPPERCASE; got \"vV\"",
    ),
    "a variable's name with a dash": (
        variable_named("v-v"),
        "words must be separated with '_', not '-'",
    ),
    "a variable's name with two underscores": (
        variable_named("v__v"),
        "'_'-separated words must not be empty",
    ),
    "a variable's name that ends too early": (
        variable_named("v_"),
        "'_'-separated words must not be empty",
    ),
    "a number as a word of a variable's name": (
        variable_named("v_2"),
        "'_'-separated words must start with an ASCII letter; got '2'",
    ),
    # triggers
    "no triggers": (change(TRIGGER, ""), "missing field `trigger`"),
    "an empty list of triggers": (
        change(TRIGGER, "[trigger]\nhttp = []\n"),
        "No triggers in app",
    ),
    "triggers that are no table": (
        change(TRIGGER, "").replace(VERSION, f"{VERSION}\ntrigger = 1"),
        "invalid type: integer `1`, expected a map",
    ),
    "a trigger that is no list": (
        change("[[trigger.http]]", "[trigger.http]"),
        "invalid type: map, expected a sequence",
    ),
    "a trigger's unknown key": (
        trigger("x = 1"),
        "unknown field `x`, expected one of `component`, `static_response`, `route`, `executor`",
    ),
    "a trigger's id that is no text": (
        trigger("id = 1"),
        "invalid type: integer `1`, expected a string",
    ),
    "a trigger with several components": (
        trigger('components = { x = "c" }'),
        "unknown field `components`, expected one of",
    ),
    "a component that is not there": (change(RUNS, 'component = "d"'), 'no such component "d"'),
    "an id that cannot be": (
        change(RUNS, 'component = "c_d"'),
        "words must be separated with '-', not '_'",
    ),
    "nothing that answers": (change(RUNS, ""), f"{EITHER} - http-trigger1 has neither"),
    "two things that answer": (
        trigger("static_response = {}"),
        f"{EITHER} - c-http-trigger has both",
    ),
    "no route": (change(ROUTE, ""), "missing field `route`"),
    "a route that is no text": (
        change(ROUTE, "route = 1"),
        "data did not match any variant of untagged enum HttpTriggerRouteConfig",
    ),
    "a route that is not private": (
        change(ROUTE, "route = { private = false }"),
        "route must be a string pattern or '{ private = true }': 'c' has { private = false }",
    ),
    "a private route with more": (
        change(ROUTE, "route = { private = true, x = 1 }"),
        "data did not match any variant of untagged enum HttpTriggerRouteConfig",
    ),
    "a route with a segment without name": (
        change(ROUTE, 'route = "/:/x"'),
        "Error parsing route /:/x associated with component c: params must be named",
    ),
    "a route with a wildcard that has a name": (
        change(ROUTE, 'route = "/*x"'),
        "it doesn't need a name. replace `*x` with `*`",
    ),
    "an executor that is no table": (
        trigger('executor = "http"'),
        'invalid type: string "http", expected internally tagged enum HttpExecutorType',
    ),
    "a fixed answer that is no table": (
        static("1"),
        "invalid type: integer `1`, expected struct StaticResponse",
    ),
    "an executor without type": (trigger("executor = {}"), "missing field `type`"),
    "an unknown executor": (
        trigger('executor = { type = "x" }'),
        "unknown variant `x`, expected one of `http`, `spin`, `wagi`",
    ),
    "a status that is no number": (
        static('{ status_code = "x" }'),
        'invalid type: string "x", expected u16',
    ),
    "a status that is too large": (
        static("{ status_code = 65536 }"),
        "invalid value: integer `65536`, expected u16",
    ),
    "a header that is no text": (
        static("{ headers = { a = 1 } }"),
        "invalid type: integer `1`, expected a string",
    ),
    "a component in a trigger with an unknown key": (
        change(RUNS, 'component = { source = "app.wasm", x = 1 }').replace(COMPONENT, ""),
        f"unknown field `x`, {COMPONENT_FIELDS}",
    ),
    # components
    "components that are no table": (
        change(COMPONENT, "").replace(VERSION, f"{VERSION}\ncomponent = 1"),
        "invalid type: integer `1`, expected a map",
    ),
    "a component that is no table": (
        change(COMPONENT, "[component]\nc = 1\n"),
        "invalid type: integer `1`, expected struct Component",
    ),
    "an id with an underscore": (
        component_named("c_d"),
        "words must be separated with '-', not '_'",
    ),
    "an id in both cases": (
        component_named("cD"),
        "'-'-separated words must be all lowercase or all UPPERCASE; got \"cD\"",
    ),
    "a number as a word of an id": (
        component_named("c-2"),
        "'-'-separated words must start with an ASCII letter; got '2'",
    ),
    "an id with two dashes": (component_named("c--d"), "'-'-separated words must not be empty"),
    "an id with a letter of its own": (
        component_named('"cé"'),
        "'-'-separated words may only contain alphanumeric ASCII; got 'é'",
    ),
    "an empty id": (component_named('""'), "empty"),
    "a component's unknown key": (component("x = 1"), f"unknown field `x`, {COMPONENT_FIELDS}"),
    "no source": (change(SOURCE, ""), "missing field `source`"),
    "a source that is none": (
        change(SOURCE, "source = 1"),
        "data did not match any variant of untagged enum ComponentSource",
    ),
    "a source from elsewhere without digest": (
        change(SOURCE, 'source = { url = "http://h.test" }'),
        "data did not match any variant of untagged enum ComponentSource",
    ),
    "a component's description that is no text": (
        component("description = 1"),
        "invalid type: integer `1`, expected a string",
    ),
    "a component's variable in upper case": (
        component('variables = { X = "x" }'),
        'Lower-case identifiers must be all lowercase; got "X"',
    ),
    "a component's variable that is no text": (
        component("variables = { x = 1 }"),
        "invalid type: integer `1`, expected a string",
    ),
    "a template with an unknown variable": (
        component('variables = { x = "{{ w }}" }'),
        'invalid variable template: unknown variable "w"',
    ),
    "a template with a name that cannot be": (
        component('variables = { x = "{{ W }}" }'),
        'invalid variable template: unknown variable "W"',
    ),
    "a template with nothing in it": (
        component('variables = { x = "{{}}" }'),
        'invalid variable template: unknown variable ""',
    ),
    "a template in a template": (
        component('variables = { x = "{{ v {{ v }} }}" }'),
        'invalid variable template: unknown variable "v {{ v"',
    ),
    "a template without end": (
        component('variables = { x = "{{ v" }'),
        "invalid variable template: unmatched '{{' in template",
    ),
    "an environment that is no text": (
        component("environment = { X = 1 }"),
        "invalid type: integer `1`, expected a string",
    ),
    "a model's names that are no list": (
        component('ai_models = "m"'),
        'invalid type: string "m", expected a sequence',
    ),
    "a store's name that cannot be": (
        component('key_value_stores = ["b@d"]'),
        "expected kebab-case or snake_case",
    ),
    "a database's name that cannot be": (
        component('sqlite_databases = ["aB"]'),
        "expected kebab-case or snake_case",
    ),
    "stores that are no list": (
        component('key_value_stores = "default"'),
        'invalid type: string "default", expected a sequence',
    ),
    "a store that nobody has set up": (
        component('key_value_stores = ["other"]'),
        'unknown key_value_stores label "other" for component "c"',
    ),
    "a database that nobody has set up": (
        component('sqlite_databases = ["other"]'),
        "Component c uses database 'other'",
    ),
    "a target that is none": (
        component('targets = [{ path = "x", y = 1 }]'),
        "data did not match any variant of untagged enum TargetEnvironmentRef",
    ),
    "a component's tool that is no table": (
        component("tool.x = 1"),
        "invalid type: integer `1`, expected a map",
    ),
    # builds and profiles
    "a build that is no table": (
        component('build = "x"'),
        'invalid type: string "x", expected struct ComponentBuildConfig',
    ),
    "a build without command": (component("build = {}"), "missing field `command`"),
    "a command that is none": (
        component("build = { command = [1] }"),
        "data did not match any variant of untagged enum Commands",
    ),
    "a build's unknown key": (
        component('build = { command = "x", y = 1 }'),
        "unknown field `y`, expected one of `command`, `workdir`, `watch`",
    ),
    "a build's folder that is no text": (
        component('build = { command = "x", workdir = 1 }'),
        "invalid type: integer `1`, expected a string",
    ),
    "what is watched that is no list": (
        component('build = { command = "x", watch = "y" }'),
        'invalid type: string "y", expected a sequence',
    ),
    "a profile that is no table": (
        component("profile.p = 1"),
        "invalid type: integer `1`, expected struct ComponentProfileOverride",
    ),
    "a profile's build that is no table": (
        component("profile.p.build = 1"),
        "invalid type: integer `1`, expected struct ComponentProfileBuildOverride",
    ),
    "a profile's unknown key": (
        component("profile.p.x = 1"),
        "unknown field `x`, expected one of `source`, `environment`, `dependencies`, `build`",
    ),
    "a profile's build with more than a command": (
        component('profile.p.build = { command = "x", workdir = "y" }'),
        "unknown field `workdir`, expected `command`",
    ),
    # dependencies
    "a dependency that is none": (
        component('dependencies = { "a:b/c" = 1 }'),
        "data did not match any variant of untagged enum ComponentDependency",
    ),
    "a dependency's unknown key": (
        component('dependencies = { "a:b/c" = { path = "x.wasm", y = 1 } }'),
        "data did not match any variant of untagged enum ComponentDependency",
    ),
    "a dependency that inherits a text": (
        component('dependencies = { "a:b/c" = { path = "x", inherit_configuration = "y" } }'),
        "data did not match any variant of untagged enum ComponentDependency",
    ),
    "a dependency's name that cannot be": (
        component('dependencies = { "a b" = "1" }'),
        "'-'-separated words may only contain alphanumeric ASCII; got ' '",
    ),
    "an inheritance that is no truth": (
        component('dependencies_inherit_configuration = "x"'),
        'invalid type: string "x", expected a boolean',
    ),
    # files
    "files that are no list": (
        component('files = "x"'),
        'invalid type: string "x", expected a sequence',
    ),
    "a file that is none": (
        component("files = [1]"),
        "data did not match any variant of untagged enum WasiFilesMount",
    ),
    "a file without destination": (
        component('files = [{ source = "x" }]'),
        "data did not match any variant of untagged enum WasiFilesMount",
    ),
    "a file with more": (
        component('files = [{ source = "x", destination = "/x", y = 1 }]'),
        "data did not match any variant of untagged enum WasiFilesMount",
    ),
    "excluded files that are no list": (
        component('exclude_files = "x"'),
        'invalid type: string "x", expected a sequence',
    ),
    "a file that is not there": (
        component('files = ["x"]'),
        '"x" does not exist and doesn\'t appear to be a glob pattern',
    ),
    "a placed file that is not there": (
        component('files = [{ source = "x", destination = "/x" }]'),
        'File or directory "x" does not exist',
    ),
    "a file placed on a folder": (
        component('files = [{ source = "app.wasm", destination = "/" }]'),
        '"/" is not a valid destination file name',
    ),
    "the folder above": (
        component('files = [".."]'),
        "A file pattern can't end in a parent directory path (..)",
    ),
    "this folder": (
        component('files = ["."]'),
        "A file pattern can't end in a current directory path (.)",
    ),
    "a pattern without end": (component('files = ["[x"]'), "invalid range pattern"),
    "a pattern of three stars": (
        component('files = ["a/***"]'),
        "wildcards are either regular `*` or recursive `**`",
    ),
    "an excluded pattern that goes deeper inside a name": (
        component('files = ["*.wasm"]\nexclude_files = ["a**"]'),
        "recursive wildcards must form a single path component",
    ),
    # allowed hosts
    "hosts that are no list": (
        component('allowed_outbound_hosts = "x"'),
        'invalid type: string "x", expected a sequence',
    ),
    "an empty host": (hosts(""), MALFORMED),
    "an empty host in Spin's words": (hosts(""), EMPTY),
    "a default that is no host": (
        hosts("{{ v }}", default=""),
        'using default variable value(s) with template "{{ v }}" results in invalid config ""',
    ),
    "a template that is written in another way": (
        hosts("{{v}}", default="x"),
        'using default variable value(s) with template "{{ v }}" results in invalid config "x"',
    ),
    "a default that is no port": (
        hosts("redis://h.test:{{ v }}", default="x"),
        'results in invalid config "redis://h.test:x"',
    ),
    "a template of a host without end": (
        hosts("{{ v"),
        "invalid variable template: unmatched '{{' in template",
    ),
    "the old word for all hosts": (hosts("insecure:allow-all"), "'insecure:allow-all' is not"),
    "the old word beside others": (
        hosts("insecure:allow-all", "http://h.test"),
        '"insecure:allow-all" does not contain a scheme',
    ),
    "one bad host of several": (hosts("http://h.test", "h.test"), "does not contain a scheme"),
}

TAKEN = {
    "the good one": GOOD,
    "a byte order mark": f"\ufeff{GOOD}",
    "line ends of Windows": GOOD.replace("\n", "\r\n"),
    "an empty name": change(NAME, 'name = ""'),
    "a version that is none": application('version = "x"'),
    "the base of all routes": application('trigger.http.base = "/"'),
    "settings of another trigger": application('trigger.redis.address = "redis://h.test"'),
    "tools' tables": application("tool.x.y = [1]"),
    "a component's tools": component("tool.x.y = { z = 1 }"),
    "targets": component('targets = ["spin-up:3.3", { url = "x" }, { path = "y" }]'),
    "a variable that is not required and has a default": change(
        VARIABLE, '{ required = false, default = "" }'
    ),
    "a described secret": change(
        VARIABLE, '{ default = "", secret = true, description = "what it is" }'
    ),
    "a variable's name with digits": variable_named("v1_a2"),
    "an id in upper case": component_named("C").replace(RUNS, 'component = "C"'),
    "two routes alike": GOOD.replace(TRIGGER, TRIGGER * 2),
    "two triggers of one name": trigger('id = "x"').replace(
        COMPONENT, f'[[trigger.http]]\nid = "x"\nroute = "/b"\n{RUNS}\n{COMPONENT}'
    ),
    "a route without slash": change(ROUTE, 'route = "x"'),
    "an empty route": change(ROUTE, 'route = ""'),
    "a private route": change(ROUTE, "route = { private = true }"),
    "a named segment": change(ROUTE, 'route = "/:id/..."'),
    "an executor": trigger('executor = { type = "http" }'),
    "an executor of the old name": trigger('executor = { type = "spin", x = 1 }'),
    "a fixed answer": static('{ status_code = 203, headers = { x = "y" }, body = "z" }'),
    "a fixed answer with more": static("{ x = 1 }"),
    "a component in a trigger": change(RUNS, 'component = { source = "app.wasm" }').replace(
        COMPONENT, ""
    ),
    "a template": component('variables = { x = "a {{ v }} b }} {" }'),
    "an environment": component('environment = { "a b=" = "1" }'),
    "any model": component('ai_models = ["org/model 1"]'),
    "the store of every app": component('key_value_stores = ["default"]'),
    "the database of every app": component('sqlite_databases = ["default"]'),
    "a build": component('build = { command = "x", workdir = "y", watch = ["z"] }'),
    "a build of several commands": component('build = { command = ["x", "y"] }'),
    "a build of none": component("build = { command = [] }"),
    "a profile": component(
        'profile.p = { source = "b.wasm", environment = { X = "y" }, build = { command = "z" } }'
    ),
    "no dependencies": component("dependencies = {}\ndependencies_inherit_configuration = true"),
    "a file": component('files = ["app.wasm", { source = "app.wasm", destination = "/b" }]'),
    "a pattern that nothing matches": component('files = ["x/**/*"]\nexclude_files = ["y"]'),
    "a host from a default": hosts("{{ v }}", default="http://h.test"),
    "a host of several variables": hosts("http://{{ v }}.{{ v }}:8{{v}}"),
    "a host of an unknown variable": hosts("{{ w }}"),
    "a host of a variable without default": hosts("{{ v }}").replace(
        "{ default = '1' }", "{ required = true }"
    ),
}
"""The manifests that both accept; on Spin, the last one gets `v=1`."""

REFUSED_HERE = {
    "version 1": (
        'spin_manifest_version = "1"\nname = "a"\nversion = "1.0.0"\n'
        'trigger = { type = "http" }\n[[component]]\nid = "c"\nsource = "app.wasm"\n'
        '[component.trigger]\nroute = "/..."\n',
        "this host reads manifests of version 2",
    ),
    "the old name of allowed hosts": (
        component('allowed_http_hosts = ["h.test"]'),
        "use `allowed_outbound_hosts`",
    ),
}
"""The manifests that Spin accepts and this project's host refuses."""

NOT_DONE_HERE = {
    "a source from elsewhere": (
        change(SOURCE, 'source = { url = "http://h.test", digest = "sha256:0" }'),
        "this host loads components from files only",
    ),
    "a source from a registry": (
        change(SOURCE, 'source = { package = "a:b", version = "1.0.0", registry = "h.test" }'),
        "this host loads components from files only",
    ),
    "a dependency": (
        component('dependencies = { "a:b/c" = { path = "b.wasm" }, "d:e" = "1.0" }'),
        "this host composes no components",
    ),
    "another trigger": (
        GOOD + '[[trigger.redis]]\nchannel = "x"\ncomponent = "c"\n',
        "this host serves HTTP only",
    ),
    "a module": (trigger('executor = { type = "wagi" }'), "this host runs components only"),
}
"""The manifests for which Spin needs more than a manifest and a component."""

ENTRIES_REFUSED = {
    "": EMPTY,
    "*": '"*" is not an allowed outbound host format',
    "a.test": "\"a.test\" does not contain a scheme (e.g., 'http://' or '*://')",
    "a.test:80": "does not contain a scheme",
    "http://": "empty host",
    "https://": 'Invalid allowed host ""',
    "http://:80": "empty host",
    "http://a.test/path": "must not include a path",
    "http://a.test:80/path": '"http://a.test:80/path" has a path but is not allowed to',
    "http://a.test:80//": "has a path but is not allowed to",
    "http://u@a.test": "invalid international domain name",
    "http://u:p@a.test": 'port "p@a.test" is not a number',
    "http://u:p@a.test:80": 'Invalid allowed host "u:p@a.test"',
    "http://a b": "invalid international domain name",
    "http://a%20b": "invalid international domain name",
    "http://a?b": "invalid international domain name",
    "http://a#b": "invalid international domain name",
    "http://xn--a": "invalid international domain name",
    "http://a:80:90": 'Invalid allowed host "a:80"',
    "http://*a": "wildcards are allowed only as subdomains",
    "http://a.*": "wildcards are allowed only as subdomains",
    "http://*.*.a": "wildcards are allowed only as prefixes",
    "http://{a,b}": "host lists are not yet supported",
    "http://a:{1,2}": "port lists are not yet supported",
    "{http,https}://a:1": "scheme lists are not supported",
    "h-t://a:1": "only alphabetic characters are allowed",
    "http://a:x": 'port "x" is not a number',
    "http://a:65536": 'Invalid allowed host port "65536"',
    "http://a:-1": 'port "-1" is not a number',
    "http://a:5..": 'port range "5.." contains non-number',
    "http://a:1..70000": 'port range "1..70000" contains non-number',
    "rediss://a": 'the scheme "rediss" does not have a known default port number',
    "valkey://a": 'the scheme "valkey" does not have a known default port number',
    "HTTP://a": 'the scheme "HTTP" does not have a known default port number',
    "*://a": 'the scheme "*" does not have a known default port number',
    "http://[::1]": 'Invalid allowed host port "1]"',
    "http://[::1]/": 'port "1]" is not a number',
    "http://::1:80": "invalid international domain name",
    "http://[::g]:80": "invalid IPv6 address",
    "http://[::1]x:80": "invalid IPv6 address",
    "http://[1.2.3.4]:80": "invalid IPv6 address",
    "http://256.1.1.1": "invalid IPv4 address",
    "http://1.2.3.4.5": "invalid IPv4 address",
    "http://1.09": "invalid IPv4 address",
    "http://4294967296": "invalid IPv4 address",
    "http://a.0x1": "invalid IPv4 address",
    "http://10.0.0.0/33:80": "must not include a path",
    "http://[ff00::]/8:80": "must not include a path",
}

ENTRIES_TAKEN = [
    "http://a.test", " http://a.test ", "https://a.test/", "http://a.test//", "http://a.test:80/",
    "http://a.test:", "http://A.Test", "http://a_b", "http://a..b", "http://.a", "http://a.",
    "http://-", "http://a:0", "http://a:65535", "http://a:080", "http://a:+1", "http://a:5..5",
    "http://a:6..5", "http://a:*", "http://*", "*://*:*", "*://a:1", "http://*.a.test",
    "http://127.0.0.1", "http://127.0.0.1.", "http://127.1", "http://0x7f.1", "http://017.1",
    "http://1e1", "http://0x", "http://[::1]:80", "http://[::ffff:1.2.3.4]:80",
    "http://10.0.0.1/8", "http://10.0.0.0/8:80", "http://ff00::/8:80", "http://self",
    "https://self.alt", "http://é", "http://ａ", "http://ß", "http://xn--e1a", "http://%61",
    "redis://a", "rediss://a:6380", "valkey://a:1", "HTTP://a:1", "é://a:1", "://a:1",
    "http://a.spin.internal", "http://*.spin.internal",
]  # fmt: skip

REMOTE = '[llm_compute]\ntype = "remote_http"\n'
URL = f'{REMOTE}auth_token = ""\nurl = '
PROVIDER = "[[variables_provider]]\n"

CONFIGS_REFUSED = {
    "an unknown table": ("[x]\n", "unused runtime config key(s): x"),
    "a table of a later Spin": (
        "[outbound_redis]\nmax_connections = 1\n",
        "unused runtime config key(s): outbound_redis",
    ),
    "no TOML": ("x = \n", "TOML parse error at line 1, column"),
    "a table twice": ("[llm_compute]\n[llm_compute]\n", "TOML parse error at line 2"),
    "both names of providers": (
        '[[config_provider]]\ntype = "env"\n[[variables_provider]]\ntype = "env"\n',
        "unused runtime config key(s): config_provider",
    ),
    "models without type": ("[llm_compute]\n", "missing field `type`"),
    "models of an unknown type": (
        '[llm_compute]\ntype = "gpu"\n',
        "unknown variant `gpu`, expected `spin` or `remote_http`",
    ),
    "models of a type that is no text": (
        "[llm_compute]\ntype = 1\n",
        "invalid type: integer `1`, expected variant identifier",
    ),
    "models that are no table": (
        'llm_compute = "spin"\n',
        'invalid type: string "spin", expected internally tagged enum LlmCompute',
    ),
    "a model elsewhere, nowhere": (REMOTE, "missing field `url`"),
    "a model elsewhere without token": (
        f'{REMOTE}url = "http://a"\n',
        "missing field `auth_token`",
    ),
    "a token that is no text": (
        f'{REMOTE}url = "http://a"\nauth_token = 1\n',
        "invalid type: integer `1`, expected a string",
    ),
    "a URL that is no text": (
        f"{URL}1\n",
        "invalid type: integer `1`, expected a string representing an URL",
    ),
    "a URL without scheme": (f'{URL}"a"\n', 'relative URL without a base: "a"'),
    "a URL without host": (f'{URL}"http://"\n', 'empty host: "http://"'),
    "a URL with a port that is none": (
        f'{URL}"http://a:port"\n',
        'invalid port number: "http://a:port"',
    ),
    "a URL with a port too large": (
        f'{URL}"http://a:99999"\n',
        'invalid port number: "http://a:99999"',
    ),
    "a URL with a space": (
        f'{URL}"http://a b"\n',
        'invalid international domain name: "http://a b"',
    ),
    "a URL with a number too large": (
        f'{URL}"http://256.1.1.1"\n',
        'invalid IPv4 address: "http://256.1.1.1"',
    ),
    "a URL with a letter too late": (
        f'{URL}"http://[::g]"\n',
        'invalid IPv6 address: "http://[::g]"',
    ),
    "an unknown API": (
        f'{URL}"http://a"\napi_type = "x"\n',
        "unknown variant `x`, expected `open_ai` or `default`",
    ),
    "an API that is no text": (
        f'{URL}"http://a"\napi_type = 1\n',
        "invalid type: integer `1`, expected string or map",
    ),
    "a provider that is no list": (
        '[variables_provider]\ntype = "env"\n',
        "invalid type: map, expected a sequence",
    ),
    "a provider without type": (PROVIDER, "missing field `type`"),
    "a provider of an unknown type": (
        f'{PROVIDER}type = "x"\n',
        "unknown variant `x`, expected one of `static`, `vault`, `env`",
    ),
    "a provider that was left out of Spin 4": (
        f'{PROVIDER}type = "azure_key_vault"\n',
        "unknown variant `azure_key_vault`, expected one of `static`, `vault`, `env`",
    ),
    "fixed values that are not there": (
        f'{PROVIDER}type = "static"\n',
        "missing field `values`",
    ),
    "fixed values that are no text": (
        f'{PROVIDER}type = "static"\nvalues = {{ v = 1 }}\n',
        "invalid type: integer `1`, expected a string",
    ),
    "fixed values that are no table": (
        f'{PROVIDER}type = "static"\nvalues = "@x.json"\n',
        'invalid type: string "@x.json", expected a map',
    ),
    "an unknown key of the environment's provider": (
        f'{PROVIDER}type = "env"\nx = 1\n',
        "unknown field `x`, expected `prefix` or `dotenv_path`",
    ),
    "a prefix that is no text": (
        f'{PROVIDER}type = "env"\nprefix = 1\n',
        "invalid type: integer `1`, expected a string",
    ),
    "an unknown key of outbound HTTP": (
        "[outbound_http]\nx = 1\n",
        "unknown field `x`, expected `connection_pooling` or `max_concurrent_requests`",
    ),
    "a pool that is no truth": (
        "[outbound_http]\nconnection_pooling = 1\n",
        "invalid type: integer `1`, expected a boolean",
    ),
    "a store without type": ("[key_value_store.x]\n", "missing field `type`"),
    "stores that are no table": (
        "key_value_store = 1\n",
        "invalid type: integer `1`, expected a map",
    ),
}

CONFIGS_TAKEN = {
    "nothing": "",
    "Spin's engine": '[llm_compute]\ntype = "spin"\nx = 1\n',
    "a model elsewhere": f'{URL}"http://a/path"\nx = 1\n',
    "a model elsewhere with another scheme": f'{URL}"mailto:x"\n',
    "a model elsewhere on an IPv6 address": f'{URL}"http://[::1]:0"\n',
    "the API of others": f'{URL}"http://a"\napi_type = "open_ai"\n',
    "fixed values": f'{PROVIDER}type = "static"\nvalues = {{ v = "x", w = "y" }}\nx = 1\n',
    "the environment": f'{PROVIDER}type = "env"\nprefix = "X"\ndotenv_path = "/nowhere"\n',
    "the old name of providers": '[[config_provider]]\ntype = "env"\n',
    "a pool": "[outbound_http]\nconnection_pooling = true\n",
    "a store": '[key_value_store.x]\ntype = "spin"\n',
    "a database": '[sqlite_database.x]\ntype = "spin"\n',
}

CONFIGS_REFUSED_HERE = {
    "networks that are blocked": (
        '[outbound_networking]\nblock_networks = ["private"]\n',
        "outbound_networking: this host blocks no networks",
    ),
    "certificates": (
        '[[client_tls]]\ncomponent_ids = ["c"]\nhosts = ["h.test"]\n',
        "client_tls: this host has no TLS settings",
    ),
    "a limit of memory": ("max_instance_memory = 100000000\n", "max_instance_memory: this host"),
    "a limit of requests": (
        "[outbound_http]\nmax_concurrent_requests = 5\n",
        "[outbound_http] max_concurrent_requests: this host sets no limit",
    ),
    "a vault": (
        f'{PROVIDER}type = "vault"\nurl = "http://127.0.0.1:1"\ntoken = "x"\nmount = "y"\n',
        "this host asks no vault",
    ),
    "the state's folder": ('state_dir = "s"\n', "state_dir: use --state-dir"),
    "the logs' folder": ('log_dir = "s"\n', "log_dir: logs are in the state directory"),
}
