"""What a ledger and a keyring hold, as a store keeps it: frozen data, in which nothing is trusted yet."""

from dataclasses import dataclass

from receiver.bulletin_assembly import Envelopes
from receiver.event_ledger import Tombstone


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """An envelope as a store keeps it: it is verified anew when it comes back."""

    envelope: bytes
    ended_ms: int | None = None
    ended_release: int = 0
    early_ms: int = 0


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record that is held, as a store keeps it: with its whole bulletin, for the signature covers all of it."""

    envelopes: Envelopes
    number: int
    ended_ms: int | None = None
    """Of planned events."""
    ended_release: int = 0
    early_ms: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that must survive a power cut. Keys of the mappings: public key; public key and type."""

    messages: tuple[StoredMessage, ...] = ()
    tombstones: tuple[Tombstone, ...] = ()
    floors: tuple[tuple[bytes, int], ...] = ()
    last_ts: tuple[tuple[bytes, int, int], ...] = ()
    records: tuple[StoredRecord, ...] = ()
    certificates: tuple[Envelopes, ...] = ()
    """Bulletins of roots."""
    clock_key: bytes = b""
    """The public key whose word the time is."""
