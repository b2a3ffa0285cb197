"""HOST:PORT and a request's headers in; where to listen, and whether a request is from whom it should be, out.

On loopback whoever is on this machine may look; elsewhere looking needs the token too. Changing needs it everywhere. It
is sent in a header of its own, never in a cookie, so no other page in the same browser can send it unasked. A name
that another page's owner lets point at this machine (DNS rebinding) is not among the names that are answered.
"""

import hmac
import ipaddress
import os
import secrets
from base64 import b32encode
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from rds.errors import InputError, UsageError

DEFAULT_ADDRESS: Final = "127.0.0.1:8080"
LOCALHOST: Final = "localhost"
_TOKEN_OCTETS: Final = 10
"""80 random bits; 16 letters and digits to type."""
_LETTERS: Final = 16
_LAST_PORT: Final = 65_535
_BEARER: Final = "Bearer "


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether this machine alone can reach it."""
        return self.host == LOCALHOST or ipaddress.ip_address(self.host).is_loopback

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """HOST:PORT, the host an address of this machine or `localhost`.

    Raises:
        ValueError: it is none.
    """
    complaint = f"address {text!r}; allowed: HOST:PORT, such as {DEFAULT_ADDRESS}, 0.0.0.0:8080 or [::1]:8080"
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not port.isascii() or not port.isdecimal() or not 0 <= int(port) <= _LAST_PORT:
        raise ValueError(complaint)
    if host != LOCALHOST:
        try:
            ipaddress.ip_address(host)
        except ValueError:
            raise ValueError(complaint) from None
    return Address(host, int(port))


def is_own_name(host_header: str, *, machine: str) -> bool:
    """Whether a `Host` header names this machine: by a number, as localhost, or by its own name.

    A number cannot be made to point elsewhere, so it needs no list.

    Args:
        host_header: As the browser sent it, with or without a port.
        machine: The machine's own name, with or without its domain.
    """
    try:
        host = (urlsplit(f"//{host_header}").hostname or "").rstrip(".")
    except ValueError:
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        short = machine.lower().partition(".")[0]
        return host in {LOCALHOST, machine.lower(), short, f"{short}.local"} - {""}
    return True


@dataclass(frozen=True, slots=True)
class Token:
    """What a change must bring."""

    text: str
    path: Path | None
    """Where it is kept; None: for this run alone."""
    is_new: bool
    """Whether it was made just now, and must be shown once."""

    def is_in(self, authorization: str) -> bool:
        """Whether an `Authorization` header holds it; how it is written does not count."""
        given = _plain(authorization.removeprefix(_BEARER)) if authorization.startswith(_BEARER) else ""
        return hmac.compare_digest(given.encode(), _plain(self.text).encode())


def keep_token(state: Path | None) -> Token:
    """The token beside a state file, made if there is none; without a state file, one for this run.

    Raises:
        InputError: it cannot be read or written.
        UsageError: what lies there is none.
    """
    if state is None:
        return Token(_make(), None, is_new=True)
    path = state.with_name(state.name + ".web-token")
    try:
        if path.exists():
            text = path.read_text(encoding="ascii").strip()
            if len(_plain(text)) != _LETTERS:
                raise UsageError(f"{path} holds no token; remove it, and the next start makes one")
            return Token(text, path, is_new=False)
        text = _make()
        _write_for_owner(path, text + "\n")
    except UnicodeDecodeError:
        raise UsageError(f"{path} holds no token; remove it, and the next start makes one") from None
    except OSError as error:
        raise InputError(f"token {path}: {error.strerror}; make it readable and its folder writable") from None
    return Token(text, path, is_new=True)


def _write_for_owner(path: Path, text: str) -> None:
    """A file that nobody else can read at any moment, whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _make() -> str:
    letters = b32encode(secrets.token_bytes(_TOKEN_OCTETS)).decode().lower()
    return "-".join(letters[at : at + 4] for at in range(0, len(letters), 4))


def _plain(token: str) -> str:
    return "".join(token.split()).replace("-", "").lower()
