"""Where webhooks may go."""

from collections.abc import Sequence

import pytest

from shared.settings import Settings, SettingsError
from shared.webhooks.addresses import Guard, Refused, Unresolved, guard, parsed, resolve


def _guard(*addresses: str, allow: str = "") -> Guard:
    async def answer(host: str, port: int) -> Sequence[str]:
        return addresses

    return Guard(guard(Settings(tanzhang_webhook_allow=allow)).allowed, answer)


async def test_the_connection_goes_to_the_address_that_was_looked_at() -> None:
    found = await _guard("93.184.216.34", "93.184.216.35").addresses(parsed("https://b.example/"))
    assert found == ["93.184.216.34", "93.184.216.35"]


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0"),
        *("100.64.0.1", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fd00::1"),
        *("::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "ff02::1"),
        # Of IPv4 in IPv6, NAT64 of one's own, site-local, Teredo, documentation, relays.
        *("::10.0.0.1", "64:ff9b:1::a00:1", "fec0::1", "2001::1", "3fff::1", "192.88.99.1"),
        *("192.0.0.8", "198.18.0.1", "240.0.0.1", "100::1", "5f00::1"),
    ],
)
async def test_nothing_goes_to_an_address_that_is_not_public(address: str) -> None:
    with pytest.raises(Refused, match="expected a public address"):
        await _guard(address).addresses(parsed("https://bank.example/hook"))


async def test_one_address_that_is_not_public_is_enough() -> None:
    with pytest.raises(Refused, match="expected a public address") as refused:
        await _guard("93.184.216.34", "10.0.0.1").addresses(parsed("https://bank.example/"))
    assert "10.0.0.1" not in str(refused.value), "names of networks inside lead nowhere"


async def test_networks_can_be_allowed_also_without_tls() -> None:
    inside = _guard("10.1.2.3", allow="10.1.0.0/16, fd00::/8")
    assert await inside.addresses(parsed("http://receiver.bank/hook")) == ["10.1.2.3"]
    with pytest.raises(Refused, match="expected a public address"):
        await _guard("10.2.0.1", allow="10.1.0.0/16").addresses(parsed("https://b.example/"))


async def test_elsewhere_only_https() -> None:
    with pytest.raises(Refused, match="expected https"):
        await _guard("93.184.216.34").addresses(parsed("http://bank.example/hook"))


async def test_a_name_without_address_is_said() -> None:
    with pytest.raises(Unresolved, match="has no address"):
        await _guard().addresses(parsed("https://bank.example/"))
    with pytest.raises(Unresolved, match=r"nobody\.invalid has no address"):
        await Guard().addresses(parsed("https://nobody.invalid/"))


async def test_an_address_is_its_own_name() -> None:
    assert await resolve("127.0.0.1", 80) == ["127.0.0.1"]


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://bank.example/", "https://", "bank.example/hook", "https://u:p@bank.example/"),
        *("https://bank.example/#part", "javascript:alert(1)", "https://[::1", "https://a b/"),
        "https://bank.example/" + "a" * 2048,
    ],
)
def test_a_url_is_https_with_a_host(url: str) -> None:
    with pytest.raises(Refused, match="expected"):
        parsed(url)


@pytest.mark.parametrize("port", ["0", "-1", "65536", "99999"])
def test_a_port_is_one_that_there_is(port: str) -> None:
    with pytest.raises(Refused, match="expected a port from 1 to 65535"):
        parsed(f"https://bank.example:{port}/hook")


@pytest.mark.parametrize("port", ["", ":1", ":443", ":65535"])
def test_a_port_may_be_said_or_not(port: str) -> None:
    assert parsed(f"https://bank.example{port}/hook").host == "bank.example"


def test_wrong_networks_are_named() -> None:
    with pytest.raises(SettingsError, match=r"TANZHANG_WEBHOOK_ALLOW.*10\.0\.0\.1/8"):
        guard(Settings(tanzhang_webhook_allow="10.0.0.1/8"))
