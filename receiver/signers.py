"""Envelopes in, the public key that signed them out: by the keyring, each signature that holds verified once.

What the signer may say is `verify`'s to judge.
"""

from collections import OrderedDict
from typing import Final

from rds.oda.bulletin import Bulletin, claimed_bulletin, open_bulletin
from rds.oda.certificate import ROOT_KEYS, Certificate
from rds.oda.messages import unpack_message
from rds.oda.urgent_envelope import urgent_head, verify_urgent
from receiver.bulletin_assembly import Envelopes
from receiver.keyring import Keyring

PROVEN_REMEMBERED: Final = 16
"""Of urgent envelopes, and of bulletins: their repeats cost nothing."""


class Signers:
    """Who signed what.

    Everywhere `restoring` says whether the envelopes come from the store: then a key counts as well that lost its
    certificate just now.

    Args:
        keyring: Whose signatures count.
    """

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._proven: OrderedDict[bytes, bytes] = OrderedDict()
        self._bulletins: OrderedDict[Envelopes, tuple[bytes, Bulletin]] = OrderedDict()

    def is_proven(self, envelope: bytes) -> bool:
        """Whether the signature of an urgent envelope is known to hold."""
        return envelope in self._proven

    def is_proven_bulletin(self, envelopes: Envelopes) -> bool:
        """Whether the signature of a bulletin is known to hold."""
        return envelopes in self._bulletins

    def public_keys(self, key: int, *, restoring: bool = False) -> list[bytes]:
        """The public keys that may sign under a key id."""
        if key in ROOT_KEYS:
            return list(self._keyring.roots)
        retired = (one.public_key for one in self._keyring.retired(key)) if restoring else ()
        return list(dict.fromkeys((*self._keyring.public_keys(key), *retired)))

    def certificates(self, key: int, public_key: bytes, *, restoring: bool = False) -> list[Certificate]:
        """What the roots say of a public key under a key id."""
        held = [*self._keyring.certificates(key), *(self._keyring.retired(key) if restoring else ())]
        return [one for one in held if one.public_key == public_key]

    def signer(self, envelope: bytes, *, restoring: bool = False) -> bytes | None:
        """The public key that signed an urgent envelope, as far as it ever counted; None if none did."""
        if envelope in self._proven:
            return self._proven[envelope]
        message = unpack_message(urgent_head(envelope))
        if message is None:
            return None
        for public_key in self.public_keys(message.key, restoring=restoring):
            if verify_urgent(envelope, public_key, self._keyring.domain):
                self._proven[envelope] = public_key
                if len(self._proven) > PROVEN_REMEMBERED:
                    self._proven.popitem(last=False)
                return public_key
        return None

    def open(self, envelopes: Envelopes, *, restoring: bool = False) -> tuple[bytes, Bulletin] | None:
        """The public key that signed a bulletin, as far as it ever counted, and what it says; None if none did."""
        if envelopes in self._bulletins:
            return self._bulletins[envelopes]
        claimed = claimed_bulletin(envelopes)
        for public_key in () if claimed is None else self.public_keys(claimed.key, restoring=restoring):
            bulletin = open_bulletin(envelopes, public_key, self._keyring.domain)
            if bulletin is not None:
                self._bulletins[envelopes] = (public_key, bulletin)
                if len(self._bulletins) > PROVEN_REMEMBERED:
                    self._bulletins.popitem(last=False)
                return public_key, bulletin
        return None
