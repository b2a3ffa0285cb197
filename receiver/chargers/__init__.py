"""A driver's name in, its class out: every file in this folder is a charger driver, found by its name.

A new driver is one new file copied from `_template.py`. Files that begin with `_` belong to a driver or to all of them.
"""

import ast
import importlib
import pkgutil
from pathlib import Path

from rds.errors import UsageError
from receiver.chargers.driver import ChargerDriver
from receiver.extras import missing_package


def driver_names() -> list[str]:
    """The names that `load_driver` takes, in alphabetical order. Nothing is imported for it."""
    found = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name for name in found if not name.startswith("_") and name != "driver")


def load_driver(name: str) -> type[ChargerDriver]:
    """The class `Driver` of the file with this name; its packages are imported now and not before.

    Raises:
        UsageError: there is no such driver, or a package that it needs is not installed.
    """
    if name not in driver_names():
        raise UsageError(f"charger driver is {name!r}; allowed: {', '.join(driver_names())}")
    try:
        module = importlib.import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as missing:
        raise UsageError(f"charger driver {name} {missing_package(missing)}") from missing
    driver: type[ChargerDriver] = module.Driver
    return driver


def driver_summary(name: str) -> str:
    """What the driver of this name says of itself in its first line. It is not imported."""
    [folder] = __path__
    tree = ast.parse((Path(folder) / f"{name}.py").read_text(encoding="utf-8"))
    return (ast.get_docstring(tree) or "").partition("\n")[0]
