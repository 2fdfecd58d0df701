"""What goes to a store is divided by bytes and by count."""

import pytest

from chat.core.portions import portions


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([4, 6], [[4, 6]], id="exactly full"),
        pytest.param([4, 7], [[4], [7]], id="one over"),
        pytest.param([11], [[11]], id="too large alone"),
        pytest.param([1, 11, 1], [[1], [11], [1]], id="too large between others"),
        pytest.param([1, 1, 1], [[1, 1, 1]], id="as many as may be"),
        pytest.param([1, 1, 1, 1], [[1, 1, 1], [1]], id="one more"),
        pytest.param([0, 0, 0, 0], [[0, 0, 0], [0]], id="of no size"),
    ],
)
def test_portions_are_within_both_limits(sizes: list[int], expected: list[list[int]]) -> None:
    assert list(portions(sizes, lambda size: size, 10, 3)) == expected
