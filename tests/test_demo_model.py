"""The demo model remembers facts, with names that it never saw; its dialogues are right."""

import random

import pytest

from host.engines.llama_cpp import DEMO_MODEL
from models.dialogues import Dialogue, generate_dialogue
from models.fact_values import Split, invented_word
from models.facts import NAME
from models.score import score_model
from models.talk import Kind
from tests.portioned import THOROUGH

pytestmark = pytest.mark.long

SIX_MB = 6 * 1024 * 1024
DIALOGUES, LEAST_SHARE = (500, 0.98) if THOROUGH else (60, 0.97)
"""How many dialogues are played, and the least share of right answers: few have more chance."""


def test_the_model_file_is_small() -> None:
    assert DEMO_MODEL.stat().st_size <= SIX_MB


def test_told_and_untold_facts_are_answered_exactly_right() -> None:
    """In fresh dialogues, with names that training never had."""
    score = score_model(DEMO_MODEL, DIALOGUES, seed=500)

    assert score.share(Kind.ASK_TOLD, Kind.ASK_UNTOLD) >= LEAST_SHARE, score.wrong
    assert score.asked[Kind.ASK_TOLD] > DIALOGUES
    assert score.asked[Kind.ASK_UNTOLD] > DIALOGUES


@pytest.mark.parametrize("seed", range(3))
def test_invented_names_of_the_test_are_not_in_the_training(seed: int) -> None:
    rng = random.Random(seed)
    train = {invented_word(rng, Split.TRAIN) for _ in range(20_000)}
    test = {invented_word(rng, Split.TEST) for _ in range(2_000)}

    assert not train & test


def dialogues() -> list[Dialogue]:
    rng = random.Random(7)
    return [generate_dialogue(rng, Split.TEST, 12) for _ in range(300)]


def test_a_name_that_was_told_is_never_called_untold() -> None:
    for dialogue in dialogues():
        is_told = False
        for turn in dialogue.turns:
            assert not (is_told and turn.reply == NAME.untold), dialogue
            is_told = is_told or "Nice to meet you" in turn.reply


def test_a_told_value_stands_in_what_the_model_is_shown() -> None:
    for dialogue in dialogues():
        shown = dialogue.context
        for turn in dialogue.turns:
            if turn.kind is Kind.ASK_TOLD:
                value = turn.reply.removesuffix(" years old.").rstrip(".").split()[-1]
                assert value in shown, turn
            shown += f"\n{turn.user}"
