"""What comes back of what was said, whatever the state of the conversation."""

import pytest

from bench.planted import MAX_FOUND, SMALL, NoEmbedder, share_of_best, shown_by_state
from bench.planted.by_hand import dialogue_by_hand
from bench.planted.dialogues import make_dialogue
from bench.planted.native import NativeTalker
from bench.planted.parts import PARTS, shares
from tests.chat.native import NativeConnection
from tests.chat.test_settings import parse

LEAST_OF_BEST = 0.9


@pytest.mark.parametrize("is_named", [False, True], ids=["as they are", "names in the texts"])
async def test_every_state_shows_nine_tenths_of_what_the_best_one_shows(
    connection: NativeConnection, is_named: bool
) -> None:
    dialogue = make_dialogue(0).with_names() if is_named else make_dialogue(0)
    talker = NativeTalker(connection, parse(**SMALL), NoEmbedder(), MAX_FOUND)

    by_state = await shown_by_state(talker, [dialogue])

    shares_of_best = {name: share_of_best(shown, by_state) for name, shown in by_state.items()}
    assert {n: share for n, share in shares_of_best.items() if share < LEAST_OF_BEST} == {}
    assert min(sum(shown.values()) / len(shown) for shown in by_state.values()) > 0.6


def test_the_measure_finds_more_than_plain_bm25() -> None:
    dialogues = [make_dialogue(seed) for seed in range(3)]

    plain, as_it_is = (shares(dialogues, part) for part in (PARTS[0], PARTS[-1]))

    assert all(better >= share + 0.05 for better, share in zip(as_it_is, plain, strict=True))
    assert min(shares([dialogue_by_hand()], PARTS[-1])[1:]) > 0.9
