"""A configuration and an open input to a charger driven: controller and charger driver, and a record of all they do.

As fast as it goes on the input's own time, waiting for the charger at each change; or paced as the input was sent.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Final

from rds.errors import DeviceAbsentError, DeviceLostError, EvrdsError, InputError, UsageError
from rds.oda.draw import DEVICE_ID_OCTETS
from receiver.bulletin_records import verdict_record
from receiver.bulletin_verdict import BulletinVerdict
from receiver.chargers import load_driver
from receiver.chargers.driver import ChargerCommand, ChargerDriver
from receiver.clock import datetime_of, ms_of
from receiver.config import Config
from receiver.controller import Change, Controller
from receiver.key_notice import warned, warnings_of
from receiver.listening import Listening
from receiver.owner_records import standing_record
from receiver.owner_store import OwnerStore
from receiver.policy import Decision
from receiver.power import PowerReturn, power_return
from receiver.received_group import ReceivedGroup
from receiver.records import Record, StreamTime, counts_record, fault_record, limit_record, state_record
from receiver.settings import Settings
from receiver.state_recovery import open_state
from receiver.store import StateUnusableError, Store
from receiver.verify import Verdict

_LATENCY_MS: Final = 2000
"""By how much a group may come out of the chain after its last sample went in: timers wait so long in a silence."""
_OWNER_WAITS_S: Final = 1.0
"""For what he asks at the command line to be looked at."""
Emit = Callable[[Record], None]


def run_to_end(
    config: Config, listening: Listening, *, emit: Emit, start: datetime | None = None, realtime: bool = False
) -> None:
    """`run` in an event loop of its own."""
    asyncio.run(run(config, listening, emit=emit, start=start, realtime=realtime))


async def run(
    config: Config, listening: Listening, *, emit: Emit, start: datetime | None = None, realtime: bool = False
) -> None:
    """Drive the charger by an input, then on in simulated time until no timer is pending.

    Args:
        config: What, for whom, how.
        listening: The input.
        emit: Called with each record: messages, changes of the limit, faults of the charger, the counts at the end.
        start: The moment of the input's first sample, trusted; None: what the input says.
        realtime: Whether to take the input as slowly as it was sent.

    Raises:
        InputError: the input is bad, the state file is none for this receiver, or, at the end, it could not be written.
        UsageError: the charger's options are wrong.
        DeviceAbsentError: the charger's port or server cannot be opened, or no charger took the last limit.
        DeviceLostError: the charger stopped answering before it took the last limit.
        NoSyncError: the input ended and nothing in it was a group.
    """
    if len(config.chargers) > 1:
        raise UsageError(f"{len(config.chargers)} tables [[charger]]; allowed: one charger behind `run`, for now")
    start = start or listening.stream.start
    store, damage = open_state(config.state)
    with store:
        settings = _settings(config, store)
        controller = Controller(
            config.keyring,
            config.regions,
            settings=settings,
            store=store,
            start_ms=None if start is None else ms_of(start),
            power=_power_return(store),
            reading=lambda: driver.reading,
        )

        def now() -> datetime:
            """The chain's time; before it is known, the stream's since the protocol's epoch."""
            now_ms = controller.now_ms
            return datetime_of(controller.at_ms if now_ms is None else now_ms)

        def tell(record: Record) -> None:
            emit(warned(record, controller.intake, controller.at_ms))

        driver = load_driver(config.chargers[0].driver).from_options(config.chargers[0].options, now)
        await driver.start()
        try:
            if damage is not None:
                tell(state_record(damage, controller.sample_index, 0, _stream_time(controller)))
            await _drive(controller, driver, listening, settings=settings, emit=tell, realtime=realtime)
        finally:
            await driver.close()
        unkept = controller.fault or (None if store.lasts else damage)
        if unkept is not None:
            raise InputError(unkept)


def _settings(config: Config, store: Store) -> Settings:
    """The settings with their device id: the configuration's, the store's, or a new one kept for life."""
    device_id = config.settings.device_id or store.device_id()
    if device_id is None:
        device_id = secrets.token_bytes(DEVICE_ID_OCTETS)
        with suppress(StateUnusableError):  # the next save says so
            store.keep_device_id(device_id)
    return replace(config.settings, device_id=device_id)


def _power_return(store: Store) -> PowerReturn | None:
    _, known_ms = store.load()
    try:
        return power_return(OwnerStore(store), known_ms)
    except StateUnusableError:  # the next save says so
        return None


async def _drive(
    controller: Controller,
    driver: ChargerDriver,
    listening: Listening,
    *,
    settings: Settings,
    emit: Emit,
    realtime: bool,
) -> None:
    """Hear all, obey all, in order."""
    fault: EvrdsError | None = None
    refused: str | None = None
    standing: Decision | None = None

    async def obey(told: Sequence[Verdict | BulletinVerdict | Change]) -> None:
        nonlocal fault, refused, standing
        for one in told:
            if isinstance(one, Change):
                emit(limit_record(one))
                fault = await _apply(driver, one, emit)
            else:
                emit(verdict_record(one, _stream_time(controller)))
        if controller.told is not None and controller.told is not standing:
            standing = controller.told
            warnings = warnings_of(controller.intake, controller.at_ms)
            record = standing_record(standing, settings, controller.now_ms, warnings=warnings)
            controller.desk.keep_status(record, controller.now_ms)
        if refused != controller.fault:
            refused = controller.fault
            seconds = controller.at_ms / 1000
            emit(state_record(refused, controller.sample_index, seconds, _stream_time(controller)))

    await obey(controller.start())
    async for groups in _paced(listening, realtime=realtime):
        for group in groups or []:
            await obey(controller.feed(group))
        if groups is not None:
            await obey(controller.pass_time(int(1000 * listening.seconds_done) - _LATENCY_MS))
        await obey(controller.heed_owner())
    emit(counts_record(controller.intake, listening.samples_done, controller.at_ms / 1000, _stream_time(controller)))
    for change in controller.finish():
        await obey([change])
    if fault is not None:
        raise fault


async def _paced(listening: Listening, *, realtime: bool) -> AsyncIterator[list[ReceivedGroup] | None]:
    """The groups of each chunk. The chain runs in a thread, so that the charger's connection never waits for it.

    None every second in which the input gives nothing: its owner's word must count although the radio is dead.
    """
    loop = asyncio.get_running_loop()
    lists = listening.groups()
    began_s = loop.time()
    while True:
        coming = asyncio.ensure_future(asyncio.to_thread(next, lists, None))
        while not (await asyncio.wait((coming,), timeout=_OWNER_WAITS_S))[0]:
            yield None
        groups = coming.result()
        if groups is None:
            return
        while realtime and (left_s := began_s + listening.seconds_done - loop.time()) > 0:
            await asyncio.sleep(min(left_s, _OWNER_WAITS_S))
            yield None
        yield groups


async def _apply(driver: ChargerDriver, change: Change, emit: Emit) -> EvrdsError | None:
    """Tell the charger. One that does not answer is news, and the result; its driver goes on trying."""
    decision = change.decision
    command = ChargerCommand(
        limit_ma=decision.limit_ma,
        moment=datetime_of(change.at_ms if change.now_ms is None else change.now_ms),
        until=None if decision.until_ms is None else datetime_of(decision.until_ms),
        restricted=decision.restricted,
        reason=decision.reason,
    )
    try:
        await driver.apply(command)
    except (DeviceAbsentError, DeviceLostError) as error:
        emit(fault_record(error, change))
        return error
    return None


def _stream_time(controller: Controller) -> StreamTime:
    """The moment of the stream's first sample, by the time as it is known now."""
    now_ms = controller.now_ms
    return StreamTime(None if now_ms is None else datetime_of(now_ms - controller.at_ms))
