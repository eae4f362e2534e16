"""Apps that one factory made, with tasks of the same names."""

from __future__ import annotations

from dutiful import App, Retry

once = Retry(max_attempts=1)


def make(name: str) -> App:
    app = App(name=name)

    @app.task(name="crunch", cpu=True, retry=once)
    def crunch() -> str:
        return name

    @app.task(name=f"only_{name}", cpu=True, retry=once)
    def only() -> str:
        return name

    return app


class Shelf:
    """Holds an app that is no member of the module."""

    third = make("third")


first = make("first")
second = make("second")
