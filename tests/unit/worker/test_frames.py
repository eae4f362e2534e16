"""A child's frame is as long as the largest payload needs, and no longer."""

import pytest

from dutiful.core.outcome import Failed, Outcome, Succeeded
from dutiful.worker.error_text import MESSAGE_MAX, TRACEBACK_MAX
from dutiful.worker.isolation.child_process import frame_bytes_max
from dutiful.worker.isolation.frames import HEADER, About, Step, ended, pack

ABOUT = About("j" * 200, 2**31 - 1)
KIB = 1024


@pytest.mark.parametrize("size", [2, 256 * KIB, 40 * KIB * KIB])
def test_the_largest_result_fits(size: int) -> None:
    raw = b'"' + b"x" * (size - 2) + b'"'
    for message in (ended(ABOUT, Succeeded(raw)), Step(ABOUT, "n" * 500, raw)):
        assert len(pack(message)) - HEADER.size <= frame_bytes_max(size)


def test_the_longest_error_fits() -> None:
    text: Outcome = Failed("E" * 200, "\x01" * MESSAGE_MAX, "\x01" * TRACEBACK_MAX)
    assert len(pack(ended(ABOUT, text))) - HEADER.size <= frame_bytes_max(1)


def test_what_was_printed_on_the_line_is_no_frame() -> None:
    (length,) = HEADER.unpack(b"\nok\n"[: HEADER.size])
    assert length > frame_bytes_max(40 * KIB * KIB)
