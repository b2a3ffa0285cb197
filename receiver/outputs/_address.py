"""The address of an output as a text in; host, port, path and who we are there out."""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Address:
    """What an address says.

    Attributes:
        scheme: Before "://".
        host: A name or an address.
        port: Its own, or the default.
        path: From its first "/"; empty: none.
        user: None: without.
        password: The same.
    """

    scheme: str
    host: str
    port: int
    path: str
    user: str | None
    password: str | None

    @property
    def shown(self) -> str:
        """The address for a person: a password is nobody's business, and a path may hold a secret too."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def parse_address(text: str, *, example: str, ports: dict[str, int]) -> Address:
    """An address of a form.

    Args:
        text: The address.
        example: One that is allowed, for the complaint.
        ports: The schemes that are allowed, and the port of each where the address names none.

    Raises:
        ValueError: it is of another form.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(_complaint(text, example)) from None
    plain = text.isprintable() and " " not in text
    if not plain or parts.scheme not in ports or not parts.hostname or port == 0 or parts.fragment:
        raise ValueError(_complaint(text, example))
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    user = None if parts.username is None else unquote(parts.username)
    password = None if parts.password is None else unquote(parts.password)
    return Address(parts.scheme, parts.hostname, port or ports[parts.scheme], path, user, password)


def _complaint(text: str, example: str) -> str:
    """What is allowed instead; who reads it need not see a password."""
    seen = text if "@" not in text else f"{text.partition('://')[0]}://…@{text.rpartition('@')[2]}"
    return f"output {seen!r}; allowed: {example}"
