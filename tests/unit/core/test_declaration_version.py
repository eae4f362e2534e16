"""Which of several versions of an app's schedules is in force."""

from __future__ import annotations

from msgspec.structs import replace

from dutiful.core.declaration_version import ALIVE, REMEMBERED, forgotten, in_force, rules, shown
from dutiful.core.instant import SECOND
from dutiful.core.occurrence import DeclarationVersion


class Store:
    """What a store keeps of declaration versions."""

    def __init__(self) -> None:
        self.declaration_versions: dict[str, DeclarationVersion] = {}

    def show(self, digest: str, now: int) -> bool:
        self.declaration_versions[digest] = shown(self.declaration_versions.values(), digest, now)
        return rules(self.declaration_versions.values(), digest, now)

    def apply(self, digest: str) -> None:
        top = max(one.applied for one in self.declaration_versions.values())
        self.declaration_versions[digest] = replace(
            self.declaration_versions[digest], applied=top + 1
        )


def test_the_only_edition_rules() -> None:
    store = Store()
    assert store.show("a", 0)
    assert not in_force(store.declaration_versions.values(), "a")
    store.apply("a")
    assert in_force(store.declaration_versions.values(), "a")


def test_the_newest_that_is_seen_rules() -> None:
    store = Store()
    assert store.show("old", 0)
    assert store.show("new", SECOND)
    assert not store.show("old", 2 * SECOND)
    assert store.show("new", 3 * SECOND)


def test_an_old_one_rules_again_once_the_new_one_is_gone() -> None:
    store = Store()
    store.show("old", 0)
    store.show("new", 0)
    assert not store.show("old", ALIVE)
    assert store.show("old", ALIVE + 1)


def test_a_roll_back_rules_at_once_when_the_old_one_was_gone() -> None:
    store = Store()
    store.show("old", 0)
    store.show("new", 10 * ALIVE)
    assert store.show("old", 10 * ALIVE + 1)
    assert not store.show("new", 10 * ALIVE + 2)


def test_a_clock_set_back_ends_nothing() -> None:
    store = Store()
    store.show("old", 100 * ALIVE)
    store.show("new", 100 * ALIVE)
    assert store.show("new", ALIVE)
    assert not store.show("old", ALIVE)


def test_what_is_long_gone_is_forgotten_but_not_what_is_in_force() -> None:
    store = Store()
    for at, digest in enumerate(["first", "second", "third"]):
        store.show(digest, at)
        store.apply(digest)
    store.show("unapplied", 3)
    store.show("second", REMEMBERED)
    assert forgotten(store.declaration_versions.values(), REMEMBERED) == ()
    assert forgotten(store.declaration_versions.values(), REMEMBERED + 1) == ("first",)
    assert forgotten(store.declaration_versions.values(), 3 * REMEMBERED) == (
        "first",
        "second",
        "unapplied",
    )
