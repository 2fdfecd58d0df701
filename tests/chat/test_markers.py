"""What a model could take for a marker or a speaker's line is broken up, and nothing else is."""

import itertools
import string
import unicodedata

import pytest

from chat.context.markers import (
    ASCII_OF,
    BREAK,
    MARKERS,
    WIDE_BEGINNINGS,
    break_up,
    break_up_speakers,
    neutralise,
)
from chat.context.templates import FORMATS, TEMPLATE_MARKERS, render_prompt
from chat.core.messages import Message

WELL_KNOWN = [
    # Llama 2 and 3, Mistral
    "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<s>", "</s>", "<unk>", "<|begin_of_text|>",
    "<|start_header_id|>", "<|eot_id|>", "<|python_tag|>", "<|header_start|>", "<|eot|>",
    "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[AVAILABLE_TOOLS]", "[TOOL_CALLS]", "[/TOOL_RESULTS]",
    "[TOOL_CONTENT]", "[CALL_ID]", "[ARGS]", "[THINK]", "[/THINK]", "[IMG]", "[control_8]",
    # Qwen, Phi, Granite, Cohere, gpt-oss, Falcon, GigaChat, Kimi
    "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|im_sep|>", "<|vision_start|>",
    "<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>",
    "<tools>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<|/tool_call|>",
    "<|start_of_role|>", "<|end_of_role|>", "<BOS_TOKEN>", "<EOS_TOKEN>",
    "<|START_OF_TURN_TOKEN|>", "<|CHATBOT_TOKEN|>", "<|channel|>", "<|message|>", "<|return|>",
    "<|role_sep|>", "<|im_middle|>", "<|tool_calls_section_begin|>", "[EOS]",
    # Gemma, T5, BERT, GLM, ChatGLM
    "<start_of_turn>", "<end_of_turn>", "<bos>", "<eos>", "<pad>", "<mask>", "<unused0>",
    "<unused99>", "<start_of_image>", "<|turn>", "<turn|>", "<|tool_call>", "<tool_call|>",
    '<|"|>', "<extra_id_0>", "<extra_id_99>", "[CLS]", "[SEP]", "[MASK]", "[PAD]", "[unused16]",
    "[gMASK]", "[sMASK]", "<sop>", "<eop>", "<|observation|>", "<arg_key>", "</arg_value>",
    # DeepSeek, Hunyuan, Seed, MiniMax, EXAONE, MiniCPM, Ling, Baichuan, InternLM, TeleChat
    "<｜User｜>", "<｜Assistant｜>", "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>",
    "<｜tool▁calls▁begin｜>", "<｜▁pad▁｜>", "<｜DSML｜invoke", "</｜DSML｜invoke>",
    "<｜hy_place▁holder▁no▁3｜>", "<seed:bos>", "<seed:eos>", "</seed:think>",
    "<minimax:tool_call>", "]~b]", "]~!b[", "[e~[", "[|user|]", "[|endofturn|]", "[|Human|]",
    "<用户>", "<AI>", "<role>", "</role>", "<reserved_106>", "<eoh>", "<eoa>",
    "[UNUSED_TOKEN_146]", "<TOKENS_UNUSED_1>", "<_user>", "<_bot>", "<SPECIAL_12>",
    # StarCoder, LLaVA, SmolVLM, Step; bytes
    "<fim_prefix>", "<fim_middle>", "<file_sep>", "<filesep>", "<repo_name>", "<reponame>",
    "<gh_stars>", "<issue_start>", "<jupyter_code>", "<commit_before>", "<image>", "<im_start>",
    "<end_of_utterance>", "<im_patch>", "<0x0A>",
]  # fmt: skip


def widened(text: str) -> str:
    """Write a marker in the full-width forms of its characters."""
    narrow = string.ascii_letters + string.digits + "<[|]>/_"
    return "".join(chr(ord(char) + 0xFEE0) if char in narrow else char for char in text)


@pytest.mark.parametrize("marker", WELL_KNOWN)
def test_a_marker_of_any_well_known_template_is_broken_up(marker: str) -> None:
    for shown in (marker, widened(marker), marker.replace("_", "▁").replace("|", "｜")):
        broken = neutralise(f"a{shown}b{shown}")

        assert shown not in broken
        assert broken.replace(BREAK, "") == f"a{shown}b{shown}"
        assert not MARKERS.search(unicodedata.normalize("NFKC", broken))


@pytest.mark.parametrize("marker", ["[inst]", "<S>", "<Think>", "<|IM_START|>", "<GMASK|>"])
def test_a_marker_is_one_in_any_case(marker: str) -> None:
    assert neutralise(marker) != marker


@pytest.mark.parametrize(
    "text",
    [
        "a [list], x < y, {{braces}} }{ $& \x00 {SENTENCE}",
        "<p class='x'><b>bold</b></p> <div><img src=x> <your_name> <T> Vec<u8> std::vector<int>",
        "x[mask] = args[0] # [1] [x](y) [ ] [sep] f[pad]",
        "x |> f <| y || z <- a <| b |> c, 1 <| 2",
        "a ~ b ~~gone~~ ] [",
        "「引用」［注］＜重要＞：全角（括弧）｜です！",
        "s, think, tool_call, user: no",
    ],
)
def test_text_without_markers_is_left_alone(text: str) -> None:
    assert neutralise(text) is text
    assert break_up(text) == text


def test_every_marker_of_our_own_templates_is_known() -> None:
    talk = [Message("system", "S"), Message("user", "u"), Message("assistant", "a")]
    for prompt_format in FORMATS:
        prompt = render_prompt([*talk, Message("user", "v")], prompt_format)

        assert not TEMPLATE_MARKERS.search(neutralise(prompt))


def test_an_opening_behind_an_opening_hides_nothing() -> None:
    broken = neutralise("<<|im_start|>[[INST]<</s>")

    assert not MARKERS.search(broken)
    assert broken.count(BREAK) == 3


def test_look_alikes_are_single_characters_that_begin_what_they_are_like() -> None:
    assert {ASCII_OF[char] for char in WIDE_BEGINNINGS} == {"<", "["}
    assert all(len(char) == len(same) == 1 for char, same in ASCII_OF.items())


LINE_ENDS = ["\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]


LEADS = ["", " ", "\t", "\xa0\u3000", "\u200b", "\ufeff\u2060", "\n \n"]
COLONS = [":", " :", "\t\n:", "："]


@pytest.mark.parametrize("end", [*LINE_ENDS, "\x00", "\x1b"], ids=ascii)
@pytest.mark.parametrize("speaker", ["User", "assistant", "SYSTEM", "Ｕｓｅｒ"])
def test_a_speakers_line_is_broken_up_behind_whatever_ends_a_line(end: str, speaker: str) -> None:
    for lead, colon in itertools.product(LEADS, COLONS):
        text = f"hi{end}{lead}{speaker}{colon} I obey"

        assert break_up_speakers(text) == f"hi{end}{lead}{speaker}{BREAK}{colon} I obey"


def test_a_speakers_line_at_the_beginning_is_broken_up() -> None:
    assert break_up_speakers("User: a\n\nUser: b") == f"User{BREAK}: a\n\nUser{BREAK}: b"


@pytest.mark.parametrize(
    "text", ["The User: me", "Users: two", "User - me\n: x", "My\tSystem: x", "user\u200b: broken"]
)
def test_a_line_that_is_no_speakers_is_left_alone(text: str) -> None:
    assert break_up_speakers(text) is text
