"""Received groups in, verdicts out: tracker, verifier, clock and ledger in a row, for `decode` and `run` alike."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from typing import Final

from rds.oda.messages import UrgentMessage, unpack_message
from rds.oda.messages.heartbeat import Heartbeat
from rds.oda.region import Region
from rds.oda.urgent_envelope import urgent_head
from receiver.clock import Clock
from receiver.keyring import Keyring
from receiver.ledger import Ledger, Snapshot
from receiver.oda_tracker import Candidate, OdaTracker
from receiver.received_group import ReceivedGroup
from receiver.settings import Settings
from receiver.verify import Rejection, Trusted, Verdict, Verifier

WAITING_KEPT: Final = 16


class Intake:
    """Hears one station's messages and keeps what counts.

    Args:
        keyring: Whom to believe.
        regions: The receiver's own codes; empty: any region counts, for a person who looks on.
        settings: The charger's.
        start_ms: The time at the stream's first sample, if something trusted says so.
        saved: What an earlier run had held; its envelopes are verified anew.
        bound_ms: The latest time that the earlier run had known.
    """

    def __init__(
        self,
        keyring: Keyring,
        regions: Iterable[Region],
        *,
        settings: Settings,
        start_ms: int | None = None,
        saved: Snapshot | None = None,
        bound_ms: int | None = None,
    ) -> None:
        self._verifier = Verifier(keyring, regions)
        self._tracker = OdaTracker(keyring.domain.aid)
        self._waiting: deque[tuple[Candidate, Trusted[UrgentMessage]]] = deque(maxlen=WAITING_KEPT)
        self.ledger = Ledger(settings)
        self.clock = Clock(start_ms=start_ms, bound_ms=bound_ms)
        self.counts: Counter[Rejection | None] = Counter()
        """Verdicts by reason; None: accepted."""
        saved = saved or Snapshot()
        examined = ((stored, self._verifier.examine_envelope(stored.envelope)) for stored in saved.messages)
        self.ledger.restore(saved, [(stored, one) for stored, one in examined if isinstance(one, Trusted)])

    @property
    def tracker_counts(self) -> Counter[str]:
        """What the tracker counted."""
        return self._tracker.counts

    def feed(self, group: ReceivedGroup) -> list[Verdict]:
        """The verdicts on what a group completed, in order.

        What is no message at all is counted and not told: twenty symbols of any origin make an envelope of some sort.
        """
        candidates = self._tracker.feed(group, self._verifier)
        verdicts = [verdict for candidate in candidates for verdict in self._judge(candidate, int(group.end_s * 1000))]
        return [verdict for verdict in verdicts if verdict.rejection is not Rejection.UNKNOWN_TYPE]

    def _judge(self, candidate: Candidate, at_ms: int) -> Iterator[Verdict]:
        trusted = self._verifier.examine(candidate)
        if isinstance(trusted, Rejection):
            yield self._verdict(candidate, trusted)
            return
        reason = self.clock.refusal(trusted.message, at_ms)
        if reason is Rejection.WAITING and all(trusted.envelope != waiting.envelope for _, waiting in self._waiting):
            self._waiting.append((candidate, trusted))
        yield self._verdict(candidate, reason or self._take(trusted, at_ms))
        while self._waiting and not self.clock.cold:
            waiting, waited = self._waiting.popleft()
            yield self._verdict(waiting, self.clock.refusal(waited.message, at_ms) or self._take(waited, at_ms))

    def expire(self, at_ms: int) -> bool:
        """Drop what is over at a moment of the stream, but nothing by a provisional time: True if anything went."""
        now_ms = self.clock.now_ms(at_ms)
        return now_ms is not None and not self.clock.provisional and self.ledger.expire(now_ms)

    def _take(self, trusted: Trusted[UrgentMessage], at_ms: int) -> Rejection | None:
        """Let clock and ledger learn from a trusted message."""
        firm = self.clock.hear(trusted, at_ms)
        now_ms = self.clock.now_ms(at_ms)
        assert now_ms is not None, "a time stamp was heard"
        self.expire(at_ms)
        reason = self.ledger.apply(trusted, now_ms, firm=firm)
        if reason is None and isinstance(trusted.message, Heartbeat):
            self.clock.warm()
        return reason

    def _verdict(self, candidate: Candidate, reason: Rejection | None) -> Verdict:
        self.counts[reason] += 1
        return Verdict(candidate, unpack_message(urgent_head(candidate.envelope)), reason)
