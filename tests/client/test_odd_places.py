"""A sync call from an odd place works or is refused at once; it never hangs."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

BEGIN = """
import atexit, json, os, signal, sys, threading, time, weakref
from dutiful import App
from dutiful.core.errors import DutifulError
app = App(sys.argv[1])
@app.task
def note(n: int) -> None: ...
def tell(**what):
    print(json.dumps(what), flush=True)
def attempt(name, call):
    begun = time.monotonic()
    try:
        tell(**{name: call()})
    except DutifulError as error:
        tell(**{name: type(error).__name__, "text": str(error)})
    if time.monotonic() - begun > 20:
        tell(slow=name)
def use(name):
    def all():
        handle = note.enqueue(1)
        note.enqueue(2)
        state = handle.status()
        many = app.enqueue_many(note.job(n) for n in range(2500))
        return [state, many, handle.cancel()]
    attempt(name, all)
"""

AT_EXIT = "atexit.register(lambda: use('atexit'))\n"
AT_EXIT_OPEN = "note.enqueue(0).status()\n" + AT_EXIT
AFTER_MAIN = """
def late():
    threading.main_thread().join()
    use('thread')
threading.Thread(target=late).start()
"""
AFTER_MAIN_OPEN = "note.enqueue(0).status()\n" + AFTER_MAIN


def run(script: str, url: str, python: str = sys.executable) -> list[dict[str, object]]:
    done = subprocess.run(
        [python, "-c", BEGIN + script, url], capture_output=True, text=True, timeout=50
    )
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, (told, done.stderr)
    return told


@pytest.fixture(params=["sqlite", "memory", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store of each kind."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/jobs.db"


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(AT_EXIT, id="atexit"),
        pytest.param(AT_EXIT_OPEN, id="atexit, opened before"),
        pytest.param(AFTER_MAIN, id="after main"),
        pytest.param(AFTER_MAIN_OPEN, id="after main, opened before"),
    ],
)
def test_the_end_of_the_interpreter(store: str, script: str) -> None:
    (told,) = run(script, store)
    assert told in ({"atexit": ["queued", 2500, True]}, {"thread": ["queued", 2500, True]})


SIGNAL = """
note.enqueue(0).status()
hits = []
def handler(number, frame):
    begun = time.monotonic()
    try:
        note.enqueue(1)
        hits.append("stored")
    except DutifulError as error:
        hits.append(type(error).__name__ + ": " + str(error)[:60])
    if time.monotonic() - begun > 5:
        tell(slow=hits[-1])
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.0013)
end = time.monotonic() + 1.5
mine = 0
while time.monotonic() < end or len(set(hits)) < 2:
    note.enqueue(2)
    mine += 1
signal.setitimer(signal.ITIMER_REAL, 0)
stored = app.portal.run(app.store.inspector.tally())["enqueued"]
tell(kinds=sorted(set(hits)), right=stored == 1 + mine + hits.count("stored"))
"""


def test_a_signal_handler_that_interrupts_an_enqueue(store: str) -> None:
    (told,) = run(SIGNAL, store)
    assert told["right"]
    kinds = told["kinds"]
    assert isinstance(kinds, list)
    assert len(kinds) == 2
    assert kinds[0].startswith("UsageError: a signal handler")
    assert kinds[1] == "stored"


IMPORTED = """
said = []
def handler(number, frame):
    for call in lambda: note.enqueue(1), lambda: app.store, lambda: app.schedules.list():
        try:
            said.append(str(call()))
        except DutifulError as error:
            said.append(str(error)[:16])
signal.signal(signal.SIGALRM, handler)
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("dutiful.engines.") and name.endswith(".engine"):
            signal.raise_signal(signal.SIGALRM)
sys.meta_path.insert(0, Finder())
note.enqueue(0)
tell(said=said, stored=app.portal.run(app.store.inspector.tally())["enqueued"])
"""


def test_a_signal_handler_that_interrupts_the_first_enqueue(store: str) -> None:
    (told,) = run(IMPORTED, store)
    assert told == {"said": ["a signal handler"] * 3, "stored": 1}


INSIDE = """
import sqlite3
note.enqueue(0).status()
said = []
def interrupted():
    for name, call in {
        "enqueue": lambda: note.enqueue(1).id,
        "status": lambda: handle.status(),
        "many": lambda: app.enqueue_many(note.job(n) for n in range(1500)),
    }.items():
        try:
            said.append([name, bool(call())])
        except DutifulError as error:
            said.append([name, type(error).__name__])
handle = note.enqueue(0)
class Finalized:
    def __del__(self):
        interrupted()
from dutiful.engines.sqlite import producer
plain = producer.enqueue
def enqueue(jobs, now):
    if way == "finalizer":
        Finalized()
    elif way == "weakref":
        class Target: ...
        target = Target()
        ref = weakref.ref(target, lambda _: interrupted())
        del target
    elif way == "fork":
        pid = os.fork()
        if pid == 0:
            interrupted()
            os.write(1, (json.dumps(said) + "\\n").encode())
            os._exit(0)
        os.waitpid(pid, 0)
    return plain(jobs, now)
producer.enqueue = enqueue
way = "WAY"
note.enqueue(5)
way = ""
note.enqueue(6)
tell(said=said)
"""


@pytest.mark.parametrize("way", ["finalizer", "weakref"])
def test_code_that_runs_inside_an_enqueue(tmp_path: Path, way: str) -> None:
    (told,) = run(INSIDE.replace("WAY", way), f"sqlite:///{tmp_path}/jobs.db")
    refused = [["enqueue", "UsageError"], ["status", "UsageError"], ["many", "UsageError"]]
    assert told == {"said": refused}


@pytest.mark.skipif(sys.platform == "win32", reason="capability: fork")
def test_a_fork_inside_an_enqueue(tmp_path: Path) -> None:
    began = time.monotonic()
    told = run(INSIDE.replace("WAY", "fork"), f"sqlite:///{tmp_path}/jobs.db")
    refused = [["enqueue", "UsageError"], ["status", "UsageError"], ["many", "UsageError"]]
    assert told == [refused, {"said": []}]
    assert time.monotonic() - began < 40


FORKED = """
import multiprocessing
note.enqueue(0).status()
stop = threading.Event()
def busy():
    while not stop.is_set():
        note.enqueue(3)
threads = [threading.Thread(target=busy) for _ in range(3)]
for thread in threads: thread.start()
def child():
    use("child")
fork = multiprocessing.get_context("fork")
for _ in range(3):
    process = fork.Process(target=child)
    process.start()
    process.join(60)
    tell(code=process.exitcode)
stop.set()
for thread in threads: thread.join()
use("parent")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="capability: fork")
def test_the_child_of_a_busy_process(store: str) -> None:
    if store == "memory://":
        return  # its child has a memory of its own
    told = run(FORKED, store)
    good = ["queued", 2500, True]
    assert told == [{"child": good}, {"code": 0}] * 3 + [{"parent": good}]
