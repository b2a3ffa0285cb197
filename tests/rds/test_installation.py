"""Packages together and apart."""

from rds.installation import PACKAGES, installation_fault


def test_together_is_well() -> None:
    assert installation_fault({name: f"/opt/evrds/{name}/__init__.py" for name in PACKAGES}) is None


def test_apart_is_said_with_every_place() -> None:
    fault = installation_fault({"rds": "/usr/rds/__init__.py", "encoder": "/opt/encoder/__init__.py", "receiver": None})
    assert fault is not None
    assert "rds in /usr, encoder in /opt, receiver in nowhere" in fault
    assert "\n" not in fault


def test_all_missing_is_a_fault_too() -> None:
    assert installation_fault(dict.fromkeys(PACKAGES)) is not None
