"""Received groups in, verdicts out: tracker, assembly, verifier, keyring, clock and ledger, for `decode` and `run`."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import count
from typing import Final

from rds.oda.bulletin import claimed_bulletin, is_bulletin_envelope
from rds.oda.certificate import Certificate
from rds.oda.messages import UrgentMessage, unpack_message
from rds.oda.messages.heartbeat import Heartbeat
from rds.oda.records import unpack_record
from rds.oda.region import Region
from rds.oda.urgent_envelope import urgent_head
from receiver.bulletin_assembly import BulletinAssembly
from receiver.bulletin_verdict import BulletinVerdict, HeardBulletin, RecordVerdict
from receiver.clock import Clock
from receiver.keyring import Keyring, Taken
from receiver.ledger import Ledger
from receiver.oda_tracker import Candidate, OdaTracker
from receiver.received_group import ReceivedGroup
from receiver.settings import Settings
from receiver.snapshot import Snapshot
from receiver.verification_budget import VerificationBudget
from receiver.verify import Rejection, RootBulletin, Trusted, TrustedBulletin, Verdict, Verifier

WAITING_KEPT: Final = 16
STATIONS_KEPT: Final = 32
"""More than a stick's stream has places for."""
_TAKEN: Final = {
    Taken.NEW: None,
    Taken.HELD: Rejection.REPEAT,
    Taken.OLDER: Rejection.REPLAY,
    Taken.OLD_EPOCH: Rejection.OLD_EPOCH,
    Taken.SECOND: Rejection.KEY_ALARM,
    Taken.TOO_MANY: Rejection.FULL,
}


class Intake:
    """Hears the messages of one station, or of several as one, and keeps what counts.

    Args:
        keyring: Whom to believe.
        regions: The receiver's own codes; empty: any region counts, for a person who looks on.
        settings: The charger's.
        others: Those of the other chargers behind this receiver.
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
        others: Iterable[Settings] = (),
        start_ms: int | None = None,
        saved: Snapshot | None = None,
        bound_ms: int | None = None,
    ) -> None:
        saved = saved or Snapshot()
        self.keyring = keyring.copy()
        """What was configured, and what was heard since."""
        self.keyring.restore(saved.certificates)
        self._verifier = Verifier(self.keyring, regions)
        self._budgets: dict[int, VerificationBudget] = {}
        self._trackers: dict[int, OdaTracker] = {}
        self._arrivals = count()
        self._counted: Counter[str] = Counter()
        """Of stations that are followed no more."""
        self._assembly = BulletinAssembly()
        self._waiting: deque[Candidate | HeardBulletin] = deque(maxlen=WAITING_KEPT)
        self.ledger = Ledger(settings, others=others)
        self.clock = Clock(start_ms=start_ms, bound_ms=bound_ms, bound_key=saved.clock_key)
        self.counts: Counter[Rejection | None] = Counter()
        """Verdicts by reason, of messages and of records; None: accepted."""
        self._restore(saved)

    @property
    def tracker_counts(self) -> Counter[str]:
        """What the tracker counted; verifications are those of bulletins too."""
        return sum(map(self._counts, self._trackers), self._counted) + Counter()

    def _counts(self, station: int) -> Counter[str]:
        return self._trackers[station].counts + Counter({"verifications": self._budgets[station].spent})

    def feed(self, group: ReceivedGroup, *, station: int = 0) -> list[Verdict | BulletinVerdict]:
        """The verdicts on what a group completed, in order. `station` says whose it is, by any number.

        What is no message at all is counted and not told: twenty symbols of any origin make an envelope of some sort.
        A bulletin is told when its envelopes prove true together; one that is put together wrongly is no news.
        """
        at_ms = int(group.end_s * 1000)
        self._lapse(at_ms)
        verdicts: list[Verdict | BulletinVerdict] = []
        budget, tracker, others = self._follow(station)
        for candidate in tracker.feed(group, self._verifier, others):
            if is_bulletin_envelope(candidate.envelope):
                self._assembly.hold(candidate.envelope)
            else:
                verdicts += self._judge(candidate, at_ms)
        for envelopes in self._assembly.prove(self._verifier, budget):
            verdicts += self._judge(HeardBulletin(envelopes, group.sample_index, group.end_s), at_ms)
        return [one for one in verdicts if one.rejection is not Rejection.UNKNOWN_TYPE]

    def _follow(self, station: int) -> tuple[VerificationBudget, OdaTracker, list[OdaTracker]]:
        """What a station has to itself, so that none spends another's budget; and the other stations' trackers."""
        if station not in self._trackers:
            if len(self._trackers) == STATIONS_KEPT:
                first = next(iter(self._trackers))
                self._counted += self._counts(first)
                del self._trackers[first], self._budgets[first]
            budget = self._budgets[station] = VerificationBudget()
            self._trackers[station] = OdaTracker(self.keyring.domain.aid, budget, self._arrivals)
        others = [tracker for number, tracker in self._trackers.items() if number != station]
        return self._budgets[station], self._trackers[station], others

    def expire(self, at_ms: int) -> bool:
        """Drop what is over at a moment of the stream, but nothing by a provisional time: True if anything went."""
        lapsed = self._lapse(at_ms)
        now_ms = self.clock.now_ms(at_ms)
        return (now_ms is not None and not self.clock.provisional and self.ledger.expire(now_ms)) or lapsed

    def snapshot(self) -> Snapshot:
        """What a store must keep."""
        return replace(self.ledger.snapshot(), certificates=self.keyring.snapshot(), clock_key=self.clock.firm_key)

    def _restore(self, saved: Snapshot) -> None:
        """Take what an earlier run had held, as far as it verifies now."""
        verifier = self._verifier
        messages = ((one, verifier.examine_envelope(one.envelope, restoring=True)) for one in saved.messages)
        whole = {one.envelopes: verifier.examine_bulletin(one.envelopes, restoring=True) for one in saved.records}
        records = [
            (one, bulletin.records[one.number])
            for one in saved.records
            if isinstance(bulletin := whole[one.envelopes], TrustedBulletin) and one.number < len(bulletin.records)
        ]
        self.ledger.restore(saved, [(one, found) for one, found in messages if isinstance(found, Trusted)], records)

    def _lapse(self, at_ms: int) -> bool:
        """Forget what public keys said that have been without a certificate for too long. True if there were any."""
        lapsed = self.keyring.lapse(at_ms)
        for public_key in lapsed:
            self.clock.forget(public_key)
        for public_key in lapsed:
            self.ledger.forget(public_key, self.clock.now_ms(at_ms))
        return bool(lapsed)

    def _judge(self, heard: Candidate | HeardBulletin, at_ms: int) -> Iterator[Verdict | BulletinVerdict]:
        """The verdict, and those on what had waited for it."""
        verdict = self._judge_bulletin(heard, at_ms) if isinstance(heard, HeardBulletin) else self._urgent(heard, at_ms)
        if verdict.rejection is Rejection.WAITING and all(_octets(heard) != _octets(one) for one in self._waiting):
            self._waiting.append(heard)
        yield verdict
        while self._waiting and not self.clock.cold:
            yield from self._judge(self._waiting.popleft(), at_ms)

    def _urgent(self, candidate: Candidate, at_ms: int) -> Verdict:
        trusted = self._verifier.examine(candidate)
        if isinstance(trusted, Rejection):
            reason: Rejection | None = trusted
        else:
            reason = self.clock.refusal(trusted.message, at_ms) or self._take(trusted, at_ms)
        self.counts[reason] += 1
        return Verdict(candidate, unpack_message(urgent_head(candidate.envelope)), reason)

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

    def _judge_bulletin(self, heard: HeardBulletin, at_ms: int) -> BulletinVerdict:
        examined = self._verifier.examine_bulletin(heard.envelopes)
        match examined:
            case TrustedBulletin():
                verdict = self._operators(heard, examined, at_ms)
            case RootBulletin():
                verdict = self._roots(heard, examined, at_ms)
            case _:
                claimed = claimed_bulletin(heard.envelopes)
                assert claimed is not None, "it has proven true"
                verdict = BulletinVerdict(heard, claimed, examined, ())
        self.counts.update([verdict.rejection] if verdict.rejection else [one.rejection for one in verdict.records])
        return verdict

    def _operators(self, heard: HeardBulletin, examined: TrustedBulletin, at_ms: int) -> BulletinVerdict:
        """Let clock and ledger learn from an operator's bulletin, if any of it is for this receiver."""
        found: list[Rejection | None] | Rejection = [one.rejection for one in examined.records]
        if any(one.trusted for one in examined.records):
            found = self.clock.refusal(examined.bulletin, at_ms) or self._take_bulletin(examined, at_ms)
        if isinstance(found, Rejection):
            return BulletinVerdict(heard, examined.bulletin, found, ())
        records = zip(examined.records, found, strict=True)
        verdicts = tuple(RecordVerdict(one.record, reason) for one, reason in records)
        return BulletinVerdict(heard, examined.bulletin, None, verdicts)

    def _take_bulletin(self, examined: TrustedBulletin, at_ms: int) -> list[Rejection | None] | Rejection:
        sure = self.clock.hear(examined, at_ms) and not self.clock.provisional
        now_ms = self.clock.now_ms(at_ms)
        assert now_ms is not None, "a time stamp was heard"
        self.expire(at_ms)
        return self.ledger.apply_bulletin(examined, now_ms, sure=sure)

    def _roots(self, heard: HeardBulletin, examined: RootBulletin, at_ms: int) -> BulletinVerdict:
        """Let the keyring learn from a root's bulletin. It needs no time: a new epoch is signed long before."""
        taken = iter(self.keyring.take(examined.vouched, examined.envelopes, at_ms=at_ms))
        unpacked = [unpack_record(record) for record in examined.bulletin.records]
        records = tuple(
            RecordVerdict(record, _TAKEN[next(taken)] if isinstance(record, Certificate) else Rejection.ROLE_MISSING)
            for record in unpacked
        )
        return BulletinVerdict(heard, examined.bulletin, None, records)


def _octets(heard: Candidate | HeardBulletin) -> tuple[bytes, ...]:
    """The envelopes."""
    return heard.envelopes if isinstance(heard, HeardBulletin) else (heard.envelope,)
