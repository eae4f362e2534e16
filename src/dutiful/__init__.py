"""Background jobs that run, whose effects happen once, and that fail loudly."""

TYPE_CHECKING = False  # checkers take it for true; importing it would cost the start 10 ms

if TYPE_CHECKING:
    from .public import *  # noqa: F403 - checkers read the list of names from there
    from .public import __all__ as __all__
else:

    def __getattr__(name: str) -> object:
        """Import the public names when the first is asked for, so that the command starts fast."""
        import importlib

        public = importlib.import_module(".public", __name__)
        names = {each: getattr(public, each) for each in public.__all__}
        globals().update(names, __all__=public.__all__)
        if name in globals():
            return globals()[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__getattr__("__all__")})
