"""Images in messages: passed on by their address, kept by it, counted, and refused elsewhere."""

import json
from typing import Any

import openai
import pytest

from chat.context.budget import bounded_turn, shown_tokens
from chat.context.showing import lay_out
from chat.core.images import Image
from chat.core.messages import IMAGE, Message, Turn
from chat.core.refusals import InvalidRequest
from chat.http.export_lines import parse_export
from chat.http.image_fields import MAX_IMAGES
from chat.llm.openai import render_request
from chat.redis.records import parse_turns, render_turn
from tests.chat.native import NativeConnection
from tests.chat.native_host import make_service_over
from tests.chat.openai_client import OTHER_TOKEN, make_client
from tests.chat.test_openai import SAMPLING
from tests.chat.test_v1_completions import FINE, Scripted, over, said, user
from tests.chat.test_v1_data import request

URL = "https://cat.test/a%20cat.png?x-signature=s3cret&n=1"
CAT = Image(URL, "low", 90)
ASKED = Message("user", "What is it?", images=(CAT,))
PARTS: Any = [
    {"type": "input_text", "text": "What is it?"},
    {"type": "input_image", "image_url": URL, "detail": "low"},
]
PASSED_ON = [
    {"type": "text", "text": "What is it?"},
    {"type": "image_url", "image_url": {"url": URL, "detail": "low"}},
]
TAKEN = {"model_image_tokens": "90"}


def parts(**image: Any) -> list[Any]:
    return [{"role": "user", "content": [{"type": "input_image", **image}]}]


# the value


def test_a_message_with_an_image_is_stored_by_its_address_and_comes_back() -> None:
    one = Turn(1, (ASKED, Message("assistant", "A cat.")), 1, 2, 1, 5.0)
    alone = Turn(2, (Message("user", "", images=(CAT, CAT)), None), 1, 2, 1, 5.0)

    assert parse_turns(b"[" + render_turn(one) + b"," + render_turn(alone) + b"]") == (one, alone)


def test_images_count_as_what_they_take() -> None:
    plain = Message("user", "What is it?")
    assert shown_tokens(ASKED) >= shown_tokens(plain) + CAT.tokens
    assert bounded_turn(1, [ASKED], 0.0).tokens >= bounded_turn(1, [plain], 0.0).tokens + CAT.tokens


def test_an_image_stays_an_image_where_models_know_them_and_is_said_elsewhere() -> None:
    messages = [ASKED, Message("user", "", images=(CAT,)), Message("assistant", "Cats.")]

    shown = lay_out("", messages, has_tools=True)
    said_only = lay_out("", messages, has_tools=False)

    assert shown[0] == Message("user", "What is it?", images=(CAT, CAT))
    assert said_only[0].content == f"What is it?\n{IMAGE}\n\n{IMAGE}"
    assert not any(message.images for message in said_only)


@pytest.mark.parametrize(
    ("image", "takes_images", "content"),
    [
        pytest.param(CAT, True, PASSED_ON, id="taken"),
        pytest.param(CAT, False, f"What is it?\n{IMAGE}", id="not any more"),
        pytest.param(CAT._replace(tokens=0), True, f"What is it?\n{IMAGE}", id="no room is kept"),
        pytest.param(
            CAT._replace(detail=None), True,
            [PASSED_ON[0], {"type": "image_url", "image_url": {"url": URL}}], id="no detail",
        ),
    ],
)  # fmt: skip
def test_what_an_endpoint_is_sent(image: Image, takes_images: bool, content: Any) -> None:
    message = ASKED._replace(images=(image,))

    asked = json.loads(render_request("m", [message], SAMPLING, takes_images=takes_images))

    assert asked["messages"] == [{"role": "user", "content": content}]


# responses and conversations


async def test_an_image_is_passed_on_in_this_turn_and_the_next_and_given_back(
    connection: NativeConnection,
) -> None:
    model = Scripted(FINE, FINE)
    client = over(connection, model, **TAKEN)

    first = await client.responses.create(input=[{"role": "user", "content": PARTS}])
    await client.responses.create(input="And now?", previous_response_id=first.id)

    assert model.asked[0]["messages"][0]["content"] == PASSED_ON
    assert [one["content"] for one in model.asked[1]["messages"]] == [
        PASSED_ON, "Fine.", "And now?",
    ]  # fmt: skip
    listed = await client.responses.input_items.list(first.id)
    (item,) = [one.to_dict() async for one in listed]
    assert item["content"] == [PARTS[0], {**PARTS[1], "file_id": None}]


async def test_an_image_alone_is_a_message_and_has_the_default_detail(
    connection: NativeConnection,
) -> None:
    model = Scripted(FINE)
    client = over(connection, model, **TAKEN)
    begun = await client.conversations.create(items=parts(image_url=URL))

    await client.responses.create(input="Well?", conversation=begun.id)

    listed = client.conversations.items.list(begun.id, order="asc")
    item = next(iter([one.to_dict() async for one in listed]))
    assert item["content"] == [
        {"type": "input_image", "image_url": URL, "detail": "auto", "file_id": None}
    ]
    shown = model.asked[0]["messages"][0]["content"]
    assert shown == [
        {"type": "text", "text": "Well?"},
        {"type": "image_url", "image_url": {"url": URL}},
    ]


async def test_images_that_do_not_fit_are_refused_and_take_older_turns_out(
    connection: NativeConnection,
) -> None:
    sizes = {**TAKEN, "context_length": "400", "max_reply_tokens": "60"}
    client = over(connection, Scripted(FINE, FINE), **sizes)
    first = await client.responses.create(input=[{"role": "user", "content": PARTS}])

    with pytest.raises(openai.BadRequestError) as refused:
        await client.responses.create(input=[{"role": "user", "content": PARTS[1:] * 5}])
    second = await client.responses.create(
        input=[{"role": "user", "content": PARTS[1:] * 2}], previous_response_id=first.id
    )

    assert refused.value.code == "context_length_exceeded"
    counted = await client.responses.input_tokens.count(
        input=[{"role": "user", "content": PARTS[1:] * 2}]
    )
    assert 180 <= counted.input_tokens < 340
    assert second.output_text == "Fine."


async def test_an_image_is_exported_imported_branched_and_forgotten_with_its_message(
    connection: NativeConnection,
) -> None:
    model = Scripted(FINE, FINE, FINE)
    service = make_service_over(connection, model, **TAKEN)
    mine, other = make_client(service), make_client(service, OTHER_TOKEN)
    first = await mine.responses.create(input=[{"role": "user", "content": PARTS}])
    await mine.responses.create(input="Two.", previous_response_id=first.id)

    exported = (await request(service, "GET", "/export", mine.api_key)).content
    taken = (await request(service, "POST", "/import", OTHER_TOKEN, exported)).json()
    branched = await mine.responses.create(input="Three.", previous_response_id=first.id)

    turn = json.loads(exported.split(b"\n")[2])
    assert turn["messages"][0]["images"] == [{"url": URL, "detail": "low"}]
    assert model.asked[2]["messages"][0]["content"] == PASSED_ON
    theirs = f"conv_{taken['conversations'][0]['id']}"
    branch = branched.conversation.id if branched.conversation else ""
    for client, name in ((other, theirs), (mine, branch)):
        items = [one async for one in client.conversations.items.list(name, order="asc")]
        assert URL in str(items[0].to_dict())
        await client.conversations.items.delete(str(items[0].id), conversation_id=name)
        left = [str(one.to_dict()) async for one in client.conversations.items.list(name)]
        assert URL not in "".join(left)


async def test_after_the_endpoint_takes_none_a_conversation_goes_on(
    connection: NativeConnection,
) -> None:
    model = Scripted(FINE, FINE)
    first = await over(connection, model, **TAKEN).responses.create(
        input=[{"role": "user", "content": PARTS}]
    )

    await over(connection, model).responses.create(input="Two.", previous_response_id=first.id)

    assert model.asked[1]["messages"][0]["content"] == f"What is it?\n{IMAGE}"


DATA = "data:image/png;base64,iVBORw0KGgo="


@pytest.mark.parametrize(
    ("items", "code", "param"),
    [
        pytest.param(parts(image_url=DATA), "unsupported_value",
                     "input[0].content[0].image_url", id="contents"),
        pytest.param(parts(image_url=DATA.upper()), "unsupported_value",
                     "input[0].content[0].image_url", id="contents in capitals"),
        pytest.param(parts(file_id="file-1"), "unsupported_value",
                     "input[0].content[0].file_id", id="a file's id"),
        pytest.param(parts(image_url=None), "invalid_type", "input[0].content[0].image_url",
                     id="no address"),
        pytest.param(parts(image_url="ftp://cat.test"), "invalid_value",
                     "input[0].content[0].image_url", id="another scheme"),
        pytest.param(parts(image_url="https://cat.test/[INST]"), "invalid_value",
                     "input[0].content[0].image_url", id="a marker"),
        pytest.param(parts(image_url="https://cat.test/ü"), "invalid_value",
                     "input[0].content[0].image_url", id="not ASCII"),
        pytest.param(parts(image_url="https://c.test/" + "a" * 8192), "string_above_max_length",
                     "input[0].content[0].image_url", id="too long"),
        pytest.param(parts(image_url=URL, detail="sharp"), "invalid_value",
                     "input[0].content[0].image_url", id="an unknown detail"),
        pytest.param([{"role": "user", "content": PARTS[1:] * (MAX_IMAGES + 1)}], "invalid_value",
                     "input[0].content", id="too many"),
        pytest.param([{"role": "assistant", "content": PARTS}], "unsupported_value",
                     "input[0].content[1]", id="the assistant's"),
        pytest.param([{"role": "user", "content": [{"type": "input_file", "file_url": URL}]}],
                     "unsupported_value", "input[0].content[0]", id="a file"),
        pytest.param([{"type": "function_call_output", "call_id": "c", "output": PARTS}],
                     "unsupported_value", "input[0].output[1]", id="an output"),
    ],
)  # fmt: skip
async def test_what_is_no_address_of_an_image_is_refused_by_name(
    connection: NativeConnection, items: Any, code: str, param: str
) -> None:
    client = over(connection, Scripted(), **TAKEN)

    with pytest.raises(openai.APIStatusError) as refused:
        await client.responses.create(input=items)

    assert (refused.value.param, refused.value.status_code in {400, 413}) == (param, True)
    assert (refused.value.code == "unsupported_value") == (code == "unsupported_value")
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({}, id="an endpoint without images"),
        pytest.param({"model_api": "spin", **TAKEN}, id="a model of Spin's"),
    ],
)
async def test_images_are_refused_by_name_where_none_are_taken(
    connection: NativeConnection, changed: dict[str, str]
) -> None:
    client = over(connection, Scripted(), **changed)
    for_chat: Any = [
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": URL}}]}
    ]

    for asked in (
        client.responses.create(input=parts(image_url=URL)),
        client.conversations.create(items=parts(image_url=URL)),
        client.chat.completions.create(model="m", messages=for_chat),
    ):
        with pytest.raises(openai.BadRequestError) as refused:
            await asked
        assert refused.value.code == "unsupported_value"
        assert "content[0]" in str(refused.value.param)
        assert "model_image_tokens" in refused.value.message


# chat completions


def seen(text: str) -> Any:
    return {
        "role": "user",
        "content": [
            {"type": "text", "text": text},
            {"type": "image_url", "image_url": {"url": URL, "detail": "low"}},
        ],
    }


async def test_images_of_a_chat_completion_are_passed_on_and_leave_with_their_turn(
    connection: NativeConnection,
) -> None:
    model = Scripted(FINE, FINE)
    sizes = {**TAKEN, "context_length": "400", "max_reply_tokens": "60"}
    client = over(connection, model, **sizes)
    messages = [seen("What is it?"), said("A cat."), seen("And this?")]

    await client.chat.completions.create(model="m", messages=messages)
    cut = await client.chat.completions.create(
        model="m", messages=[*messages, said("A cat."), user("Sure?")]
    )

    assert [one["content"] for one in model.asked[0]["messages"]] == [
        PASSED_ON, "A cat.", [{"type": "text", "text": "And this?"}, PASSED_ON[1]],
    ]  # fmt: skip
    assert model.asked[1]["messages"][0]["content"][0]["text"] == "And this?"
    receipt: Any = cut.to_dict()["receipt"]
    assert receipt["evicted_messages"] == 2


@pytest.mark.parametrize(
    ("image", "param"),
    [
        pytest.param(URL, "image_url", id="no object"),
        pytest.param({"url": DATA}, "image_url.url", id="contents"),
        pytest.param({"url": URL, "size": 1}, "image_url.size", id="an unknown field"),
    ],
)
async def test_what_is_no_image_of_a_chat_completion_is_refused_by_name(
    connection: NativeConnection, image: Any, param: str
) -> None:
    client = over(connection, Scripted(), **TAKEN)
    content: Any = [{"type": "image_url", "image_url": image}]

    with pytest.raises(openai.BadRequestError) as refused:
        await client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": content}]
        )

    assert refused.value.param == f"messages[0].content[0].{param}"


# exports that are taken back


def exported(**message: Any) -> bytes:
    lines = [
        {"type": "export", "version": 1},
        {
            "type": "conversation", "id": 1, "context": "", "created_at": 1, "active_at": 1,
            "turns": 1,
        },
        {"type": "turn", "conversation_id": 1, "number": 1, "at": 1,
         "messages": [{"role": "user", "content": "", **message}]},
        {"type": "end", "conversations": 1, "turns": 1, "memories": 0},
    ]  # fmt: skip
    return "\n".join(map(json.dumps, lines)).encode()


@pytest.mark.parametrize("tokens", [0, 90])
def test_an_imported_image_takes_what_images_take_here(tokens: int) -> None:
    body = exported(images=[{"url": URL, "detail": "low"}])

    ((_, (turn,)),) = parse_export(body, 1000, 9.0, tokens).conversations

    assert turn.messages == (Message("user", "", images=(CAT._replace(tokens=tokens),)),)
    assert turn.tokens > tokens


@pytest.mark.parametrize(
    ("images", "param"),
    [
        pytest.param([], "images", id="none"),
        pytest.param("x", "images", id="no list"),
        pytest.param(["x"], "images[0]", id="no object"),
        pytest.param([{"url": DATA}], "images[0].url", id="contents"),
        pytest.param([{"url": URL, "tokens": 0}], "images[0].tokens", id="an unknown field"),
    ],
)
def test_what_is_no_image_of_an_export_is_refused_by_name(images: Any, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_export(exported(images=images), 1000, 9.0)

    assert refused.value.param == f"line 3: messages[0].{param}"
