"""Averages the weights of runs that continue each other: `python -m models.average OUT RUN...`.

The mean of the last runs makes fewer mistakes than any single run.

Source: Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization", 2018.
"""

import argparse
import pathlib

import torch

from models.export import write_gguf
from models.llama import DemoLlama, Shape


def main() -> None:
    """Write `demo.gguf` with the mean of the runs' weights into OUT."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("runs", type=pathlib.Path, nargs="+", help="folders of models.train")
    options = parser.parse_args()
    weights = [torch.load(run / "weights.pt") for run in options.runs]
    model = DemoLlama(Shape())
    model.load_state_dict(
        {name: sum(w[name] for w in weights) / len(weights) for name in weights[0]}
    )
    options.output.mkdir(parents=True, exist_ok=True)
    write_gguf(options.output / "demo.gguf", model, options.runs[0] / "tokenizer.model")


if __name__ == "__main__":
    main()
