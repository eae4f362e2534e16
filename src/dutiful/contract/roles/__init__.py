"""The roles of an engine, one file each: protocols with few methods, which take many jobs a call.

All methods are coroutines that work on any event loop, except where a role says otherwise. They
raise the errors of `core.errors`. The docstring of a method says what it promises: what is atomic,
and what to do when the reply is lost.
"""
