"""What limits count as one client."""

import pytest

from chat.core.owners import address_tag, network_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2::1", "20010db800010002/64"),
        ("[2001:DB8:1:2:ffff::9]", "20010db800010002/64"),
        ("2001:db8:1:2::1%eth0", "20010db800010002/64"),
        ("::1", "0/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("[::ffff:c000:201]", "192.0.2.1"),
        ("", ""),
        ("unknown", "unknown"),
        ("192.0.2.1:80", "192.0.2.1:80"),
        (":" * 60_000, ":" * 60_000),
    ],
)
def test_an_address_counts_with_its_network(address: str, network: str) -> None:
    assert network_of(address) == network


def test_other_networks_have_other_tags() -> None:
    assert address_tag("2001:db8:1:2::1") == address_tag("2001:db8:1:2::2")
    assert address_tag("2001:db8:1:2::1") != address_tag("2001:db8:1:3::1")
