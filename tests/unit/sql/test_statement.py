"""Plans are driven without knowing who executes them."""

import pytest

from dutiful.core.errors import EngineError, EngineUnavailable
from dutiful.engines._sql.statement import Answer, Plan, Statement, run


def two_steps() -> Plan[int]:
    first = yield Statement("first", (1,))
    second = yield Statement("second", first.rows)
    return first.count + second.count


def forgiving() -> Plan[str]:
    try:
        yield Statement("fails")
    except EngineUnavailable:
        answer = yield Statement("instead")
        return f"mended {answer.count}"
    return "fine"


def test_a_plan_gets_the_answer_of_each_statement() -> None:
    seen: list[Statement] = []

    def execute(statement: Statement) -> Answer:
        seen.append(statement)
        return Answer([len(seen)], len(seen))

    assert run(two_steps(), execute) == 3
    assert seen == [Statement("first", (1,)), Statement("second", [1])]


def test_a_plan_without_statements_has_its_result() -> None:
    def nothing() -> Plan[str]:
        return "done"
        yield Statement("never")

    assert run(nothing(), lambda _: Answer([], 0)) == "done"


def test_a_plan_may_answer_an_engines_error() -> None:
    def execute(statement: Statement) -> Answer:
        if statement.text == "fails":
            raise EngineUnavailable("locked")
        return Answer([], 7)

    assert run(forgiving(), execute) == "mended 7"


def test_an_error_without_an_answer_goes_to_the_caller() -> None:
    def execute(statement: Statement) -> Answer:
        raise EngineError(statement.text)

    with pytest.raises(EngineError, match="first"):
        run(two_steps(), execute)


def test_another_error_is_not_the_plans_affair() -> None:
    def execute(statement: Statement) -> Answer:
        raise KeyError(statement.text)

    with pytest.raises(KeyError):
        run(two_steps(), execute)
