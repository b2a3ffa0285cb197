"""A profile's name in, its dialect out: every file in this folder is one, found by its name."""

import importlib
import pkgutil

from receiver.chargers._mqtt_profile import Profile


def profile_names() -> list[str]:
    """The names that `load_profile` takes, in alphabetical order."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load_profile(name: str) -> type[Profile]:
    """The class `Dialect` of the file with this name, which is one of `profile_names`."""
    dialect: type[Profile] = importlib.import_module(f"{__name__}.{name}").Dialect
    return dialect
