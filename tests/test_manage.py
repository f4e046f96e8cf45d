"""`manage.py` as a person meets it: what it says and leaves behind, when all is well and when not."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from machinery import ROOT, venv
from tests.support.ports import free_port
from tests.support.servers import wait_until

# The Python that made .venv: with another one, `run` would make its own anew.
PYTHON = os.path.realpath(sys.executable)

_WSGI = """
import json, os
from flask import Flask
app = Flask(__name__)
app.add_url_rule("/readyz", "readyz", lambda: "ready")
@app.cli.command("db", context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def db(): pass
@app.cli.command("demo", context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def demo():
    place = {"location_id": "l1", "name": "One", "webhook_url": "http://h", "webhook_secret": "s"}
    print(json.dumps({"sign_in": {"email": "ana@one.example", "password": "pw"}, "locations": [place]}))
"""
_LOOP = "import time\nwhile True: time.sleep(60)\n"
_SANDBOX = """
import sys
from flask import Flask
from werkzeug.serving import make_server
app = Flask(__name__)
app.add_url_rule("/", "index", lambda: "sandbox")
app.add_url_rule("/hoopai/control/webhooks", "hooks", lambda: ("", 204), methods=["POST"])
make_server("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1]), app).serve_forever()
"""


@dataclass
class House:
    """A copy of the machine room with the smallest programs that can be looked after."""

    root: Path
    port: int
    sandbox_port: int

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `manage.py run` to its end."""
        return subprocess.run(self.command(*words), cwd=self.root, capture_output=True, text=True, timeout=60)

    def command(self, *words: str) -> list[str]:
        ports = ["--port", str(self.port), "--sandbox-port", str(self.sandbox_port)]
        return [PYTHON, str(self.root / "manage.py"), "run", *ports, *words]

    @contextlib.contextmanager
    def up(self, *words: str) -> Iterator[subprocess.Popen[bytes]]:
        """Have it run; gives the supervisor's process once everything is ready."""
        with self.screen.open("wb") as out:
            supervisor = subprocess.Popen(
                self.command(*words), cwd=self.root, stdout=out, stderr=out, start_new_session=True
            )
        try:
            wait_until(lambda: "Ctrl-C stops everything" in self.said() or supervisor.poll(), 60, "a start")
            assert supervisor.poll() is None, self.said()
            yield supervisor
        finally:
            supervisor.terminate()
            supervisor.wait(20)

    @property
    def screen(self) -> Path:
        return self.root / "screen.txt"

    def said(self) -> str:
        return self.screen.read_text()

    def processes(self) -> list[int]:
        """The ids of all living processes that were started from this house's folder."""
        found = subprocess.run(
            ["ps", "-ww", "-eo", "pid=,stat=,args="], capture_output=True, text=True, check=True
        )
        lines = [line.split(None, 2) for line in found.stdout.splitlines()]
        return [int(pid) for pid, state, words in lines if str(self.root) in words and state[0] != "Z"]

    def process_of(self, words: str) -> int:
        found = subprocess.run(["pgrep", "-f", f"{self.root}.*{words}"], capture_output=True, text=True)
        return int(found.stdout.split()[0])


@pytest.fixture
def house(tmp_path: Path) -> House:
    for name in ("machinery", "requirements"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "manage.py", tmp_path)
    (tmp_path / ".venv").symlink_to(venv.VENV)
    for name, text in (
        ("wsgi.py", _WSGI),
        ("jobs/worker.py", _LOOP),
        ("jobs/ticker.py", _LOOP),
        ("sandbox/__main__.py", _SANDBOX),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return House(tmp_path, free_port(), free_port())


def test_a_port_in_use_is_one_sentence_and_exit_code_2(house: House) -> None:
    with socket.create_server(("127.0.0.1", house.port)):
        ended = house.run()
    assert ended.returncode == 2
    assert ended.stderr == (
        f"Port {house.port} is used by another program; stop that program, "
        "or choose another port with --port.\n"
    )
    assert ended.stdout == ""


def test_a_sandbox_port_in_use_names_its_own_option(house: House) -> None:
    with socket.create_server(("127.0.0.1", house.sandbox_port)):
        ended = house.run()
    assert ended.returncode == 2
    assert "--sandbox-port" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_data_folder_that_cannot_be_written_is_one_sentence_and_exit_code_2(house: House) -> None:
    (house.root / "file").write_text("")
    ended = house.run("--data", str(house.root / "file" / "data"))
    assert ended.returncode == 2
    assert ended.stderr == (
        f"Cannot write to the data folder {house.root}/file/data (Not a directory); "
        "choose another with --data.\n"
    )


def test_an_old_python_is_told_so(house: House) -> None:
    code = "import sys, runpy; sys.version_info = (3, 8, 0); runpy.run_path('manage.py', run_name='__main__')"
    ended = subprocess.run([PYTHON, "-c", code], cwd=house.root, capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stderr == "This needs Python 3.11 or newer, and this is Python 3.8.\n"


def test_manage_py_can_be_read_by_an_old_python() -> None:
    compile((ROOT / "manage.py").read_text(), "manage.py", "exec")
    source = (ROOT / "manage.py").read_text()
    assert not re.search(r"\bf[\"']|:=|\bmatch\b|->|\bprint\b", source)


def test_words_that_make_no_command_are_explained(house: House) -> None:
    ended = house.run("--workers", "none")
    assert ended.returncode == 2
    assert "none is not a number from 1 to 64" in ended.stderr


@pytest.mark.parametrize("name", ["run.txt", "test.txt", "assets.txt"])
def test_locks_name_no_address_and_hash_everything(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    assert "://" not in text
    assert "--index-url" not in text
    packages = re.findall(r"^[a-z][^ ]*==[^\\\n]*(.*(?:\n .*)*)", text, re.MULTILINE)
    assert packages
    assert all("--hash=sha256:" in rest for rest in packages)


def test_the_test_lock_holds_the_run_lock_version_by_version() -> None:
    run, test = ((ROOT / "requirements" / name).read_text() for name in ("run.txt", "test.txt"))
    pins = set(re.findall(r"^[a-z][^ ]*==[^ ]+", run, re.MULTILINE))
    assert pins <= set(re.findall(r"^[a-z][^ ]*==[^ ]+", test, re.MULTILINE))


@pytest.mark.slow
def test_a_run_says_where_everything_is_and_stops_without_a_trace(house: House) -> None:
    with house.up() as supervisor:
        said = house.said()
        supervisor.send_signal(signal.SIGINT)
        assert supervisor.wait(20) == 0
        assert not house.processes()
    for expected in (
        "ana@one.example",
        f"http://localhost:{house.port}",
        f"http://localhost:{house.sandbox_port}",
    ):
        assert expected in said
    assert "stopped; the data is kept" in house.said()


@pytest.mark.slow
def test_keys_are_made_once_and_are_ours_alone(house: House) -> None:
    keys = [house.root / "var" / name for name in ("secret_key", "token_keys")]
    with house.up():
        first = [key.read_text() for key in keys]
    with house.up():
        assert [key.read_text() for key in keys] == first
    assert [key.stat().st_mode & 0o777 for key in keys] == [0o600, 0o600]


@pytest.mark.slow
def test_a_second_run_on_the_same_data_is_refused_and_hurts_nobody(house: House) -> None:
    with house.up() as supervisor:
        ended = house.run()
        assert ended.returncode == 2
        assert ended.stderr == (
            f"The portal already runs on the data folder {house.root}/var: http://localhost:{house.port} "
            f"(process {supervisor.pid}); stop it, or choose another folder with --data.\n"
        )
        assert supervisor.poll() is None


@pytest.mark.slow
@pytest.mark.parametrize("guard", ["kernel and watchdog", "watchdog alone", "kernel alone"])
def test_a_killed_supervisor_leaves_no_process(house: House, guard: str) -> None:
    if guard == "watchdog alone":
        source = house.root / "machinery" / "processes.py"
        source.write_text(
            source.read_text().replace('if sys.platform == "linux" else None', "if False else None")
        )
    with house.up() as supervisor:
        assert len(house.processes()) >= 8
        if guard == "kernel alone":
            os.kill(house.process_of("watchdog.py"), signal.SIGKILL)
        supervisor.kill()
        wait_until(lambda: not house.processes(), 10, f"an empty house, but {house.processes()} remain")


@pytest.mark.slow
def test_after_a_killed_supervisor_the_next_run_starts(house: House) -> None:
    with house.up() as supervisor:
        supervisor.kill()
        supervisor.wait()
    with house.up():
        assert "Ready after" in house.said()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "words"), [("worker-1", "jobs.worker"), ("valkey", "valkey-server")])
def test_a_crashed_process_is_started_again_and_that_is_said(house: House, name: str, words: str) -> None:
    with house.up("--workers", "1"):
        killed = house.process_of(words)
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: f"{name} runs again" in house.said(), 10, "the restart")
        assert f"{name} ended (signal 9); starting it again now." in house.said()
        assert wait_until(lambda: house.process_of(words), 5) != killed


@pytest.mark.slow
def test_a_process_that_keeps_crashing_is_started_less_and_less_often(house: House) -> None:
    with house.up("--workers", "1"):
        (house.root / "jobs" / "worker.py").write_text("raise SystemExit(3)")
        os.kill(house.process_of("jobs.worker"), signal.SIGKILL)
        wait_until(lambda: "starting it again in 1 s" in house.said(), 15, "a longer wait")
        assert "worker-1 ended (exit code 3); starting it again in 0.5 s." in house.said()


@pytest.mark.slow
def test_a_program_that_cannot_start_ends_the_run_with_the_reason(house: House) -> None:
    (house.root / "jobs" / "ticker.py").write_text("raise SystemExit('TICKER_ZONE is missing')")
    ended = house.run()
    assert ended.returncode == 1
    assert "TICKER_ZONE is missing\nticker ended at once (exit code 1)" in ended.stderr
    assert not house.processes()


@pytest.mark.slow
def test_a_deep_data_folder_gets_a_short_socket_elsewhere(house: House) -> None:
    deep = house.root / ("deep-" * 20) / "data"
    with house.up("--data", str(deep)):
        assert not (deep / "valkey.sock").exists()
        assert (deep / "valkey").is_dir()


@pytest.mark.slow
def test_being_asked_to_end_in_the_middle_of_a_start_leaves_nothing(house: House) -> None:
    (house.root / "wsgi.py").write_text("import time; time.sleep(60)")
    with house.screen.open("wb") as out:
        supervisor = subprocess.Popen(house.command(), stdout=out, stderr=out, start_new_session=True)
    wait_until(lambda: "migrating" in house.said(), 20, "the migration")
    began = time.monotonic()
    supervisor.terminate()
    assert supervisor.wait(15) == 0
    assert time.monotonic() - began < 8
    assert not house.processes()
