"""Model servers that the tests of the host share."""

from collections.abc import Iterator

import pytest

from tests.models import TOKEN
from tests.running import RunningModels, run_models


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningModels]:
    with run_models(tmp_path_factory.mktemp("models")) as running:
        yield running


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningModels]:
    with run_models(tmp_path_factory.mktemp("guarded"), "--token", TOKEN) as running:
        yield running
