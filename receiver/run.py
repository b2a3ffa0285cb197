"""A configuration and an open input to chargers driven: controller and drivers, and a record of all they do.

As fast as it goes on the input's own time, waiting for the chargers at each change; or paced as the input was sent.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from datetime import datetime
from typing import Final

from rds.errors import InputError
from rds.oda.draw import DEVICE_ID_OCTETS
from receiver.awaited import Awaited
from receiver.bulletin_records import verdict_record
from receiver.bulletin_verdict import BulletinVerdict
from receiver.charger_control import Change, ChargerControl, ChargerSetup
from receiver.chargers_config import ChargerConfig
from receiver.clock import datetime_of, ms_of
from receiver.config import Config
from receiver.controller import Controller
from receiver.driven_chargers import DrivenChargers
from receiver.following import Hearing, StationGroup
from receiver.key_notice import warned, warnings_of
from receiver.owner_records import standing_record
from receiver.owner_store import OwnerStore
from receiver.policy import Decision
from receiver.power import PowerReturn, power_return
from receiver.records import Record, StreamTime, counts_record, limit_record, state_record
from receiver.service import Service
from receiver.settings import charger_device_id
from receiver.signal_news import SignalNews
from receiver.state_recovery import open_state
from receiver.store import StateUnusableError, Store
from receiver.verify import Verdict

_LATENCY_MS: Final = 2000
"""By how much a group may come out of the chain after its last sample went in: timers wait so long in a silence."""
_OWNER_WAITS_S: Final = 1.0
"""For what he asks at the command line to be looked at."""
Emit = Callable[[Record], None]
Hear = Callable[[Iterable[StationGroup] | None, datetime | None], None]
"""Given the groups of each piece of input (None where a second gave none) and the time, once all has obeyed them."""


def run_to_end(
    config: Config,
    listening: Hearing,
    *,
    emit: Emit,
    start: datetime | None = None,
    realtime: bool = False,
    service: Service | None = None,
) -> None:
    """`run` in an event loop of its own."""
    asyncio.run(run(config, listening, emit=emit, start=start, realtime=realtime, service=service))


async def run(
    config: Config,
    listening: Hearing,
    *,
    emit: Emit,
    start: datetime | None = None,
    realtime: bool = False,
    service: Service | None = None,
    hear: Hear | None = None,
) -> None:
    """Drive the chargers by an input, then on in simulated time until no timer is pending.

    Args:
        config: What, for whom, how.
        listening: The input.
        emit: Called with each record: messages, changes of the limit, station and signal, faults of the charger, the
            counts at the end.
        start: The moment of the input's first sample, trusted; None: what the input says.
        realtime: Whether to take the input as slowly as it was sent.
        service: Who manages this process, if anyone does.
        hear: Called with what is heard, for who looks on.

    Raises:
        InputError: the input is bad, the state file is none for this receiver, or, at the end, it could not be written.
        UsageError: a charger's options are wrong.
        DeviceAbsentError: a charger's port or server cannot be opened, or one was not there to take the last limit.
        DeviceLostError: a charger stopped answering before it took the last limit.
        TrustError: the only charger falls back to more than its limit when nobody talks to it.
        NoSyncError: the input ended and nothing in it was a group.
    """
    start = start or listening.stream.start
    service = service or Service.none()
    store, damage = open_state(config.state)
    with store:

        def now() -> datetime:
            """The chain's time; before it is known, the stream's since the protocol's epoch."""
            now_ms = controller.now_ms
            return datetime_of(controller.at_ms if now_ms is None else now_ms)

        def tell(record: Record) -> None:
            emit(warned(record, controller.intake, controller.at_ms))

        def tell_charger(fields: Record) -> None:
            """A charger's news, at the chain's moment."""
            stamp = _stream_time(controller).stamp("charger", controller.sample_index, controller.at_ms / 1000)
            tell(stamp | fields)

        chargers = DrivenChargers(config.chargers, config.site, now=now, tell=tell_charger)
        device_id = _device_id(config, store)
        controller = Controller(
            config.keyring,
            config.regions,
            chargers=[_setup(one, device_id, chargers) for one in config.chargers],
            store=store,
            start_ms=None if start is None else ms_of(start),
            power=_power_return(store),
        )
        try:
            await chargers.start()
            service.ready()
            if damage is not None:
                tell(state_record(damage, controller.sample_index, 0, _stream_time(controller)))
            await _drive(controller, chargers, listening, emit=tell, realtime=realtime, service=service, hear=hear)
        finally:
            service.stopping()
            await chargers.close()
        unkept = controller.fault or (None if store.lasts else damage)
        if unkept is not None:
            raise InputError(unkept)


def _device_id(config: Config, store: Store) -> bytes:
    """The receiver's id: the configuration's, the store's, or a new one kept for life."""
    device_id = config.settings.device_id or store.device_id()
    if device_id is None:
        device_id = secrets.token_bytes(DEVICE_ID_OCTETS)
        with suppress(StateUnusableError):  # the next save says so
            store.keep_device_id(device_id)
    return device_id


def _setup(charger: ChargerConfig, device_id: bytes, chargers: DrivenChargers) -> ChargerSetup:
    return ChargerSetup(
        replace(charger.settings, device_id=charger_device_id(device_id, charger.name)),
        charger.name,
        charger.regions,
        reading=lambda: chargers.reading(charger.name),
    )


def _power_return(store: Store) -> PowerReturn | None:
    _, known_ms = store.load()
    try:
        return power_return(OwnerStore(store), known_ms)
    except StateUnusableError:  # the next save says so
        return None


async def _drive(
    controller: Controller,
    chargers: DrivenChargers,
    listening: Hearing,
    *,
    emit: Emit,
    realtime: bool,
    service: Service,
    hear: Hear | None,
) -> None:
    """Hear all, obey all, in order."""
    refused: str | None = None
    known: dict[str, tuple[Decision | None, list[str]]] = {}
    news = SignalNews(listening)

    def status_of(control: ChargerControl) -> Record:
        name, told = control.setup.name, control.told
        assert told is not None
        warnings = [*warnings_of(controller.intake, controller.at_ms), *known[name][1]]
        return standing_record(told, control.setup.settings, controller.now_ms, warnings=warnings, charger=name)

    def keep_status(*, alarms_too: bool) -> None:
        """For the owners: what is told, and what is wrong."""
        changed = []
        for control in controller.chargers:
            name, told = control.setup.name, control.told
            before = known.get(name, (None, []))
            if told is not None and (alarms_too or told is not before[0]):
                known[name] = told, chargers.alarms(name)
                changed += [] if told is before[0] and known[name] == before else [name]
        if changed:
            controller.keep_status(status_of, changed)

    async def obey(told: Sequence[Verdict | BulletinVerdict | Change]) -> None:
        nonlocal refused
        for one in _together(told):
            if isinstance(one, list):
                for change in one:
                    if change.is_limit:
                        emit(limit_record(change))
                await chargers.obey(one)
            else:
                emit(verdict_record(one, _stream_time(controller)))
        keep_status(alarms_too=False)
        if refused != controller.fault:
            refused = controller.fault
            seconds = controller.at_ms / 1000
            emit(state_record(refused, controller.sample_index, seconds, _stream_time(controller)))

    def tell_signal() -> None:
        age_s, lost = controller.heartbeat_age_s, controller.signal_lost
        for record in news.of_signal(_stream_time(controller), heartbeat_age_s=age_s, signal_lost=lost):
            emit(record)

    await obey(controller.start())
    chargers.refuse_high_fallback()
    async with aclosing(_paced(listening, realtime=realtime)) as paced:
        async for groups in paced:
            for number, group in groups or []:
                told = controller.feed(group, station=number)
                for record in news.of_group(number, group, _stream_time(controller)):
                    emit(record)
                await obey(told)
            if groups is not None:
                await obey(controller.pass_time(int(1000 * listening.seconds_done) - _LATENCY_MS))
            if news.is_due:
                tell_signal()
            if await chargers.look(controller.at_ms):
                keep_status(alarms_too=True)
                await obey(controller.heed_owner())
            if controller.signal_lost:
                listening.look_elsewhere()
            service.look(listening.samples_heard, lambda: _standing(controller))
            if hear is not None:
                hear(groups, None if controller.now_ms is None else datetime_of(controller.now_ms))
    tell_signal()
    emit(counts_record(controller.intake, listening.samples_done, controller.at_ms / 1000, _stream_time(controller)))
    for change in controller.finish():
        await obey([change])
    keep_status(alarms_too=True)
    if chargers.fault is not None:
        raise chargers.fault


def _together(
    told: Iterable[Verdict | BulletinVerdict | Change],
) -> Iterator[Verdict | BulletinVerdict | list[Change]]:
    """The same in order, with the changes of several chargers that follow one another as one."""
    changes: dict[str, Change] = {}
    for one in told:
        if changes and (not isinstance(one, Change) or one.charger in changes):
            yield list(changes.values())
            changes = {}
        if isinstance(one, Change):
            changes[one.charger] = one
        else:
            yield one
    if changes:
        yield list(changes.values())


async def _paced(listening: Hearing, *, realtime: bool) -> AsyncGenerator[list[StationGroup] | None, None]:
    """The groups of each chunk. The chain runs in a thread, so that the charger's connection never waits for it.

    None every second in which the input gives nothing: its owner's word must count although the radio is dead.
    """
    loop = asyncio.get_running_loop()
    lists = Awaited(listening.groups_in_order())
    began_s = loop.time()
    try:
        while True:
            coming = lists.ask()
            while not (await asyncio.wait((coming,), timeout=_OWNER_WAITS_S))[0]:
                yield None
            groups = coming.result()
            if groups is None:
                return
            while realtime and (left_s := began_s + listening.seconds_done - loop.time()) > 0:
                await asyncio.sleep(min(left_s, _OWNER_WAITS_S))
                yield None
            yield groups
    finally:
        await lists.close()


def _standing(controller: Controller) -> str:
    """What the chargers are told now, in a line."""
    told = [(control.setup.name, control.told) for control in controller.chargers if control.told is not None]
    return "; ".join(f"{name and f'{name}: '}{one.limit_ma / 1000:g} A, {one.reason}" for name, one in told)


def _stream_time(controller: Controller) -> StreamTime:
    """The moment of the stream's first sample, by the time as it is known now."""
    now_ms = controller.now_ms
    return StreamTime(None if now_ms is None else datetime_of(now_ms - controller.at_ms))
