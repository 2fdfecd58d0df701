"""Every test finds the model's endpoint as new, whatever the one before made of it."""

import pytest

from tests.running import ModelEndpoint


@pytest.fixture(autouse=True)
def endpoint_as_new(endpoint: ModelEndpoint) -> None:
    assert endpoint.asked == []
