"""The page's credential: it is shown to whoever has it, exchanged, and taken out of a browser."""

import pytest

from tests.e2e.test_owners import bearer, new_token, start, with_cookie
from tests.running import RunningHost

PAGE = {"sec_fetch_site": "same-origin"}
OTHERS = [{"sec_fetch_site": "cross-site"}, {"sec_fetch_site": "none"}, {}]
"""What browsers say of requests that the page did not send, and what old ones leave out."""
METHODS = ("GET", "PUT", "DELETE")


def test_whoever_has_a_credential_is_shown_it(remote_chat: RunningHost) -> None:
    token = new_token(remote_chat)
    for headers in (bearer(token), with_cookie(token, **PAGE)):
        shown = remote_chat.client.get("/session", headers=headers)

        assert (shown.status_code, shown.json()) == (200, {"token": token})
        assert shown.headers["cache-control"] == "no-store"
        assert "set-cookie" not in shown.headers


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("headers", OTHERS, ids=["another site", "typed by hand", "unknown"])
def test_the_cookie_counts_for_the_page_alone(
    remote_chat: RunningHost, method: str, headers: dict[str, str]
) -> None:
    sent = with_cookie(new_token(remote_chat), **headers)

    answer = remote_chat.client.request(method, "/session", headers=sent)

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "credential_needed"
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("method", METHODS)
def test_without_a_credential_there_is_nothing_to_show(
    remote_chat: RunningHost, method: str
) -> None:
    for headers, code in (({}, "credential_needed"), (bearer("short"), "invalid_credential")):
        answer = remote_chat.client.request(method, "/session", headers=headers)

        assert (answer.status_code, answer.json()["error"]["code"]) == (401, code)


def test_the_page_goes_on_with_another_credential(remote_chat: RunningHost) -> None:
    old, new = new_token(remote_chat), new_token(remote_chat)
    sent = with_cookie(old, **PAGE) | bearer(new)

    kept = remote_chat.client.put("/session", headers=sent)
    by_program = remote_chat.client.put("/session", headers=bearer(new))

    assert (kept.status_code, kept.json()) == (200, {"token": new})
    attributes = "Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax"
    assert kept.headers["set-cookie"] == f"chat_session={new}; {attributes}"
    assert by_program.status_code == 200
    assert "set-cookie" not in by_program.headers


def test_the_page_forgets_its_credential_and_the_data_stays(remote_chat: RunningHost) -> None:
    token = new_token(remote_chat)
    taken = start(remote_chat, token)

    gone = remote_chat.client.delete("/session", headers=with_cookie(token, **PAGE))

    assert gone.json() == {"token": token}
    assert gone.headers["set-cookie"].startswith("chat_session=; Path=/; Max-Age=0;")
    path = f"/conversations/{taken}"
    assert remote_chat.client.get(path, headers=bearer(token)).status_code == 200


def test_what_is_kept_is_counted_and_has_its_times(remote_chat: RunningHost) -> None:
    token = new_token(remote_chat)
    fields = {
        "lifetime_s": 2_592_000,
        "lifetime_after_pause_s": 604_800,
        "pause_s": 604_800,
        "retention_s": None,
        "long_term": "off",
    }
    kept = remote_chat.client.get("/me", headers=bearer(token))
    assert kept.json() == {"conversations": 0, **fields}

    start(remote_chat, token)
    start(remote_chat, token)

    assert remote_chat.client.get("/me", headers=bearer(token)).json()["conversations"] == 2
    assert remote_chat.client.get("/me").status_code == 401
