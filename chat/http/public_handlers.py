"""What is the same for everybody, and needs no setting of the chat's: page and API document."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chat.http.openapi import describe_api
from chat.http.operations import Action
from chat.http.page import INDEX, find_file
from chat.http.render import Response, render_json, render_web_file


@dataclass(frozen=True)
class AskedByAnyone:
    """What such a request says; `has_operator` says whether there is an operator's token."""

    headers: Mapping[str, str]
    parts: Mapping[str, str]
    has_operator: Callable[[], bool]

    @property
    def known_tags(self) -> str:
        """The tags of what the browser has already."""
        return self.headers.get("if-none-match", "")


def show_page(asked: AskedByAnyone) -> Response:
    """Answer `GET /`; what the page needs beside is named after its version."""
    return render_web_file(find_file(INDEX, "", asked.known_tags))


def show_web_file(asked: AskedByAnyone) -> Response:
    """Answer `GET /web/{version}/{name}`."""
    file = find_file(asked.parts["name"], asked.parts["version"], asked.known_tags)
    return render_web_file(file)


def show_api(asked: AskedByAnyone) -> Response:
    """Answer `GET /openapi.json`, with what is for operators if there is one."""
    return render_json(200, describe_api(has_admin=asked.has_operator()))


def check_life(_: AskedByAnyone) -> Response:
    """Answer `GET /livez`: the component runs."""
    return render_json(200, {"status": "ok"})


PUBLIC_ACTIONS: Mapping[Action, Callable[[AskedByAnyone], Response]] = {
    "show_page": show_page,
    "show_web_file": show_web_file,
    "describe_api": show_api,
    "check_life": check_life,
}
