"""The roles an engine plays, one file each: protocols of few methods that take many jobs.

All methods are coroutines for any event loop, except where a role says otherwise; errors are those
of `core.errors`. What each promises (what is atomic, what a lost reply means) is in its docstring.
"""
