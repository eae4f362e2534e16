"""Background jobs that run, whose effects happen once, and that fail loudly."""

from .app import App
from .client.context import Context
from .client.handle import Handle
from .client.options import unique_rule as unique
from .client.task import Task
from .core.errors import (
    BadArguments,
    BadConfiguration,
    BadOption,
    BadPayload,
    ClaimLost,
    DuplicateJob,
    DuplicateTask,
    DutifulError,
    EngineError,
    EngineUnavailable,
    JobError,
    JobFailed,
    JobNotFound,
    PayloadTooLarge,
    ReplyUnknown,
    ResultTimeout,
    SchemaMismatch,
    StoreUnusable,
    UnknownTask,
    Unsupported,
    UsageError,
)
from .core.outcome import Cancel, Discard, Snooze
from .core.retry import Retry

__all__ = [
    "App",
    "BadArguments",
    "BadConfiguration",
    "BadOption",
    "BadPayload",
    "Cancel",
    "ClaimLost",
    "Context",
    "Discard",
    "DuplicateJob",
    "DuplicateTask",
    "DutifulError",
    "EngineError",
    "EngineUnavailable",
    "Handle",
    "JobError",
    "JobFailed",
    "JobNotFound",
    "PayloadTooLarge",
    "ReplyUnknown",
    "ResultTimeout",
    "Retry",
    "SchemaMismatch",
    "Snooze",
    "StoreUnusable",
    "Task",
    "UnknownTask",
    "Unsupported",
    "UsageError",
    "unique",
]
