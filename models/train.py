"""Trains the demo model: `python -m models.train OUTPUT_DIR`; needs `models/requirements.txt`.

A Llama of two million weights learns generated dialogues in the llama2 template; only the replies
count for the loss. The program writes `tokenizer.model`, `weights.pt` and `demo.gguf` into
OUTPUT_DIR.
"""

import argparse
import math
import multiprocessing
import pathlib
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

import sentencepiece
import torch
from torch.nn import functional

from models.dialogues import Dialogue, generate_dialogue
from models.export import write_gguf
from models.fact_values import Split
from models.llama import DemoLlama, Shape

TOKENIZER_DIALOGUES = 30_000
WARMUP_STEPS = 100
FINAL_RATE = 2e-5
WEIGHT_DECAY = 0.05
SAVE_STEPS = 250
IGNORED = -100
"""The label of a token that does not count for the loss."""


@dataclass(frozen=True)
class Batch:
    """`tokens` and `labels`, both (dialogues, length), int64."""

    tokens: torch.Tensor
    labels: torch.Tensor


def dialogue_segments(dialogue: Dialogue) -> Iterator[tuple[str, str]]:
    """Yield (prompt, reply) as the llama2 template writes them, without `<s>` and `</s>`."""
    system = f"<<SYS>>\n{dialogue.context}\n<</SYS>>\n\n" if dialogue.context else ""
    for turn in dialogue.turns:
        yield f"[INST] {system}{turn.user} [/INST]", f" {turn.reply} "
        system = ""


def encode_dialogue(
    tokenizer: sentencepiece.SentencePieceProcessor, dialogue: Dialogue
) -> tuple[list[int], list[int]]:
    """Return (tokens, labels) of a dialogue; only replies and their ends have labels."""
    tokens: list[int] = []
    labels: list[int] = []
    for prompt, reply in dialogue_segments(dialogue):
        asked = [tokenizer.bos_id(), *tokenizer.encode(prompt)]
        both = [tokenizer.bos_id(), *tokenizer.encode(prompt + reply)]
        said = [*both[len(asked) :], tokenizer.eos_id()]
        tokens += asked + said
        labels += [IGNORED] * len(asked) + said
    return tokens, labels


def train_tokenizer(output: pathlib.Path, seed: int) -> pathlib.Path:
    """Train 1,024 SentencePiece BPE pieces with byte fallback; return the model's path."""
    rng = random.Random(seed)
    corpus = output / "corpus.txt"
    with corpus.open("w", encoding="utf-8") as file:
        for _ in range(TOKENIZER_DIALOGUES):
            for prompt, reply in dialogue_segments(generate_dialogue(rng, Split.TRAIN, 3)):
                file.write((prompt + reply).replace("\n", " ") + "\n")
    sentencepiece.SentencePieceTrainer.train(
        input=str(corpus),
        model_prefix=str(output / "tokenizer"),
        model_type="bpe",
        vocab_size=Shape().vocabulary,
        byte_fallback=True,
        character_coverage=0.9995,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        split_digits=True,
        allow_whitespace_only_pieces=True,
        minloglevel=1,
    )
    return output / "tokenizer.model"


def _padded(rows: list[tuple[list[int], list[int]]]) -> Batch:
    longest = max(len(tokens) for tokens, _ in rows)
    tokens = torch.zeros(len(rows), longest, dtype=torch.long)
    labels = torch.full((len(rows), longest), IGNORED)
    for row, (ids, wanted) in enumerate(rows):
        tokens[row, : len(ids)] = torch.tensor(ids)
        labels[row, : len(wanted)] = torch.tensor(wanted)
    return Batch(tokens[:, :-1], labels[:, 1:])


def make_batch(
    rng: random.Random,
    tokenizer: sentencepiece.SentencePieceProcessor,
    *,
    tokens_count: int,
    turns_most: int,
) -> Batch:
    """Make a batch of about `tokens_count` tokens from dialogues of about the same length."""
    turns = max(1, round(turns_most * rng.random() ** 1.5))
    rows: list[tuple[list[int], list[int]]] = []
    while not rows or (len(rows) + 1) * max(len(tokens) for tokens, _ in rows) <= tokens_count:
        rows.append(encode_dialogue(tokenizer, generate_dialogue(rng, Split.TRAIN, turns)))
    return _padded(rows)


def produce_batches(
    queue: "multiprocessing.Queue[Batch]", tokenizer_path: str, seed: int, tokens_count: int
) -> None:
    """Fill `queue` for ever: mostly short dialogues, one batch in eight of up to 90 turns."""
    torch.set_num_threads(1)
    rng = random.Random(seed)
    tokenizer = sentencepiece.SentencePieceProcessor(model_file=tokenizer_path)
    while True:
        turns_most = 80 if rng.random() < 1 / 8 else 16
        queue.put(make_batch(rng, tokenizer, tokens_count=tokens_count, turns_most=turns_most))


@dataclass(frozen=True)
class Schedule:
    """Linear warm-up to `peak_rate`, then a cosine down to `FINAL_RATE` at `steps`."""

    steps: int
    peak_rate: float

    def rate(self, step: int) -> float:
        """Return the learning rate of `step`."""
        if step < WARMUP_STEPS:
            return self.peak_rate * (step + 1) / WARMUP_STEPS
        done = (step - WARMUP_STEPS) / max(1, self.steps - WARMUP_STEPS)
        return FINAL_RATE + (self.peak_rate - FINAL_RATE) * 0.5 * (1 + math.cos(math.pi * done))


def train_model(
    model: DemoLlama,
    queue: "multiprocessing.Queue[Batch]",
    schedule: Schedule,
    output: pathlib.Path,
) -> None:
    """Train on batches from `queue`; save the weights every 250 steps."""
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=schedule.peak_rate, betas=(0.9, 0.98), weight_decay=WEIGHT_DECAY
    )
    started = time.monotonic()
    mean_loss = 0.0
    for step in range(schedule.steps):
        batch = queue.get()
        for group in optimizer.param_groups:
            group["lr"] = schedule.rate(step)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = model(batch.tokens)
        loss = functional.cross_entropy(
            logits.float().flatten(0, 1), batch.labels.flatten(), ignore_index=IGNORED
        )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        mean_loss = loss.item() if step == 0 else 0.95 * mean_loss + 0.05 * loss.item()
        if step % 25 == 0:
            print(
                f"step {step}/{schedule.steps} loss {mean_loss:.4f}, "
                f"{time.monotonic() - started:.0f} s",
                flush=True,
            )
        if step % SAVE_STEPS == SAVE_STEPS - 1:
            torch.save(model.state_dict(), output / "weights.pt")
    torch.save(model.state_dict(), output / "weights.pt")


def main() -> None:
    """Train the tokenizer and the model, and export them as one GGUF file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--tokens", type=int, default=10_000, help="tokens in a batch")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--peak", type=float, default=2e-3, help="the highest learning rate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resume", type=pathlib.Path, help="weights.pt to go on from")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    tokenizer_path = options.output / "tokenizer.model"
    if not tokenizer_path.exists():
        train_tokenizer(options.output, options.seed)
    model = DemoLlama(Shape())
    if options.resume:
        model.load_state_dict(torch.load(options.resume))
    queue: multiprocessing.Queue[Batch] = multiprocessing.Queue(maxsize=8)
    producer = multiprocessing.Process(
        target=produce_batches,
        args=(queue, str(tokenizer_path), options.seed + 1, options.tokens),
        daemon=True,
    )
    producer.start()
    train_model(model, queue, Schedule(options.steps, options.peak), options.output)
    producer.terminate()
    write_gguf(options.output / "demo.gguf", model, tokenizer_path)


if __name__ == "__main__":
    main()
