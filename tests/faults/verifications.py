"""Groups in, the verifications that each cost counted: real ones, of Ed25519, whoever asks for them."""

from collections import deque

import pytest

from rds.oda.signature import Domain, verify
from receiver.verification_budget import VERIFICATIONS_PER_GROUP, VERIFICATIONS_PER_S


class Meter:
    """Counts every signature that is looked at, and holds the count to the protocol's budget."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.total = 0
        """Verifications since this was made."""
        self._at_s: deque[float] = deque()
        self._before = 0
        for module in ("rds.oda.urgent_envelope", "rds.oda.bulletin"):
            monkeypatch.setattr(f"{module}.verify", self._verify)

    def _verify(self, content: bytes, signature: bytes, public_key: bytes, domain: Domain) -> bool:
        self.total += 1
        return verify(content, signature, public_key, domain)

    def restart(self) -> None:
        """Another receiver, another stream."""
        self._at_s.clear()
        self._before = self.total

    def check(self, end_s: float, *, told: str) -> None:
        """After a group: four verifications at most, and 46 in any second."""
        spent, self._before = self.total - self._before, self.total
        assert spent <= VERIFICATIONS_PER_GROUP, told
        self._at_s.extend([end_s] * spent)
        while self._at_s and end_s - self._at_s[0] >= 1:
            self._at_s.popleft()
        assert len(self._at_s) <= VERIFICATIONS_PER_S, told
