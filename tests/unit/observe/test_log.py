"""What the log says of events."""

import pytest

from dutiful.core.event import OccurrenceMissed
from dutiful.core.misfire import COUNTED_MAX
from dutiful.observe.log import log


@pytest.mark.parametrize(
    ("count", "text"), [(3, "00:00: 3;"), (COUNTED_MAX + 1, f"00:00: more than {COUNTED_MAX};")]
)
def test_misfires_are_counted_so_far(
    caplog: pytest.LogCaptureFixture, count: int, text: str
) -> None:
    log(OccurrenceMissed("tick", 0, count))
    (record,) = caplog.records
    assert text in record.getMessage()
