"""An address in, its output out: every file in this folder is an output, found by its address's scheme.

`mqtt://…` is for `mqtt.py`, and so is `mqtts://…`, the same by TLS; `table` alone for `table.py`. A new output is one
new file copied from `_template.py`. Files that begin with `_` belong to all of them.
"""

import importlib
import pkgutil
from typing import TYPE_CHECKING

from rds.errors import UsageError
from receiver.extras import missing_package

if TYPE_CHECKING:  # it brings asyncio, for which `decode` does not wait
    from receiver.outputs._output import Output


def output_names() -> list[str]:
    """The schemes that `open_output` takes, without those by TLS. Nothing is imported for it."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def open_output(address: str) -> "Output":
    """The output with an address, such as `mqtt://broker/evrds`; its packages are imported now and not before.

    Raises:
        ValueError: there is no such output, or the address is not one of it.
        UsageError: a package that it needs is not installed.
    """
    scheme = address.partition("://")[0]
    names = output_names()
    name = scheme if scheme in names else scheme.removesuffix("s")
    if name not in names:
        raise ValueError(f"output {scheme!r}; allowed: json, kv, {', '.join(names)} (see docs/outputs.md)")
    try:
        module = importlib.import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as missing:
        raise UsageError(f"output {name} {missing_package(missing)}") from missing
    output: Output = module.Output.from_address(address)
    return output
