"""The parts of the model server, without a socket: markers, parts of replies, turns."""

import asyncio
import contextlib
import json
import pathlib
import threading

import pytest

from host.engines.chat_text import BREAK, ChatText, compile_markers, is_marker, load_chat_text
from host.engines.gguf import read_metadata
from host.engines.llama_cpp import DEMO_MODEL
from host.engines.parts import ContextExceeded, Part, Usage, parse_chunk
from host.engines.port import EngineError
from host.model.openai_answers import Answer, ChatEvents, Trimmer, render_chat
from host.model.turns import Line, Take
from tests.event_loops import run_in_thread
from tests.running import ROOT

# GGUF


def test_the_demo_models_metadata_is_read() -> None:
    wanted = {"general.name", "llama.context_length", "llama.rope.freq_base",
              "tokenizer.ggml.add_bos_token", "tokenizer.ggml.token_type", "nothing"}  # fmt: skip

    found = read_metadata(DEMO_MODEL, wanted)

    assert found.pop("tokenizer.ggml.token_type")[:4] == (2, 3, 3, 6)
    assert found == {
        "general.name": "chat with memory: demo model",
        "llama.context_length": 4096,
        "llama.rope.freq_base": 10000.0,
        "tokenizer.ggml.add_bos_token": True,
    }


def test_the_demo_model_has_the_template_that_is_written_down() -> None:
    found = read_metadata(DEMO_MODEL, {"tokenizer.chat_template"})

    assert found["tokenizer.chat_template"] == (ROOT / "models" / "template.jinja").read_text()


def test_what_is_no_gguf_is_refused(tmp_path: pathlib.Path) -> None:
    (tmp_path / "x").write_bytes(b"no model")

    with pytest.raises(ValueError, match="no GGUF"):
        read_metadata(tmp_path / "x", {"a"})


# markers


def broken(text: str, *markers: str) -> str:
    return ChatText(has_template=True, markers=compile_markers(markers)).break_up(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("plain < text [ here ]", "plain < text [ here ]"),
        ("</s>", "<~/s>"),
        ("a</s><s>b", "a<~/s><~s>b"),
        ("<<s>", "<<~s>"),
        ("[INST]", "[~INST]"),
        ("abab", "a~b~ab"),
        ("\n</s>\n", "\n<~/s>\n"),
    ],
)
def test_a_marker_is_broken_up(text: str, expected: str) -> None:
    found = broken(text, "</s>", "<s>", "[INST]", "aba", "ba", "x")

    assert found == expected.replace("~", BREAK)
    for marker in ("</s>", "<s>", "[INST]", "aba", "ba"):
        assert marker not in found


def test_without_markers_nothing_is_broken_up() -> None:
    assert broken("x </s>") == "x </s>"
    assert broken("x", "x") == "x"


def test_the_demo_models_markers_are_found() -> None:
    text = load_chat_text(DEMO_MODEL)

    assert text.has_template
    for marker in ("<s>", "</s>", "<unk>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>"):
        assert marker not in text.break_up(f"a{marker}b")
    assert text.break_up("<0x0A> <b> [x]") == "<0x0A> <b> [x]"


@pytest.mark.parametrize(
    ("token", "kind", "expected"),
    [
        ("<|im_end|>", 3, True),
        ("anything", 3, True),
        ("<unk>", 2, True),
        ("word", 1, False),
        ("<0x0A>", 6, False),
        ("<|im_start|>", 4, True),
        ("<start_of_turn>", 4, True),
        ("[INST]", 4, True),
        ("<h1>", 4, False),
        ("    ", 4, False),
    ],
)
def test_which_tokens_are_markers(token: str, kind: int, expected: bool) -> None:
    assert is_marker(token, kind) is expected


# what llama.cpp streams


@pytest.mark.parametrize(
    ("chunk", "part"),
    [
        ({"choices": [{"text": "a", "finish_reason": None}]}, Part("a")),
        ({"choices": [{"delta": {"content": "a"}, "finish_reason": None}]}, Part("a")),
        ({"choices": [{"delta": {"role": "assistant", "content": None}}]}, Part()),
        ({"choices": [{"delta": {"reasoning_content": "hm"}}]}, Part(reasoning="hm")),
        ({"choices": [{"delta": {}, "finish_reason": "length"}]}, Part(finish_reason="length")),
        (
            {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}},
            Part(usage=Usage(1, 2, 0)),
        ),
        (
            {
                "choices": [{"text": "", "finish_reason": "stop"}],
                "usage": {
                    "prompt_tokens": 5,
                    "completion_tokens": 2,
                    "prompt_tokens_details": {"cached_tokens": 4},
                },
            },
            Part(finish_reason="stop", usage=Usage(5, 2, 4)),
        ),
    ],
)
def test_a_chunk_is_a_part(chunk: dict[str, object], part: Part) -> None:
    assert parse_chunk(chunk) == part


@pytest.mark.parametrize(
    ("kind", "case", "error_type"),
    [
        ("exceed_context_size_error", "invalid-input", ContextExceeded),
        ("invalid_request_error", "invalid-input", EngineError),
        ("server_error", "runtime-error", EngineError),
    ],
)
def test_a_chunk_that_is_an_error_is_raised(
    kind: str, case: str, error_type: type[EngineError]
) -> None:
    with pytest.raises(EngineError, match="no") as raised:
        parse_chunk({"error": {"type": kind, "message": "no"}})

    assert raised.value.case == case
    assert type(raised.value) is error_type


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([], ""),
        ([" ", "\n"], ""),
        ([" Nice", " to ", "meet", " "], "Nice to meet"),
        (["a", " ", "\n", "b", "\n\n"], "a \nb"),
        (["  a b  "], "a b"),
    ],
)
def test_the_white_space_around_a_reply_is_left_out(parts: list[str], expected: str) -> None:
    trimmer = Trimmer()

    assert "".join(trimmer.take(part) for part in parts) == expected


def test_what_a_model_thinks_stands_apart() -> None:
    answer = Answer("id", 1, "m")
    parts = [Part(), Part(reasoning="Hm"), Part(reasoning="."), Part(" Yes. ")]
    ends = [Part(finish_reason="stop"), Part(usage=Usage(1, 2, 0))]

    whole = render_chat(answer, parts + ends)["choices"][0]
    chat = ChatEvents(answer, has_usage=False)
    events = b"".join(chat.render(part) for part in parts + ends).decode().split("\n\n")[:-1]

    assert whole["message"]["content"] == "Yes."
    assert whole["message"]["reasoning_content"] == "Hm."
    deltas = [json.loads(event.removeprefix("data: "))["choices"][0]["delta"] for event in events]
    assert deltas == [{"reasoning_content": "Hm"}, {"reasoning_content": "."},
                      {"content": "Yes."}, {}]  # fmt: skip


# turns


def test_work_runs_in_the_order_in_which_it_came() -> None:
    ran: list[int] = []

    async def run() -> list[list[int]]:
        line: Line[int] = Line("test")

        def work(number: int, take: Take[int]) -> None:
            ran.append(number)
            take(number)
            take(number + 10)

        async def results(number: int) -> list[int]:
            return [made async for made in line.results(lambda take: work(number, take))]

        return await asyncio.gather(*(results(number) for number in range(5)))

    assert run_in_thread(run()) == [[n, n + 10] for n in range(5)]
    assert ran == [0, 1, 2, 3, 4]


def test_what_work_raises_is_raised_after_its_results() -> None:
    async def run() -> None:
        line: Line[int] = Line("test")

        def work(take: Take[int]) -> None:
            take(1)
            raise ValueError("two")

        async with contextlib.aclosing(line.results(work)) as results:
            assert await anext(results) == 1
            with pytest.raises(ValueError, match="two"):
                await anext(results)

    run_in_thread(run())


def test_who_leaves_ends_the_work_and_frees_the_turn() -> None:
    was_told = threading.Event()

    async def run() -> list[int]:
        line: Line[int] = Line("test")

        def brief(take: Take[int]) -> None:
            take(2)

        def endless(take: Take[int]) -> None:
            while not take(1):
                pass
            was_told.set()

        async with contextlib.aclosing(line.results(endless)) as results:
            await anext(results)
        return [made async for made in line.results(brief)]

    assert run_in_thread(run()) == [2]
    assert was_told.is_set()


def test_who_leaves_before_the_turn_never_begins() -> None:
    began = threading.Event()

    async def run() -> None:
        line: Line[int] = Line("test")
        go_on = threading.Event()

        def held(take: Take[int]) -> None:
            take(1)
            go_on.wait(20)

        async with contextlib.aclosing(line.results(held)) as first:
            await anext(first)
            waiting = line.results(lambda _: began.set())
            task = asyncio.ensure_future(anext(waiting))
            await asyncio.sleep(0.05)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            go_on.set()
        line.close()

    run_in_thread(run())

    assert not began.is_set()
