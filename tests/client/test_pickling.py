"""Tasks and handles meet pickle and copy."""

from __future__ import annotations

import copy
import pickle
import sys
import types

import pytest

from dutiful import App, Context

app = App("memory://")


@app.task
def note(number: int, ctx: Context) -> int:
    return number


@app.task
async def anote(number: int) -> int:
    return number


def hidden() -> None: ...


elsewhere = app.task(name="elsewhere")(hidden)


@pytest.fixture(autouse=True)
def _imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the module be found by its name, as an application's is."""
    module = types.ModuleType(__name__)
    module.__dict__.update(globals())
    monkeypatch.setitem(sys.modules, __name__, module)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_task_is_pickled_by_its_place(protocol: int) -> None:
    for task in (note, anote):
        assert pickle.loads(pickle.dumps(task, protocol)) is task  # noqa: S301 - made here


def test_copies_are_the_thing_itself() -> None:
    handle = note.handle("a")
    for one in (note, elsewhere, note.using(queue="other"), handle):
        assert copy.copy(one) is one
        assert copy.deepcopy({"deep": [one]})["deep"][0] is one


def test_what_cannot_be_pickled_says_what_to_do() -> None:
    with pytest.raises(TypeError, match="task elsewhere cannot be pickled: it is not found as"):
        pickle.dumps(elsewhere)
    with pytest.raises(TypeError, match=r"note\.using\(\.\.\.\)\) cannot be pickled"):
        pickle.dumps(note.using(queue="other"))
    with pytest.raises(TypeError, match=r"pass handle\.id on"):
        pickle.dumps(note.handle("a"))
