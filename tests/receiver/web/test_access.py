"""Who may see and change the page: addresses, names of the machine, the token and its file."""

import stat
from pathlib import Path

import pytest

from rds.errors import InputError, UsageError
from receiver.web.access import Token, is_own_name, keep_token, parse_address


@pytest.mark.parametrize(
    ("text", "shown", "loopback"),
    [
        ("127.0.0.1:8080", "127.0.0.1:8080", True),
        ("localhost:0", "localhost:0", True),
        ("[::1]:80", "[::1]:80", True),
        ("0.0.0.0:8080", "0.0.0.0:8080", False),
        ("192.168.1.4:65535", "192.168.1.4:65535", False),
        ("[::]:8080", "[::]:8080", False),
    ],
)
def test_addresses(text: str, shown: str, loopback: bool) -> None:
    address = parse_address(text)
    assert (str(address), address.is_loopback) == (shown, loopback)


@pytest.mark.parametrize("text", ["", "8080", ":8080", "here:80", "127.0.0.1", "127.0.0.1:65536", "1.2.3:80", "::1:x"])
def test_what_is_no_address_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match=r"allowed: HOST:PORT, such as 127\.0\.0\.1:8080"):
        parse_address(text)


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1:8080", True),
        ("192.168.1.4", True),
        ("[::1]:8080", True),
        ("localhost:8080", True),
        ("LOCALHOST.", True),
        ("garage:8080", True),
        ("garage.local:8080", True),
        ("garage.example.net", True),
        ("evil.example:8080", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example", False),
        ("garage.evil.example", False),
        ("", False),
        ("[::1", False),
    ],
)
def test_only_names_that_nobody_else_can_point_here_are_answered(host: str, own: bool) -> None:
    assert is_own_name(host, machine="garage.example.net") is own


def test_the_token_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    state = tmp_path / "state.sqlite3"
    first = keep_token(state)
    assert first.path == tmp_path / "state.sqlite3.web-token"
    assert stat.S_IMODE(first.path.stat().st_mode) == 0o600
    again = keep_token(state)
    assert (first.is_new, again.is_new, again.text) == (True, False, first.text)
    assert [one.name for one in tmp_path.iterdir()] == ["state.sqlite3.web-token"]


def test_without_a_state_file_a_token_holds_for_the_run() -> None:
    one, other = keep_token(None), keep_token(None)
    assert one.path is None
    assert one.text != other.text


def test_how_the_token_is_written_does_not_count() -> None:
    token = Token("abcd-efgh-ijkl-mnop", None, is_new=False)
    assert token.is_in("Bearer abcd-efgh-ijkl-mnop")
    assert token.is_in("Bearer ABCDEFGHIJKLMNOP")
    for wrong in (
        "",
        "Bearer ",
        "Bearer abcd-efgh-ijkl-mno",
        "Basic abcd-efgh-ijkl-mnop",
        "abcd-efgh-ijkl-mnop",
        "Bearer ä",
    ):
        assert not token.is_in(wrong)


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff\xfe"])
def test_a_file_that_holds_no_token_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "s.web-token").write_bytes(content)
    with pytest.raises(UsageError, match="holds no token; remove it, and the next start makes one"):
        keep_token(tmp_path / "s")


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"No such file.*; make it readable and its folder writable"):
        keep_token(tmp_path / "none" / "s")
