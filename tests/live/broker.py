"""A free port in, a real MQTT broker on it out: Debian's mosquitto as a process, with passwords and perhaps TLS."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

SEARCHED = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"
USER = "evrds"
PASSWORD = "not a secret"


def broker_found() -> bool:
    return shutil.which("mosquitto", path=SEARCHED) is not None


class Broker:
    """One broker that can be killed and started again on the same port."""

    def __init__(
        self, folder: Path, *, port: int | None = None, certificate: Path | None = None, key: Path | None = None
    ) -> None:
        self.port = port or free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._config = folder / "mosquitto.conf"
        passwords = folder / "passwords"
        passwords.touch()
        tool = shutil.which("mosquitto_passwd", path=SEARCHED)
        assert tool is not None
        subprocess.run([tool, "-b", passwords, USER, PASSWORD], check=True)
        tls = f"certfile {certificate}\nkeyfile {key}\n" if certificate else ""
        self._config.write_text(
            f"user {os.environ.get('USER') or 'root'}\nlistener {self.port} 127.0.0.1\n{tls}"
            f"allow_anonymous false\nset_tcp_nodelay true\npassword_file {passwords}\n"
        )

    @property
    def options(self) -> dict[str, object]:
        """What a driver must be told to reach it."""
        return {"port": self.port, "user": USER, "password": PASSWORD}

    def start(self) -> None:
        program = shutil.which("mosquitto", path=SEARCHED)
        assert program is not None
        self._process = subprocess.Popen([program, "-c", self._config], stderr=subprocess.DEVNULL)
        for _ in range(500):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(0.01)
        raise AssertionError("mosquitto did not start")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextlib.contextmanager
def broker(folder: Path, *, certificate: Path | None = None, key: Path | None = None) -> Iterator[Broker]:
    running = Broker(folder, certificate=certificate, key=key)
    running.start()
    try:
        yield running
    finally:
        running.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
