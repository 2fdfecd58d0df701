"""Branches over HTTP: another way to go on, while the old one stays."""

import json

import pytest

from tests.e2e.test_engine import add, error_of
from tests.e2e.test_owners import ask, bearer, new_token, start
from tests.running import ModelEndpoint, RunningHost

FIELDS = {
    "id", "title", "created_at", "active_at", "expires_at", "turns", "messages", "evicted_turns",
    "pinned", "namespace",
}  # fmt: skip


def go_on(host: RunningHost, token: str | None, taken: int, *prompts: str) -> None:
    for prompt in prompts:
        assert ask(host, "POST", "/", token, id=taken, prompt=prompt).status_code == 200


def messages(host: RunningHost, token: str | None, taken: int) -> list[dict[str, object]]:
    answer = ask(host, "GET", f"/conversations/{taken}/messages?last=100", token).json()
    return list(answer["messages"])


@pytest.mark.parametrize("is_owned", [True, False], ids=["an owner's", "anyone's"])
def test_a_branch_begins_as_the_conversation_did_and_goes_on_by_itself(
    remote_chat: RunningHost, endpoint: ModelEndpoint, *, is_owned: bool
) -> None:
    token = new_token(remote_chat) if is_owned else None
    taken = start(remote_chat, token, "I am Ada.")
    go_on(remote_chat, token, taken, "I bake bread.", "I ride a bike.")
    before = messages(remote_chat, token, taken)

    made = ask(remote_chat, "POST", f"/conversations/{taken}/branch", token, before="3.0")
    go_on(remote_chat, token, made.json()["id"], "I sail.")

    assert (made.status_code, set(made.json())) == (201, FIELDS)
    assert (made.json()["turns"], made.json()["pinned"]) == (2, False)
    shown = json.loads(endpoint.asked[-1].body)["prompt"]
    assert "I bake bread." in shown
    assert "I ride a bike." not in shown
    branched = messages(remote_chat, token, made.json()["id"])
    assert branched[:4] == before[:4]
    assert branched[4]["content"] == "I sail."
    assert messages(remote_chat, token, taken) == before
    listed = ask(remote_chat, "GET", "/conversations", token)
    if is_owned:
        assert [one["id"] for one in listed.json()["conversations"]] == [made.json()["id"], taken]


def test_times_and_metadata_of_added_messages_stay(remote_chat: RunningHost) -> None:
    taken = start(remote_chat, None)
    said = {"role": "tool", "content": "42", "created_at": 7.25, "metadata": {"a": [None, "ü"]}}
    add(remote_chat, taken, {"role": "user", "content": "Look."}, said)

    made = ask(remote_chat, "POST", f"/conversations/{taken}/branch").json()["id"]

    assert messages(remote_chat, None, made) == messages(remote_chat, None, taken)
    assert messages(remote_chat, None, made)[-1] == {"id": "2.1", **said}


def test_before_the_first_message_a_branch_has_only_the_context(
    remote_chat: RunningHost,
) -> None:
    token = new_token(remote_chat)
    taken = start(remote_chat, token, "I am Ada.")

    made = ask(remote_chat, "POST", f"/conversations/{taken}/branch", token, before="1.0").json()

    assert made["turns"] == 0
    assert ask(remote_chat, "GET", f"/conversations/{made['id']}", token).json()["context"] == "c"
    exported = ask(remote_chat, "GET", "/export", token).content
    other = bearer(new_token(remote_chat))
    taken_back = remote_chat.client.post("/import", content=exported, headers=other)
    assert taken_back.status_code == 200, taken_back.text
    go_on(remote_chat, token, made["id"], "I am Bob.")
    assert [one["id"] for one in messages(remote_chat, token, made["id"])] == ["1.0", "1.1"]


def test_what_cannot_be_branched_is_refused_and_nothing_is_made(
    remote_chat: RunningHost,
) -> None:
    token, other = new_token(remote_chat), new_token(remote_chat)
    taken = start(remote_chat, token, "I am Ada.")
    path = f"/conversations/{taken}/branch"

    refused = [
        ask(remote_chat, "POST", path, other),
        ask(remote_chat, "POST", path, token, before="2.0"),
        ask(remote_chat, "POST", path, token, before="x"),
        ask(remote_chat, "POST", path, token, after="1.0"),
    ]

    assert [error_of(response) for response in refused] == [
        (404, "conversation_not_found"), (404, "message_not_found"),
        (400, "invalid_request"), (400, "invalid_request"),
    ]  # fmt: skip
    assert [response.json()["error"]["param"] for response in refused[2:]] == ["before", "after"]
    assert len(ask(remote_chat, "GET", "/conversations", token).json()["conversations"]) == 1


def test_a_branch_that_is_asked_for_again_is_the_same(remote_chat: RunningHost) -> None:
    token = new_token(remote_chat)
    taken, other = start(remote_chat, token), start(remote_chat, token)
    headers = bearer(token) | {"idempotency-key": "branch-1"}

    def branch(conversation_id: int) -> tuple[int, dict[str, object]]:
        path = f"/conversations/{conversation_id}/branch"
        answer = remote_chat.client.post(path, headers=headers)
        return answer.status_code, answer.json()

    first, again, reused = branch(taken), branch(taken), branch(other)

    assert first == again
    assert (reused[0], reused[1]["error"]["code"]) == (422, "idempotency_key_reused")  # type: ignore[index]
    assert len(ask(remote_chat, "GET", "/conversations", token).json()["conversations"]) == 3


def test_early_turns_that_left_the_window_are_recalled_in_a_branch(
    remote_chat: RunningHost, endpoint: ModelEndpoint
) -> None:
    token = new_token(remote_chat)
    taken = start(remote_chat, token, "My parrot is called Zebulon.")
    long = [{"role": "user", "content": f"Story {n}: " + f"filler{n} " * 700} for n in range(12)]
    path = f"/conversations/{taken}"
    assert ask(remote_chat, "POST", f"{path}/messages", token, messages=long).status_code == 201
    assert ask(remote_chat, "GET", path, token).json()["evicted_turns"] > 5

    made = ask(remote_chat, "POST", f"{path}/branch", token, before="13.0").json()
    answer = ask(remote_chat, "POST", "/", token, id=made["id"], prompt="How is the parrot?")

    assert [one["turn"] for one in answer.json()["usage"]["recalled"]] == [1]
    assert "Zebulon" in json.loads(endpoint.asked[-1].body)["prompt"]


def test_a_conversation_is_called_after_its_first_prompt(remote_chat: RunningHost) -> None:
    token = new_token(remote_chat)
    taken = start(remote_chat, token, "How do I bake\n bread?")
    go_on(remote_chat, token, taken, "And rolls?")

    (listed,) = ask(remote_chat, "GET", "/conversations", token).json()["conversations"]
    ask(remote_chat, "DELETE", f"/conversations/{taken}/messages/1.0", token)

    assert listed["title"] == "How do I bake bread?"
    assert ask(remote_chat, "GET", f"/conversations/{taken}", token).json()["title"] is None
