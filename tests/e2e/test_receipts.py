"""What was recalled and evicted for a reply is told again whenever the reply is read."""

from tests.e2e.test_branching import messages
from tests.e2e.test_engine import add
from tests.e2e.test_owners import ask, bearer, new_token, start
from tests.running import RunningHost


def test_a_reply_keeps_the_usage_of_its_turn(remote_chat: RunningHost) -> None:
    first = ask(remote_chat, "POST", "/", context="c", prompt="My parrot is called Zebulon.").json()
    taken = first["id"]
    long: list[dict[str, object]] = [
        {"role": "user", "content": f"Story {n}: " + f"filler{n} " * 700} for n in range(9)
    ]
    added = add(remote_chat, taken, *long)
    second = ask(remote_chat, "POST", "/", id=taken, prompt="How is the parrot?").json()

    read = messages(remote_chat, None, taken)

    assert added.status_code == 201
    assert second["usage"]["recalled"]
    assert read[1]["usage"] == first["usage"]
    assert read[-1]["usage"] == second["usage"]
    assert [one["id"] for one in read if "usage" in one] == ["1.1", read[-1]["id"]]


def test_a_message_and_its_usage_are_forgotten_together(remote_chat: RunningHost) -> None:
    taken = start(remote_chat, None)

    ask(remote_chat, "DELETE", f"/conversations/{taken}/messages/1.0")
    (left,) = messages(remote_chat, None, taken)
    ask(remote_chat, "DELETE", f"/conversations/{taken}/messages/1.1")

    assert left["usage"]["finish_reason"] == "stop"  # type: ignore[index]
    assert messages(remote_chat, None, taken) == []


def test_nobody_gives_a_message_a_usage_but_an_import(remote_chat: RunningHost) -> None:
    token = new_token(remote_chat)
    taken = start(remote_chat, token)
    exported = ask(remote_chat, "GET", "/export", token).text
    (reply,) = [one for one in messages(remote_chat, token, taken) if one["role"] == "assistant"]

    given = {"role": "assistant", "content": "x", "usage": reply["usage"]}
    refused = ask(remote_chat, "POST", f"/conversations/{taken}/messages", token, messages=[given])
    other = new_token(remote_chat)
    sent = remote_chat.client.post("/import", content=exported, headers=bearer(other))
    without = exported.replace('"usage"', '"usages"')
    wrong = remote_chat.client.post("/import", content=without, headers=bearer(other))

    assert refused.json()["error"]["param"] == "messages[0].usage"
    assert sent.status_code == 200, sent.text
    brought = messages(remote_chat, other, sent.json()["conversations"][0]["id"])
    assert brought[1] == reply
    assert wrong.json()["error"]["param"] == "line 3: messages[1].usages"
