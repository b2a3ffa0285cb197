"""A power cut is told from a restart by the kernel's boot."""

from pathlib import Path

from receiver.owner_store import OwnerStore
from receiver.power import has_power_returned
from receiver.store import Store


def test_only_a_new_boot_after_a_known_one_is_a_power_return(tmp_path: Path) -> None:
    boot_id, uptime = tmp_path / "boot_id", tmp_path / "uptime"

    def returned(tables: OwnerStore, name: str, seconds: float) -> bool:
        boot_id.write_text(f"{name}\n")
        uptime.write_text(f"{seconds} 1.0\n")
        return has_power_returned(tables, boot_id=boot_id, uptime=uptime)

    with Store(tmp_path / "state") as store:
        tables = OwnerStore(store)
        assert not returned(tables, "a", 20), "installed just now"
        assert not returned(tables, "a", 30), "started again"
        assert returned(tables, "b", 20)
        assert returned(tables, "b", 599), "started again while it waits"
        assert not returned(tables, "b", 600)
        uptime.write_text("")
        assert not has_power_returned(tables, boot_id=boot_id, uptime=uptime)
        assert not has_power_returned(tables, boot_id=tmp_path / "none", uptime=uptime)
