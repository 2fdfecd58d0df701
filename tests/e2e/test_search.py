"""A search over all conversations of an owner, over HTTP."""

from tests.e2e.test_engine import add, error_of
from tests.e2e.test_owners import ask, new_token, start
from tests.running import RunningHost

FIELDS = {"conversation_id", "title", "message_id", "role", "snippet", "score", "created_at"}


def test_what_was_said_anywhere_is_found_by_its_words(remote_chat: RunningHost) -> None:
    token = new_token(remote_chat)
    bread = start(remote_chat, token, "How do I bake rye bread with caraway?")
    bike = start(remote_chat, token, "My motorbike makes a noise in Köln.")
    filler = [{"role": "user", "content": f"Story {n}: " + f"filler{n} " * 700} for n in range(8)]
    body = {"messages": filler}
    path = f"/conversations/{bread}/messages"
    assert ask(remote_chat, "POST", path, token, **body).status_code == 201
    assert ask(remote_chat, "GET", f"/conversations/{bread}", token).json()["evicted_turns"] > 0

    found = ask(remote_chat, "GET", "/search?prompt=rye+breads&limit=5", token).json()
    other = ask(remote_chat, "GET", "/search?prompt=K%C3%96LN", token).json()

    (hit,), (in_window,) = found["hits"], other["hits"]
    assert set(hit) == FIELDS
    assert (hit["conversation_id"], hit["message_id"], hit["role"]) == (bread, "1.0", "user")
    assert (hit["title"], hit["score"]) == ("How do I bake rye bread with caraway?", 1.0)
    assert hit["snippet"] == "How do I bake rye bread with caraway?"
    assert found["next_cursor"] is None
    assert in_window["conversation_id"] == bike
    page = ask(remote_chat, "GET", f"/conversations/{bread}/messages?before=1.1", token).json()
    assert page["messages"][0]["created_at"] == hit["created_at"]


def test_a_search_finds_only_the_owners_own(remote_chat: RunningHost) -> None:
    token, other = new_token(remote_chat), new_token(remote_chat)
    start(remote_chat, token, "Xylophones are mine.")
    anyones = start(remote_chat, None, "Xylophones are anyone's.")
    add(remote_chat, anyones, {"role": "user", "content": "xylophones"})

    mine = ask(remote_chat, "GET", "/search?prompt=xylophone", token).json()["hits"]

    assert [hit["snippet"] for hit in mine] == ["Xylophones are mine."]
    assert ask(remote_chat, "GET", "/search?prompt=xylophone", other).json()["hits"] == []


def test_a_bad_search_is_refused(remote_chat: RunningHost) -> None:
    token = new_token(remote_chat)

    refused = [
        ask(remote_chat, "GET", path, credential)
        for path, credential in (
            ("/search?prompt=x", None), ("/search", token), ("/search?prompt=x&limit=0", token),
            ("/search?prompt=x&cursor=y", token), ("/search?prompt=x&top_k=1", token),
        )
    ]  # fmt: skip

    assert [error_of(response) for response in refused] == [
        (401, "credential_needed"), *[(400, "invalid_request")] * 4,
    ]  # fmt: skip
    assert [response.json()["error"]["param"] for response in refused[1:]] == [
        "prompt", "limit", "cursor", "top_k",
    ]  # fmt: skip
