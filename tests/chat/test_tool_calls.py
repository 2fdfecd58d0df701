"""Tool calls: how they are asked for, and how an endpoint's are read, in pieces and whole."""

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.context.askable import check_askable
from chat.context.budget import shown_tokens
from chat.context.markers import BREAK
from chat.context.showing import lay_out
from chat.core.errors import ModelFailed
from chat.core.messages import Completion, Message, Sampling
from chat.core.refusals import InvalidRequest
from chat.core.tool_calls import CallPart, ToolCall
from chat.llm.openai import OpenAiModel, render_request
from tests.chat.cutting import cut_at
from tests.chat.test_openai import (
    DONE,
    PROMPT,
    SAMPLING,
    USED,
    Endpoint,
    complete,
    delta,
    event,
    make_word,
)

TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}


def pieces(*calls: dict[str, Any], reason: str | None = None) -> bytes:
    """An event with pieces of tool calls."""
    choice = {"index": 0, "delta": {"tool_calls": calls}, "finish_reason": reason}
    return event(choices=[choice])


def piece(index: int | None, given_id: object, name: object, arguments: object) -> dict[str, Any]:
    """A piece of a call without the fields that are None."""
    called = {"name": name, "arguments": arguments}
    whole = {
        "index": index,
        "id": given_id,
        "function": {key: value for key, value in called.items() if value is not None},
    }
    return {key: value for key, value in whole.items() if value is not None}


# what is asked


def test_tools_and_calls_are_passed_on_in_order() -> None:
    calls = (ToolCall("c1", "add", '{"a":1}'), ToolCall("c2", "now", "{}"))
    messages = [
        *PROMPT,
        Message("assistant", "", calls=calls),
        Message("tool", "3", call_id="c1"),
        Message("tool", "", call_id="c2"),
    ]
    wishes = {"tools": [TOOL], "tool_choice": "required", "parallel_tool_calls": False}
    sampling = dataclasses.replace(SAMPLING, stop=("\n",), wishes=wishes)

    asked = json.loads(render_request("m", messages, sampling))

    assert asked["messages"][1:] == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "add", "arguments": '{"a":1}'},
                },
                {"id": "c2", "type": "function", "function": {"name": "now", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "content": "3", "tool_call_id": "c1"},
        {"role": "tool", "content": "", "tool_call_id": "c2"},
    ]
    assert asked["stop"] == ["\n"]
    assert {name: asked[name] for name in wishes} == wishes


def test_markers_in_tools_calls_and_outputs_are_broken_up() -> None:
    marked = "<|im_start|>system"
    described = {"type": "function", "function": {"name": "add", "description": marked}}
    messages = [
        *PROMPT,
        Message("assistant", "", calls=(ToolCall("c1", "add", json.dumps({"a": marked})),)),
        Message("tool", marked, call_id="c1"),
    ]
    sampling = dataclasses.replace(SAMPLING, wishes={"tools": [described]})

    asked = render_request("m", messages, sampling).decode()

    assert "<|im_start|>" not in asked
    assert asked.replace(BREAK, "").count(marked) == 3


@pytest.mark.parametrize(
    ("messages", "wishes", "param"),
    [
        pytest.param(PROMPT, {"tool_choice": "auto", "tools": [TOOL]}, "tools", id="tools"),
        pytest.param(PROMPT, {"response_format": {}}, "response_format", id="another wish"),
        pytest.param([Message("tool", "3", call_id="c1")], {}, "tools", id="an output"),
        pytest.param(
            [Message("assistant", "", calls=(ToolCall("c1", "f", "{}"),))], {}, "tools", id="a call"
        ),
    ],
)
def test_a_model_that_spin_runs_refuses_by_name_what_no_prompt_can_say(
    messages: list[Message], wishes: dict[str, Any], param: str
) -> None:
    sampling = dataclasses.replace(SAMPLING, wishes=wishes)

    with pytest.raises(InvalidRequest, match=f"`{param}` needs `model_api=openai`") as refused:
        check_askable(messages, sampling)

    assert refused.value.param == param
    check_askable(PROMPT, Sampling(7, 0.5, 0.9, 40, 1.1, 64, stop=("x",)))


CALL = Message("assistant", "One moment.", calls=(ToolCall("c1", "add", '{"a":1}'),))
OUTPUT = Message("tool", "3", call_id="c1")


def test_a_model_with_tools_is_shown_calls_and_outputs_as_they_are() -> None:
    said = [*PROMPT, CALL, OUTPUT, Message("user", "And?"), Message("user", "Well?")]

    shown = lay_out("", said, has_tools=True)

    assert shown == [*PROMPT, CALL, OUTPUT, Message("user", "And?\n\nWell?")]


def test_a_model_without_tools_is_shown_calls_and_outputs_as_texts() -> None:
    shown = lay_out("Be brief.", [*PROMPT, CALL, OUTPUT], has_tools=False)

    assert shown == [
        Message("system", "Be brief."),
        *PROMPT,
        Message("assistant", 'One moment.\n(calls add with {"a":1})'),
        Message("user", "(tool)\n3"),
    ]


def test_calls_and_their_ids_count_in_the_context() -> None:
    plain = Message("assistant", "One moment.")
    longer = Message("assistant", "One moment.", calls=(ToolCall("c" * 99, "add", '{"a":1}'),))

    assert shown_tokens(plain) + 10 < shown_tokens(CALL) < shown_tokens(longer)


# what is answered

TWO = (ToolCall("a1", "add", '{"a": 1}'), ToolCall("a2", "now", "{}"))
IN_PIECES = [
    delta("Wait"),
    pieces(piece(0, "a1", "add", "")),
    pieces(piece(0, None, None, '{"a"')),
    pieces(piece(0, None, None, ": 1}")),
    pieces(piece(1, "a2", "now", None)),
    pieces(piece(1, None, None, "{}"), reason="tool_calls"),
    USED,
    DONE,
]


@pytest.mark.parametrize(
    ("received", "calls"),
    [
        pytest.param(IN_PIECES[1:], TWO, id="OpenAI: pieces by index"),
        pytest.param(
            [
                pieces(piece(0, "a1", "add", '{"a": 1}')),
                pieces(piece(0, "a2", "now", {}), reason="stop"),
                DONE,
            ],
            TWO,
            id="whole, each with index 0",
        ),
        pytest.param(
            [
                pieces(
                    piece(None, "a1", "add", {"a": 1}),
                    piece(None, "a2", "now", ""),
                    reason="tool_calls",
                ),
                DONE,
            ],
            TWO,
            id="whole in one event, without index",
        ),
        pytest.param(
            [
                pieces(piece(0, "a1", "add", '{"a": ')),
                pieces(piece(0, "a1", "add", "1}")),
                pieces(piece(1, "a2", "now", ""), reason="tool_calls"),
                DONE,
            ],
            TWO,
            id="id and name in each piece",
        ),
        pytest.param(
            [
                pieces(piece(0, "", "add", '{"a": 1}')),
                pieces(piece(0, "", "add", '{"a": 2}'), reason="tool_calls"),
                DONE,
            ],
            (ToolCall("call_w", "add", '{"a": 1}'), ToolCall("call_w", "add", '{"a": 2}')),
            id="without ids, each with index 0",
        ),
        pytest.param(
            [pieces(piece(7, None, "add", "nonsense")), DONE],
            (ToolCall("call_w", "add", "nonsense"),),
            id="arguments that are no JSON",
        ),
        pytest.param(
            [
                json.dumps(
                    {
                        "choices": [
                            {
                                "message": {
                                    "content": None,
                                    "tool_calls": [
                                        piece(None, "a1", "add", '{"a": 1}'),
                                        piece(None, "a2", "now", {}),
                                    ],
                                },
                                "finish_reason": "tool_calls",
                            }
                        ]
                    }
                ).encode()
            ],
            TWO,
            id="one object",
        ),
    ],
)
async def test_calls_of_real_endpoints_are_read(
    received: list[bytes], calls: tuple[ToolCall, ...]
) -> None:
    completion = await complete(200, *received)

    assert completion.calls == calls
    assert completion.finish_reason in {"tool_calls", None}


@given(st.lists(st.integers(0, len(b"".join(IN_PIECES))), max_size=12))
async def test_calls_are_the_same_however_an_answer_is_cut(places: list[int]) -> None:
    model = OpenAiModel(Endpoint([200, *cut_at(b"".join(IN_PIECES), places)]), "m", make_word)

    *parts, completion = [part async for part in model.complete(PROMPT, SAMPLING)]

    assert completion == Completion("Wait", 3, 4, finish_reason="tool_calls", calls=TWO)
    assert "".join(part for part in parts if isinstance(part, str)) == "Wait"
    made = [part for part in parts if isinstance(part, CallPart)]
    for index, call in enumerate(TWO):
        first, *later = [part for part in made if part.place == index]
        assert (first.id, first.name) == (call.id, call.name)
        assert not any(part.id or part.name for part in later)
        assert "".join(part.arguments for part in [first, *later]) == call.arguments


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param([7], id="a number"),
        pytest.param([piece(0, "a1", None, "{}")], id="no name"),
        pytest.param([piece(0, 7, "add", "{}")], id="a number for an id"),
        pytest.param([piece(0, "a1", "a" * 201, "{}")], id="a long name"),
        pytest.param([piece(0, "a1", "add", 7)], id="a number for arguments"),
        pytest.param([piece(at, f"a{at}", "add", "{}") for at in range(129)], id="too many"),
    ],
)
async def test_what_is_no_call_is_an_error(wrong: list[Any]) -> None:
    with pytest.raises(ModelFailed):
        await complete(200, pieces(*wrong), DONE)
