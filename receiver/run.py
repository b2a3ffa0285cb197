"""A configuration and an open input to a charger driven: controller and charger driver, and a record of all they do.

As fast as it goes on the input's own time, waiting for the charger at each change; or paced as the input was sent.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from rds.errors import DeviceAbsentError, DeviceLostError, EvrdsError
from rds.oda.draw import DEVICE_ID_OCTETS
from receiver.bulletin_records import verdict_record
from receiver.bulletin_verdict import BulletinVerdict
from receiver.chargers import load_driver
from receiver.chargers.driver import ChargerCommand, ChargerDriver
from receiver.clock import datetime_of, ms_of
from receiver.config import Config
from receiver.controller import Change, Controller
from receiver.key_notice import warned
from receiver.listening import Listening
from receiver.received_group import ReceivedGroup
from receiver.records import Record, StreamTime, counts_record, fault_record, limit_record
from receiver.settings import Settings
from receiver.store import Store
from receiver.verify import Verdict

_LATENCY_MS: Final = 2000
"""By how much a group may come out of the chain after its last sample went in: timers wait so long in a silence."""
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
        InputError: the state file cannot be used, or the input is bad.
        UsageError: the charger's options are wrong.
        DeviceAbsentError: the charger's port or server cannot be opened, or no charger took the last limit.
        DeviceLostError: the charger stopped answering before it took the last limit.
        NoSyncError: the input ended and nothing in it was a group.
    """
    start = start or listening.stream.start
    with Store(config.state) as store:
        controller = Controller(
            config.keyring,
            config.regions,
            settings=_settings(config, store),
            store=store,
            start_ms=None if start is None else ms_of(start),
        )

        def now() -> datetime:
            """The chain's time; before it is known, the stream's since the protocol's epoch."""
            now_ms = controller.now_ms
            return datetime_of(controller.at_ms if now_ms is None else now_ms)

        def tell(record: Record) -> None:
            emit(warned(record, controller.intake, controller.at_ms))

        driver = load_driver(config.charger.driver).from_options(config.charger.options, now)
        await driver.start()
        try:
            await _drive(controller, driver, listening, emit=tell, realtime=realtime)
        finally:
            await driver.close()


def _settings(config: Config, store: Store) -> Settings:
    """The settings with their device id: the configuration's, the store's, or a new one kept for life."""
    device_id = config.settings.device_id or store.device_id()
    if device_id is None:
        device_id = secrets.token_bytes(DEVICE_ID_OCTETS)
        store.keep_device_id(device_id)
    return replace(config.settings, device_id=device_id)


async def _drive(
    controller: Controller, driver: ChargerDriver, listening: Listening, *, emit: Emit, realtime: bool
) -> None:
    """Hear all, obey all, in order."""
    fault: EvrdsError | None = None

    async def obey(told: Sequence[Verdict | BulletinVerdict | Change]) -> None:
        nonlocal fault
        for one in told:
            if isinstance(one, Change):
                emit(limit_record(one))
                fault = await _apply(driver, one, emit)
            else:
                emit(verdict_record(one, _stream_time(controller)))

    await obey(controller.start())
    async for groups in _paced(listening, realtime=realtime):
        for group in groups:
            await obey(controller.feed(group))
        await obey(controller.pass_time(int(1000 * listening.seconds_done) - _LATENCY_MS))
    emit(counts_record(controller.intake, listening.samples_done, controller.at_ms / 1000, _stream_time(controller)))
    for change in controller.finish():
        await obey([change])
    if fault is not None:
        raise fault


async def _paced(listening: Listening, *, realtime: bool) -> AsyncIterator[list[ReceivedGroup]]:
    """The groups of each chunk. The chain runs in a thread, so that the charger's connection never waits for it."""
    loop = asyncio.get_running_loop()
    lists = listening.groups()
    began_s = loop.time()
    while (groups := await asyncio.to_thread(next, lists, None)) is not None:
        if realtime:
            await asyncio.sleep(began_s + listening.seconds_done - loop.time())
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
