"""An open input, a keyring and a fleet's model in, the study of what that fleet does out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

import numpy as np

from rds.errors import InputError
from rds.oda.draw import DEVICE_ID_OCTETS
from rds.oda.region import Region
from receiver.clock import datetime_of, ms_of
from receiver.fleet.daytime import DayTime
from receiver.fleet.hearing import Hearing
from receiver.fleet.population import FleetModel
from receiver.fleet.simulate import Scene
from receiver.fleet.study import Study
from receiver.keyring import Keyring
from receiver.received_group import ReceivedGroup
from receiver.settings import Profile, Settings

WAYS: Final = 8
"""Of hearing, where groups are lost: each with other groups lost."""
_NOON: Final = time(12)
_MINUTES: Final = 24 * 60
_LOSS: Final = 1
"""In the seeds: apart from the chunks'."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What befalls the fleet besides the broadcast, by the owners' clock."""

    zone: tzinfo = UTC
    day: date | None = None
    """The study's, from noon to noon; None: that of the first time heard."""
    lost: float = 0.0
    """Share of the groups."""
    power_cut: DayTime | None = None
    signal_loss: DayTime | None = None
    profile_ma: int | None = None


def make_study(
    groups: Iterable[ReceivedGroup],
    keyring: Keyring,
    model: FleetModel,
    circumstances: Circumstances,
    *,
    start_ms: int | None,
) -> Study:
    """Hears the whole broadcast, in each region and each way of hearing.

    Raises:
        InputError: nothing in it tells the time: no start is known and nothing verified.
    """
    one = circumstances
    deaf = [part for part in (one.power_cut, one.signal_loss) if part is not None]
    hearings = {
        (region, way): Hearing(
            keyring,
            [Region.parse_code(code)] if code else [],
            start_ms=start_ms,
            deaf=deaf,
            zone=one.zone,
            lost=one.lost,
            seed=np.random.SeedSequence(model.seed, spawn_key=(_LOSS << 32, region, way)),
        )
        for region, code in enumerate(model.regions)
        for way in range(model.ways)
    }
    for group in groups:
        for hearing in hearings.values():
            hearing.feed(group)
    known = [ms for ms in (start_ms, *(hearing.first_ms for hearing in hearings.values())) if ms is not None]
    if not known and one.day is None:
        raise InputError(
            "nothing in the input verifies, so its time is unknown; give --trust, or --start-time or --day"
        )
    scene = _scene(one, min(known, default=0))
    for hearing in hearings.values():
        hearing.finish(scene.end_ms)
    return Study(model, _settings(model, one), scene, {key: tuple(one.timeline) for key, one in hearings.items()})


def _scene(one: Circumstances, first_ms: int) -> Scene:
    """From noon to noon."""
    day = one.day or datetime_of(first_ms).astimezone(one.zone).date()
    midnight_ms = _moment_ms(day, time(), one.zone)
    cut = None
    if one.power_cut is not None:
        cut = _next_ms(day, one.power_cut.from_minute, one.zone), _next_ms(day, one.power_cut.to_minute, one.zone)
    return Scene(midnight_ms, _moment_ms(day, _NOON, one.zone), _MINUTES, cut)


def _next_ms(day: date, minute: int, zone: tzinfo) -> int:
    """When a minute of the day comes in the study: before noon it is the next day's."""
    when = time(*divmod(minute, 60))
    return _moment_ms(day + timedelta(days=when < _NOON), when, zone)


def _moment_ms(day: date, when: time, zone: tzinfo) -> int:
    return ms_of(datetime.combine(day, when, zone).astimezone(UTC))


def _settings(model: FleetModel, one: Circumstances) -> Settings:
    """What all chargers have in common."""
    profile = None if one.profile_ma is None else Profile(((0, one.profile_ma),), one.profile_ma)
    return Settings(
        bytes(DEVICE_ID_OCTETS),
        rating_ma=model.rating_ma,
        installer_ma=model.rating_ma,
        profile=profile,
        timezone=one.zone,
    )
