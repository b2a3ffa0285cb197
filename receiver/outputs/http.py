"""Records in; messages, bulletins and limits out as JSON, each in a POST to a server: a webhook.

`http://[user:password@]host[:port]/path`, or https. An answer 2xx ends it; a server that is away or in trouble (5xx,
408, 429) is asked again a few times, then the record is dropped and counted; any other answer will not change, so it is
not asked again.
"""

import base64
import http.client
import json
from typing import Final, Self

from receiver.outputs import _output
from receiver.outputs._address import Address, parse_address
from receiver.outputs._output import Inbox, Record

KINDS: Final = ("message", "bulletin", "limit")
ATTEMPTS: Final = 5
ANSWER_S: Final = 5.0
FOR_NOW: Final = (408, 429)
"""Refusals that may end by themselves, beside the server's own faults."""
FAULTS_FROM: Final = 500


class Output(_output.Output):
    """One address that is told."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._headers = {"Content-Type": "application/json", "User-Agent": "evrds", "Connection": "close"}
        if address.user is not None:
            token = base64.b64encode(f"{address.user}:{address.password or ''}".encode()).decode("ascii")
            self._headers["Authorization"] = f"Basic {token}"

    @property
    def name(self) -> str:
        """See `_output.Output`."""
        return self._address.shown

    @classmethod
    def from_address(cls, address: str) -> Self:
        """See `_output.Output`."""
        return cls(
            parse_address(address, example="http://host[:port]/path or https://…", ports={"http": 80, "https": 443})
        )

    async def serve(self, inbox: Inbox) -> None:
        """See `_output.Output`."""
        while records := await inbox.take():
            for record in records:
                if record["type"] in KINDS:
                    await self._deliver(record, inbox)

    async def _deliver(self, record: Record, inbox: Inbox) -> None:
        for attempt in range(ATTEMPTS):
            if attempt:
                await inbox.rest()
            fault, lasting = self._post(record)
            if fault is None:
                inbox.delivered()
                return
            inbox.complain(fault)
            if lasting:
                break
        inbox.dropped += 1

    def _post(self, record: Record) -> tuple[str | None, bool]:
        """What went wrong, and whether it will again. It may take as long as it does: the thread is our own."""
        address = self._address
        kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        connection = kind(address.host, address.port, timeout=ANSWER_S)
        try:
            body = json.dumps(record, ensure_ascii=False, allow_nan=False).encode()
            connection.request("POST", address.path or "/", body, self._headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as fault:
            return f"{type(fault).__name__} {fault}".strip(), False
        finally:
            connection.close()
        if 200 <= status < 300:
            return None, False
        return f"the server answered {status}", status < FAULTS_FROM and status not in FOR_NOW
