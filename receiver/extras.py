"""A package that is missing in, the extra of evrds that brings it out."""

import importlib.metadata
import re


def extras_with(package: str) -> list[str]:
    """The extras of evrds that install what is imported as `package`; pyserial is imported as serial."""
    found = set()
    for line in importlib.metadata.requires("evrds") or []:
        needed = re.match(r"([\w.-]+).*extra == ['\"](\w+)['\"]", line)
        if needed and needed[1].lower().replace("-", "_") in (package, f"py{package}"):
            found.add(needed[2])
    return sorted(found)


def missing_package(missing: ModuleNotFoundError) -> str:
    """The end of a sentence that begins with who needs it."""
    package = str(missing.name).partition(".")[0]
    extras = extras_with(package)
    remedy = f"the extra {' or '.join(extras)}" if extras else "its extras"
    return f"needs the package {package}, which is missing; install evrds with {remedy}"
