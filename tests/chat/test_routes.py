"""Which path is served by what: a path is taken as it comes."""

import pytest

from chat.core.refusals import UnknownRoute
from chat.http.queries import parse_list_query
from chat.wiring.surfaces import ROUTES


def no_operator() -> bool:
    return False


def operator() -> bool:
    return True


@pytest.mark.parametrize(
    ("uri", "template"),
    [
        ("/", "/"),
        ("/?a=//b", "/"),
        ("/conversations/7/messages?last=1", "/conversations/{id}/messages"),
        ("/admin/stats?x=/y?z", "/admin/stats"),
    ],
)
def test_a_path_fits_its_template_whatever_its_query_is(uri: str, template: str) -> None:
    assert ROUTES.find_template(uri) == template


@pytest.mark.parametrize(
    "uri",
    [
        "//x/admin/stats",
        "//admin/stats",
        "///admin/stats",
        "//x",
        "//x/",
        "//x/livez",
        "//[",
        "//[::1",
        "//[/admin/stats",
        "http:/livez",
        "x:/livez",
        "/livez#",
        "/livez;a",
        "/admin//stats",
        "/livez/",
        "*",
    ],
)
def test_another_path_is_none_that_is_served(uri: str) -> None:
    assert ROUTES.find_template(uri) is None
    assert ROUTES.find_operation("GET", uri) is None
    with pytest.raises(UnknownRoute):
        ROUTES.find_route("GET", uri, operator)


def test_what_operators_see_is_not_there_without_one() -> None:
    operation = ROUTES.find_route("GET", "/admin/stats", operator).operation

    assert operation is not None
    assert operation.action == "show_stats"
    with pytest.raises(UnknownRoute):
        ROUTES.find_route("GET", "/admin/stats", no_operator)


def test_a_query_is_what_stands_behind_the_first_question_mark() -> None:
    assert parse_list_query("/conversations?limit=7").limit == 7
