"""A reply is told from the prompt before it, which engines return changed.

In place of an engine is the `tokenizers` library, which Spin's local engine uses: it decodes prompt
and reply in one, without special tokens.
"""

import random
import time
from collections.abc import Callable, Sequence

import pytest
from tokenizers import Tokenizer

from chat.context.templates import FORMATS, TEMPLATE_MARKERS, cut_reply, render_prompt
from chat.core.messages import Message
from chat.llm.echo import ALIKE_CHARS, Echo, find_echo, has_word
from tests.chat.talk import arabic, chinese, code, emoji, english, markers, white_space
from tests.spin_engine import ROLE_MARKERS, TEXT_OF_LLAMA2, by_bytes, by_pieces, given_back

MakeTokenizer = Callable[[Sequence[str]], Tokenizer]
TALKERS = [english, code, chinese, arabic, emoji, white_space, markers]
CHARS = [
    "▁",
    "▁▁ ▁",
    "[/INST]",
    "<s>",
    "</s>",
    "user",
    "assistant:",
    "\u2060",
    "\x00",
    "�",
    "é́",
    "👨‍👩‍👧",
]


def hostile(rng: random.Random) -> str:
    parts = [rng.choice(TALKERS)(rng, rng.randint(1, 12)), *rng.sample(CHARS, 2)]
    rng.shuffle(parts)
    return rng.choice(["", " ", "\n"]).join(parts)


def squeezed(text: str) -> str:
    """Return a reply without white space, which an engine may change."""
    return "".join(text.replace("▁", " ").split())


@pytest.mark.parametrize("make", [by_bytes, by_pieces])
@pytest.mark.parametrize("prompt_format", FORMATS)
def test_a_reply_is_found_behind_its_prompt_over_many_turns_in_all_scripts(
    prompt_format: str, make: MakeTokenizer
) -> None:
    rng = random.Random(prompt_format)
    special = ROLE_MARKERS[prompt_format]
    for tokenizer in (make(special), make([m for m in special if m not in TEXT_OF_LLAMA2])):
        for number in range(30):
            talk = [Message("system", hostile(rng))] if number % 3 else []
            for _ in range(4):
                talk.append(Message("user", hostile(rng)))
                prompt = render_prompt(talk, prompt_format)
                reply = english(rng, 9)
                text = given_back(tokenizer, prompt, reply)

                found = find_echo(text, prompt, prompt_format)

                assert found is not None
                assert found.reply_at is not None
                raw = text[found.reply_at :]
                assert squeezed(cut_reply(raw, prompt_format)) == squeezed(reply)
                talk.append(Message("assistant", reply + rng.choice(CHARS)))


def test_a_reply_that_begins_with_a_marker_keeps_what_is_its_own() -> None:
    prompt = render_prompt([Message("user", "Hi")], "llama2")

    found = find_echo(f"{prompt.strip()}  </s> [INST] And now? [/INST] Yes.", prompt, "llama2")

    assert found is not None
    assert cut_reply(f"{prompt}  </s> [INST] And now?"[found.reply_at :], "llama2") == ""


PROMPT = [Message("system", "You are a helpful chef."), Message("user", "Hi")]


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        pytest.param(PROMPT, "Nice to meet you!", id="another text"),
        pytest.param(PROMPT, "You are kind.", id="a beginning alike"),
        pytest.param(PROMPT[1:], "Hey, Hi, Hi!", id="a prompt that is quoted"),
        pytest.param(PROMPT, "", id="nothing"),
        pytest.param(PROMPT, " \n", id="white space"),
        pytest.param(PROMPT, "</s><|im_end|><|eot_id|><end_of_turn>", id="an end at once"),
    ],
)
@pytest.mark.parametrize("prompt_format", FORMATS)
def test_a_reply_alone_is_no_echo(
    prompt_format: str, messages: Sequence[Message], text: str
) -> None:
    assert find_echo(text, render_prompt(messages, prompt_format), prompt_format) is None


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        pytest.param(PROMPT[1:], "Hi, Ada!", id="a reply that begins as the only prompt"),
        pytest.param(PROMPT, "You are a helpful chef. Hi", id="one that repeats all"),
        pytest.param(PROMPT, "You are a helpful chef, I hear.", id="one that repeats the context"),
    ],
)
def test_what_looks_like_both_is_not_decided_by_its_looks(
    messages: Sequence[Message], text: str
) -> None:
    found = find_echo(text, render_prompt(messages, "mistral"), "mistral")

    assert found is not None
    assert not found.is_certain


@pytest.mark.parametrize("prompt_format", FORMATS)
def test_a_prompt_that_came_back_with_other_letters_is_seen_and_not_cut(prompt_format: str) -> None:
    context = "A context of some length, and one ﬁ."
    prompt = render_prompt([Message("system", context), Message("user", "Hi")], prompt_format)
    text = TEMPLATE_MARKERS.sub("", prompt).replace("ﬁ", "fi") + " The reply."

    found = find_echo(text, prompt, prompt_format)

    assert found == Echo(None, is_certain=False)
    assert len(context) > ALIKE_CHARS


@pytest.mark.parametrize("make", [by_bytes, by_pieces])
def test_a_word_is_found_in_what_an_engine_gives_back(make: MakeTokenizer) -> None:
    word = "0123456789abcdef"
    for prompt_format, special in ROLE_MARKERS.items():
        prompt = render_prompt([Message("user", word)], prompt_format)

        assert has_word(given_back(make(special), prompt, "Fine."), word)
    assert not has_word("Fine. 0123456789abcde", word)


@pytest.mark.parametrize(
    "unit", ["\n", " ", "<", "[", "<|", "▁", "<s>", "[INST]", "a", "\u2060", "ض"]
)
def test_an_echo_is_looked_for_in_time_linear_in_the_text(unit: str) -> None:
    def taken_s(count: int) -> float:
        text = unit * count
        begun = time.process_time()
        find_echo(text + "x", text + "y", "llama2")
        return time.process_time() - begun

    taken_s(1000)
    short = min(taken_s(1000) for _ in range(5))

    assert taken_s(64_000) < 200 * short + 0.05
