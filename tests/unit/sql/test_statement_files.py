"""What a file of SQL statements may hold, and which mistakes are errors when it is read."""

from pathlib import Path

import pytest

from dutiful.engines._sql.statement_files import StatementTexts, read_statements


def read(folder: Path, **files: str) -> StatementTexts:
    for name, text in files.items():
        (folder / f"{name}.sql").write_text(text)
    return read_statements(folder)


def test_statements_are_found_by_name_in_any_file(tmp_path: Path) -> None:
    texts = read(
        tmp_path,
        job="-- Jobs.\n\n-- name: get\n-- One.\nSELECT 1\nFROM job\n\n-- name: drop\nDELETE 1\n",
        worker="-- name: leave_1\n\nDELETE 2",
    )
    assert dict(texts) == {
        "get": "SELECT 1\nFROM job",
        "drop": "DELETE 1",
        "leave_1": "DELETE 2",
    }


def test_comments_within_a_line_are_kept_and_whole_lines_are_not(tmp_path: Path) -> None:
    texts = read(tmp_path, job="-- name: a\nSELECT 1,\n-- Two.\n  -- Three.\n  2 -- only two\n")
    assert texts["a"] == "SELECT 1,\n  -- Three.\n  2 -- only two"


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("-- name: a\nSELECT 1")
    assert not read_statements(tmp_path)


def test_a_variant_has_the_lines_that_are_only_for_it(tmp_path: Path) -> None:
    texts = read(
        tmp_path,
        job="-- name: ready, behind\nSELECT 1\n  AND a > $1  -- only: behind\nLIMIT 1\n",
    )
    assert texts["ready"] == "SELECT 1\nLIMIT 1"
    assert texts["behind"] == "SELECT 1\n  AND a > $1\nLIMIT 1"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("SELECT 1\n-- name: a\nSELECT 2", "job.sql: there is text before the first line"),
        ("-- name:\nSELECT 1", "'-- name:': a name has small letters"),
        ("-- name: a,\nSELECT 1", "'-- name: a,': a name has small letters"),
        ("-- name: Claim\nSELECT 1", "'-- name: Claim': a name has small letters"),
        ("-- name: two words\nSELECT 1", "'-- name: two words': a name has small letters"),
        ("-- name: a\n-- name: b\nSELECT 1", "job.sql, '-- name: a': there is no text"),
        ("-- name: a\n-- What it does.\n", "job.sql, '-- name: a': there is no text"),
        ("-- name: a\nSELECT 1  -- only: b", "'-- name: a': there are lines only for b"),
        ("-- name: a\nSELECT 1\n-- name: a\nSELECT 2", "'a' is a statement of job.sql already"),
        ("-- name: a, a\nSELECT 1", "'a' is a statement of job.sql already"),
        ("--NAME : a\nSELECT 1\n-- Name: a\nSELECT 2", "'a' is a statement of job.sql already"),
    ],
)
def test_mistakes_are_errors(tmp_path: Path, text: str, error: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is compared below
        read(tmp_path, job=text)
    assert error in str(caught.value)


def test_a_name_may_stand_in_one_file_only(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^worker\.sql: 'a' is a statement of job\.sql already$"):
        read(tmp_path, job="-- name: a\nSELECT 1", worker="-- name: a\nSELECT 1")


def test_an_unknown_name_is_an_error_that_says_what_may_be_meant(tmp_path: Path) -> None:
    texts = read(tmp_path, job="-- name: claim\nSELECT 1")
    with pytest.raises(LookupError, match=r"no statement has the name 'clam'.+mean 'claim'"):
        texts["clam"]
    with pytest.raises(LookupError, match=r"no statement has the name 'x'.+add it"):
        texts["x"]
