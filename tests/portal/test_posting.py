"""The letterbox for webhooks out: where it never goes, and that it goes where it has looked."""

import socket

import pytest

from portal.webhooks import posting


def test_webhooks_never_go_into_a_private_network(
    monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    for url in (
        "http://example.com/", "ftp://example.com/", "https://", "https://a:b@example.com/", "https://exa mple.com/",
        "http://192.168.1.5/", "javascript:alert(1)", "https://example.com/#x", "https://example.com:99999/",
    ):  # fmt: skip
        with subtests.test(url), pytest.raises(posting.BadAddress):
            posting.check(url, loopback=True)
    for address in (
        "10.0.0.8", "192.168.1.5", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "fd00::1", "fe80::1%eth0", "::", "::ffff:10.0.0.8", "64:ff9b::a00:8", "2002:a00:8::",
    ):  # fmt: skip
        _names(monkeypatch, "93.184.215.14", address)
        with subtests.test(address), pytest.raises(posting.BadAddress, match="private"):
            posting.post("https://example.com/", b"{}", {}, loopback=True)
    _names(monkeypatch, "127.0.0.1")
    with pytest.raises(posting.BadAddress):
        posting.post("https://example.com/", b"{}", {}, loopback=False)
    with pytest.raises(posting.BadAddress):
        posting.check("http://localhost:8000/", loopback=False)


def test_the_address_that_was_looked_at_is_the_one_that_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[tuple[str, int]] = []
    _names(monkeypatch, "93.184.215.14")

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        called.append(address)
        _names(monkeypatch, "127.0.0.1")
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(posting.NotDelivered, match="No answer within 10 seconds"):
        posting.post("https://example.com/hook", b"{}", {}, loopback=False)
    assert called == [("93.184.215.14", 443)]


def _names(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    found = [
        (socket.AF_INET6 if ":" in each else socket.AF_INET, 1, 6, "", (each, 443)) for each in addresses
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
