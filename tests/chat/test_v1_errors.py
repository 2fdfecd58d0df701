"""Errors on the paths of OpenAI's API have its shape, and its client understands them."""

import json
from collections.abc import Iterator

import openai
import pytest

from chat.core.errors import ChatError, CorruptConversation, StoreUnavailable
from chat.core.refusals import ConversationBusy, LimitExceeded, PromptTooLong
from chat.openai_api.errors import answer_error
from chat.wiring.surfaces import SURFACES
from tests.chat.native import NativeConnection
from tests.chat.native_host import ask, make_service
from tests.chat.openai_client import OTHER_TOKEN, TOKEN, make_client


async def reply(prompt: str) -> str:
    return f"You said {prompt}"


async def test_a_conversation_of_the_own_surface_is_there_and_anothers_is_not(
    connection: NativeConnection,
) -> None:
    service = make_service(connection, reply)
    _, told = await ask(service, "POST", "/", b'{"context":"","prompt":"Hello."}', TOKEN)
    name = f"conv_{told['id']}"

    mine, others = make_client(service), make_client(service, OTHER_TOKEN)
    found = await mine.conversations.retrieve(name)
    with pytest.raises(openai.NotFoundError) as of_another:
        await others.conversations.retrieve(name)
    with pytest.raises(openai.NotFoundError) as of_nobody:
        await mine.conversations.retrieve("conv_999")

    assert found.id == name
    assert of_another.value.body == of_nobody.value.body
    assert of_another.value.type == "invalid_request_error"
    assert (await mine.conversations.delete(name)).deleted
    with pytest.raises(openai.NotFoundError):
        await others.conversations.delete(name)


@pytest.mark.parametrize(
    ("method", "path", "token", "status", "code"),
    [
        pytest.param("GET", "/v1/bread", TOKEN, 404, "unknown_url", id="no such path"),
        pytest.param("GET", "/v1/", TOKEN, 404, "unknown_url", id="no path"),
        pytest.param("PUT", "/v1/conversations/conv_1", TOKEN, 405, "method_not_supported",
                     id="no such method"),
        pytest.param("GET", "/v1/conversations/conv_1", "sk-of-openai", 401, "invalid_api_key",
                     id="a key of OpenAI's"),
        pytest.param("GET", "/v1/conversations/conv_1", "", 401, "invalid_api_key", id="no key"),
        pytest.param("GET", "/v1/conversations/bread", TOKEN, 404, "conversation_not_found",
                     id="no id"),
    ],
)  # fmt: skip
async def test_every_refusal_has_the_same_shape(
    connection: NativeConnection, method: str, path: str, token: str, status: int, code: str
) -> None:
    response, body = await ask(make_service(connection, reply), method, path, b"", token)

    assert response.status == status
    assert sorted(body) == ["error"]
    assert sorted(body["error"]) == ["code", "message", "param", "type"]
    assert body["error"]["code"] == code
    assert body["error"]["type"] == "invalid_request_error"


def test_what_is_not_of_that_api_keeps_its_own_shape() -> None:
    own, theirs, *_ = (surface.answer_error for surface in SURFACES)

    told = json.loads(own(ConversationBusy(), is_stored_whole=False).body)["error"]
    told_there = json.loads(theirs(ConversationBusy(), is_stored_whole=False).body)["error"]

    assert told["code"] == "conversation_busy"
    assert "type" not in told
    assert told_there["code"] == "conversation_locked"


@pytest.mark.parametrize(
    ("error", "status", "kind", "headers"),
    [
        pytest.param(ConversationBusy(), 409, "invalid_request_error", {"retry-after": "1"},
                     id="busy"),
        pytest.param(LimitExceeded(5, 7), 429, "requests", {"retry-after": "7"}, id="limited"),
        pytest.param(StoreUnavailable(), 503, "server_error", {"retry-after": "5"}, id="away"),
        pytest.param(StoreUnavailable(is_sure=False), 503, "server_error",
                     {"x-should-retry": "false"}, id="maybe stored"),
        pytest.param(CorruptConversation(), 500, "server_error", {"x-should-retry": "false"},
                     id="corrupt"),
        pytest.param(PromptTooLong(9, 8), 400, "invalid_request_error", {}, id="too long"),
    ],
)  # fmt: skip
def test_the_client_is_told_whether_and_when_to_try_again(
    error: ChatError, status: int, kind: str, headers: dict[str, str]
) -> None:
    answer = answer_error(error, is_stored_whole=True)

    assert answer.status == status
    assert json.loads(answer.body)["error"]["type"] == kind
    assert headers.items() <= answer.headers.items()
    assert ("x-should-retry" in answer.headers) == ("x-should-retry" in headers)


def every_error(base: type[ChatError]) -> Iterator[type[ChatError]]:
    yield base
    for error in base.__subclasses__():
        yield from every_error(error)


def test_every_status_is_one_that_the_client_knows() -> None:
    for error in every_error(ChatError):
        assert 400 <= SURFACES[1].status_of(error) < 600
