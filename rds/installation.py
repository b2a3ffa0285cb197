"""Where the three packages were found, to what is wrong with that: another project may own an `rds` too."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Final

PACKAGES: Final = ("rds", "encoder", "receiver")


def installation_fault(origins: Mapping[str, str | None]) -> str | None:
    """One line about packages that do not lie in one folder, or None.

    Args:
        origins: for each of `PACKAGES` its `__init__.py`, None where it was not found.
    """
    folders = {name: str(PurePath(origin).parent.parent) if origin else "nowhere" for name, origin in origins.items()}
    if len(set(folders.values())) == 1 and None not in origins.values():
        return None
    found = ", ".join(f"{name} in {folder}" for name, folder in folders.items())
    return f"the packages of evrds lie apart ({found}); install evrds in an environment of its own"
