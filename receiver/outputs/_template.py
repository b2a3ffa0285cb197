"""Copy me: records in, sent to a server of kind X. Say here what it is told, and what of it stays there without us.

To add an output:

1. Copy this file to `receiver/outputs/SCHEME.py`: `SCHEME://…` is its address, and `SCHEMEs://…` if it takes TLS.
2. Give `tests/conformance/test_outputs.py` an address of it, and write its own tests against a real server of the kind.
3. Say in docs/outputs.md what it does.

Rules that the conformance cases hold:

- Nothing is opened before `serve`: a server that is away must not keep a receiver from starting.
- A bad address is a ValueError that says what is allowed, and a password in it is shown to nobody.
- Records are as in docs/records.md; one of an unknown type is passed over.
- After the inbox is closed, what is left is delivered and `serve` returns.
"""

from typing import Self

from receiver.outputs import _output
from receiver.outputs._address import Address, parse_address
from receiver.outputs._output import Inbox, Record


class Output(_output.Output):
    """A server of kind X. The class is called Output in every file."""

    def __init__(self, address: Address) -> None:
        self._address = address

    @property
    def name(self) -> str:
        """See `_output.Output`."""
        return self._address.shown

    @classmethod
    def from_address(cls, address: str) -> Self:
        """See `_output.Output`."""
        return cls(parse_address(address, example="template://host[:port]", ports={"template": 1}))

    async def serve(self, inbox: Inbox) -> None:
        """See `_output.Output`."""
        while records := await inbox.take():
            for record in records:
                await self._send(record)
                inbox.delivered()

    async def _send(self, record: Record) -> None:
        """Bring a record there, or raise."""
