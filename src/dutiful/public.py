"""The public names of the package, imported when the first of them is asked for."""

from .app import App
from .client.backfill import Backfill
from .client.context import Context
from .client.handle import Handle
from .client.occurrence import ThisOccurrence
from .client.options import unique_rule as unique
from .client.sensitive import Sensitive
from .client.task import Task
from .core.alerting.rule import Condition
from .core.alerting.sample import Sample
from .core.errors import (
    BadArguments,
    BadConfiguration,
    BadOption,
    BadPayload,
    BadSchedule,
    BadSignature,
    ClaimLost,
    DuplicateJob,
    DuplicateTask,
    DutifulError,
    EngineError,
    EngineUnavailable,
    JobError,
    JobFailed,
    JobNotFound,
    NotSent,
    PartlyEnqueued,
    PayloadTooLarge,
    ReplyUnknown,
    ResultTimeout,
    SchemaMismatch,
    SinkError,
    StepNotRecorded,
    StoreUnusable,
    UnknownSchedule,
    UnknownTask,
    UnknownWorker,
    Unsupported,
    UsageError,
)
from .core.outcome import Cancel, Discard, Snooze
from .core.retry import Retry
from .core.rule import Calendar, Cron, Dates, Dst, Interval
from .manage.alert_records import AlertRecord, RuleRecord, SilenceRecord
from .manage.bulk import BulkResult
from .manage.page import Page
from .manage.records import (
    DeadGroupRecord,
    ErrorRecord,
    JobRecord,
    LogLineRecord,
    QueueRecord,
)
from .manage.retrying import Retried
from .manage.schedule_records import OccurrenceRecord, ScheduleRecord
from .manage.worker_records import Ordered, WorkerRecord
from .worker.job_log import JobFields

__all__ = [
    "AlertRecord",
    "App",
    "Backfill",
    "BadArguments",
    "BadConfiguration",
    "BadOption",
    "BadPayload",
    "BadSchedule",
    "BadSignature",
    "BulkResult",
    "Calendar",
    "Cancel",
    "ClaimLost",
    "Condition",
    "Context",
    "Cron",
    "Dates",
    "DeadGroupRecord",
    "Discard",
    "Dst",
    "DuplicateJob",
    "DuplicateTask",
    "DutifulError",
    "EngineError",
    "EngineUnavailable",
    "ErrorRecord",
    "Handle",
    "Interval",
    "JobError",
    "JobFailed",
    "JobFields",
    "JobNotFound",
    "JobRecord",
    "LogLineRecord",
    "NotSent",
    "OccurrenceRecord",
    "Ordered",
    "Page",
    "PartlyEnqueued",
    "PayloadTooLarge",
    "QueueRecord",
    "ReplyUnknown",
    "ResultTimeout",
    "Retried",
    "Retry",
    "RuleRecord",
    "Sample",
    "ScheduleRecord",
    "SchemaMismatch",
    "Sensitive",
    "SilenceRecord",
    "SinkError",
    "Snooze",
    "StepNotRecorded",
    "StoreUnusable",
    "Task",
    "ThisOccurrence",
    "UnknownSchedule",
    "UnknownTask",
    "UnknownWorker",
    "Unsupported",
    "UsageError",
    "WorkerRecord",
    "unique",
]
