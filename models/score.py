"""Scores the demo model: `python -m models.score`, over llama.cpp, with the chat's own templates.

A dialogue is played as in a chat: the model sees its own earlier replies, not the right ones.
"""

import argparse
import pathlib
import random
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from chat.context.showing import lay_out
from chat.context.templates import cut_reply, render_prompt
from chat.core.messages import Message, Turn
from host.engines.llama_cpp import DEMO_MODEL, LlamaCppEngine
from host.engines.port import InferencingParams
from models.dialogues import Dialogue, generate_dialogue
from models.fact_values import Split
from models.talk import Kind

TEMPLATE = "llama2"
MODEL = "demo"
SAMPLING = InferencingParams(max_tokens=256, repeat_penalty=1.0, temperature=0.2)
"""The manifest's defaults."""
TURNS = range(2, 15)


@dataclass
class Score:
    """The counts of answers by kind of turn, the wrong answers, and how long replies took."""

    asked: Counter[Kind] = field(default_factory=Counter)
    right: Counter[Kind] = field(default_factory=Counter)
    wrong: list[tuple[str, str, str]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def share(self, *kinds: Kind) -> float:
        """Return the share of right answers among `kinds`."""
        return sum(self.right[kind] for kind in kinds) / sum(self.asked[kind] for kind in kinds)


def fresh_dialogues(count: int, seed: int) -> Iterator[Dialogue]:
    """Generate dialogues with names that training never used."""
    rng = random.Random(seed)
    for _ in range(count):
        yield generate_dialogue(rng, Split.TEST, rng.choice(TURNS))


def play(engine: LlamaCppEngine, dialogue: Dialogue, score: Score) -> None:
    """Play one dialogue, and add its answers to `score`."""
    turns: list[Turn] = []
    for number, wanted in enumerate(dialogue.turns, 1):
        asked = [*(m for turn in turns for m in turn.shown()), Message("user", wanted.user)]
        messages = lay_out(dialogue.context, asked, has_tools=False)
        prompt = render_prompt(messages, TEMPLATE)
        started = time.perf_counter()
        completion = engine.infer(MODEL, prompt, SAMPLING)
        score.seconds.append(time.perf_counter() - started)
        reply = cut_reply(completion.text, TEMPLATE)
        said = (Message("user", wanted.user), Message("assistant", reply))
        turns.append(Turn(number, said, 0, 0, 0, 0.0))
        score.asked[wanted.kind] += 1
        if reply == wanted.reply:
            score.right[wanted.kind] += 1
        else:
            score.wrong.append((wanted.user, wanted.reply, reply))


def score_model(path: pathlib.Path, count: int, seed: int) -> Score:
    """Play `count` fresh dialogues with the model at `path`."""
    engine = LlamaCppEngine(pathlib.Path(), {MODEL: path}, threads=1)
    score = Score()
    for dialogue in fresh_dialogues(count, seed):
        play(engine, dialogue, score)
    engine.close()
    return score


def main() -> None:
    """Print the scores of a model file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=pathlib.Path, nargs="?", default=DEMO_MODEL)
    parser.add_argument("--dialogues", type=int, default=500)
    parser.add_argument("--seed", type=int, default=500)
    parser.add_argument("--wrong", type=int, default=10, help="how many wrong answers to show")
    options = parser.parse_args()
    score = score_model(options.path, options.dialogues, options.seed)
    for kind in Kind:
        print(f"{kind.value}: {score.right[kind]} of {score.asked[kind]} exactly right")
    print(f"told and untold together: {score.share(Kind.ASK_TOLD, Kind.ASK_UNTOLD):.2%}")
    print(f"median reply: {statistics.median(score.seconds) * 1000:.1f} ms")
    for user, wanted, reply in score.wrong[: options.wrong]:
        print(f"  {user!r}: wanted {wanted!r}, got {reply!r}")


if __name__ == "__main__":
    main()
