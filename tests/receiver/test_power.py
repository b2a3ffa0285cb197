"""A power cut is told from a restart by the kernel's boot."""

from pathlib import Path

from receiver.owner_store import OwnerStore
from receiver.power import HEARTBEATS_KEPT_EVERY_MS, PowerReturn, power_return
from receiver.store import Store


def test_only_a_new_boot_after_a_known_one_is_a_power_return(tmp_path: Path) -> None:
    boot_id, uptime = tmp_path / "boot_id", tmp_path / "uptime"

    def returned(tables: OwnerStore, name: str, seconds: float, known_ms: int | None = 5) -> PowerReturn | None:
        boot_id.write_text(f"{name}\n")
        uptime.write_text(f"{seconds} 1.0\n")
        return power_return(tables, known_ms, boot_id=boot_id, uptime=uptime)

    with Store(tmp_path / "state") as store:
        tables = OwnerStore(store)
        assert not returned(tables, "a", 20), "installed just now"
        assert not returned(tables, "a", 30), "started again"
        assert returned(tables, "b", 20) == PowerReturn(20_000, known_ms=5)
        assert returned(tables, "b", 7199, 77) == PowerReturn(7_199_000, known_ms=5), "started again while it waits"
        assert not returned(tables, "b", 7200)
        assert returned(tables, "c", 20, None) == PowerReturn(20_000, known_ms=None)
        uptime.write_text("")
        assert not power_return(tables, 5, boot_id=boot_id, uptime=uptime)
        assert not power_return(tables, 5, boot_id=tmp_path / "none", uptime=uptime)


def test_an_outage_is_known_to_half_an_hour_and_never_overstated() -> None:
    hour_ms = 3_600_000
    assert PowerReturn(0, known_ms=hour_ms).outage_ms(2 * hour_ms) == hour_ms - HEARTBEATS_KEPT_EVERY_MS
    assert PowerReturn(0, known_ms=hour_ms).outage_ms(hour_ms + 60_000) == 0
    assert PowerReturn(0, known_ms=None).outage_ms(hour_ms) == 0
