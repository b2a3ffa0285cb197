"""`run --web` as a process: its answers over HTTP, and the page in headless Chromium, where an override is clicked."""

import http.client
import json
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.loopback.scripts import CLOCK, CURTAIL, build, call, make_network, script

VISIT = Path(__file__).with_name("page_visit.mjs")
CONFIG = """regions = ["12345"]
network = 7
roots = ["root.public.pem"]
certificates = ["operator.certificate.pem"]
rating_a = 32
state = "state.sqlite3"
[charger]
driver = "simulated"
"""
Answer = tuple[int, dict[str, Any]]  # Any: as JSON gives it


def browser_is_driven() -> bool:
    """Whether Chromium is here, and `make peers` has installed what drives it."""
    driver = VISIT.with_name("node_modules") / "playwright-core"
    return all(map(shutil.which, ("chromium", "node"))) and driver.is_dir()


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys, and the groups of half a minute that curtails from its first second on."""
    folder = tmp_path_factory.mktemp("network")
    plan = make_network(folder, messages=CURTAIL.replace("00:00:12", "00:00:00"))
    build(plan, "--hex", folder / "groups.hex", "--seconds", "40")
    return folder


@dataclass(frozen=True, slots=True)
class Served:
    """A receiver's page."""

    host: str
    port: int
    token: str
    """As it was shown."""

    def ask(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[http.client.HTTPResponse, bytes]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=10)
        try:
            sent = None if body is None else json.dumps(body)
            connection.request(method, path, sent, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer, answer.read(0 if path.startswith("/events") else None)
        finally:
            connection.close()

    def override(self, body: object, token: str) -> Answer:
        answer, text = self.ask("POST", "/override", body, authorization=f"Bearer {token}")
        return answer.status, json.loads(text)

    def events(self, view: str = "", **headers: str) -> Iterator[tuple[str, Any]]:
        """Each event's name and value."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=10)
        connection.request("GET", f"/events?view={view}", headers=headers)
        lines = connection.getresponse()
        try:
            while line := lines.readline().decode():
                if line.startswith("event: "):
                    yield line[7:].strip(), json.loads(lines.readline()[6:])
        finally:
            lines.close()
            connection.close()


@contextmanager
def serving(folder: Path, source: Path, *arguments: str, address: str = "127.0.0.1:0") -> Iterator[Served]:
    """A receiver with its page; ends with SIGTERM, within the seconds in which a unit is given up."""
    command: list[str | Path] = [
        *(script("receiver"), "run", folder / "receiver.toml", "--source", source, "--start-time", CLOCK),
        *("--realtime", "--web", address, *arguments),
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as receiver:
        assert receiver.stderr is not None
        said = ""
        try:
            for line in receiver.stderr:
                said += line
                if found := re.search(r"page at http://(.*):(\d+)/", line):
                    break
            else:
                raise AssertionError(said)
            yield Served("127.0.0.1", int(found[2]), receiver.stderr.readline().split()[-1])
        finally:
            receiver.send_signal(signal.SIGTERM)
            receiver.wait(10)
            said += receiver.stderr.read()
    assert receiver.returncode == 0, said
    assert "Traceback" not in said, said


def configure(network: Path, folder: Path) -> None:
    (folder / "receiver.toml").write_text(CONFIG)
    for name in ("root.public.pem", "operator.certificate.pem"):
        shutil.copy(network / name, folder / name)


def test_who_may_look_and_who_may_change(network: Path, tmp_path: Path) -> None:
    configure(network, tmp_path)
    with serving(tmp_path, network / "groups.hex", address="0.0.0.0:0") as page:
        token = page.token
        assert (tmp_path / "state.sqlite3.web-token").read_text().strip() == token
        answer, text = page.ask("GET", "/")
        assert answer.status == 200
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert not re.search(rb"<script>|<style|style=|https?://|onclick", text), "nothing inline, nothing from outside"
        assert page.ask("GET", "/", host="evil.example:80")[0].status == 421
        assert page.ask("GET", "/../board.py")[0].status == 404
        assert page.ask("GET", "/events")[0].status == 401, "beyond loopback looking needs the token"
        for wrong in ("", "aaaa-bbbb-cccc-dddd"):
            assert page.override({"what": "always"}, wrong) == (401, {"error": "a change needs the receiver's token"})
        assert page.override({"what": "never"}, token)[0] == 400
        assert page.override({"what": "always", "charger": "none"}, token)[0] == 400
        assert page.override(["x" * 5000], token)[0] == 400
        authorized = {"authorization": f"Bearer {token}"}
        names = [name for (name, _), _ in zip(page.events("engineer", **authorized), range(3), strict=False)]
        assert names == ["standing", "reception", "standing"], "a list of groups has no pictures"
        assert page.override({"what": "always"}, token)[1]["text"].startswith("override always: the charger does")
        assert next(page.events(**authorized))[1]["overrides"][""]["kind"] == "always"
        cleared = page.override({"what": "clear"}, token)
        assert cleared == (200, {"text": "no override: the charger follows the network"})
        config: list[str | Path] = [tmp_path / "receiver.toml", "--source", network / "groups.hex"]
        taken = call("receiver", "run", *config, "--web", f"127.0.0.1:{page.port}", code=2).err.splitlines()[-1]
        assert taken.endswith("Address already in use; name an address of this machine and a free port")


@pytest.mark.peer("chromium", debian="chromium nodejs npm", found=browser_is_driven)
def test_in_a_browser_an_override_is_clicked_and_the_signal_drawn(network: Path, tmp_path: Path) -> None:
    configure(network, tmp_path)
    signal_file = tmp_path / "station.cu8"
    call("encoder", "modulate", network / "groups.hex", signal_file, "--rate", "250k", "--cn-db", "22")
    with serving(tmp_path, signal_file, "--rate", "250k") as page:
        command: list[str | Path] = ["node", VISIT, f"http://127.0.0.1:{page.port}/", page.token, tmp_path]
        visit = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert visit.returncode == 0, visit.stderr
    told = {one["step"]: one["value"] for one in map(json.loads, visit.stdout.splitlines())}
    assert told.pop("complaints") == []
    assert told.pop("groups") == 24
    assert "Carrier to noise\n2" in told.pop("facts")
    assert told == {
        "limit": "16 A of 32 A here",
        "reason": "Curtailed to 16 A by the network until 18:00 UTC, then back within 60 min",
        "overridden": "32 A of 32 A here",
        "held": "Override: today, until 2 Dec 2026, 00:00 at the latest",
        "cleared": "16 A of 32 A here",
        "wide on a phone": False,
        "wide on a phone, signal": False,
    }
    assert len(list(tmp_path.glob("*.png"))) == 7
