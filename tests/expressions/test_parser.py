"""Proves that texts become the trees they mean, and what is said of texts that mean nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.errors import ValidationException
from tailrace.expressions.parser import parse_condition, parse_projection, parse_update
from tailrace.expressions.tree import (
    Alias,
    And,
    Arithmetic,
    Between,
    Call,
    Compare,
    Condition,
    In,
    Literal,
    Node,
    Not,
    Operand,
    Or,
    PathNode,
    UpdateAction,
)

A, B, V = PathNode(("a",)), PathNode(("b",)), Literal(":v")


def _condition(text: str) -> Condition:
    return parse_condition(text, "ConditionExpression").root


def _condition_error(text: str) -> str:
    with pytest.raises(ValidationException) as caught:
        _condition(text)
    assert caught.value.message.startswith("Invalid ConditionExpression: ")
    return caught.value.message.removeprefix("Invalid ConditionExpression: ")


def _update_error(text: str) -> str:
    with pytest.raises(ValidationException) as caught:
        parse_update(text)
    assert caught.value.message.startswith("Invalid UpdateExpression: ")
    return caught.value.message.removeprefix("Invalid UpdateExpression: ")


# Trees -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a = :v", Compare("=", A, V)),
        ("(a) <> (:v)", Compare("<>", A, V)),
        ("a.b[0].#c >= :v", Compare(">=", PathNode(("a", "b", 0, Alias("#c"))), V)),
        ("a between :v and b", Between(A, V, B)),
        ("a IN (:v, b)", In(A, (V, B))),
        ("attribute_exists(a)", Call("attribute_exists", (A,))),
        ("size ( a ) < :v", Compare("<", Call("size", (A,)), V)),
        ("a=:v or b=:v and not a=b", None),
        ("(a=:v or b=:v) and a=b", None),
        ("not not a = b", Compare("=", A, B)),
        ("not (not (a = b))", Compare("=", A, B)),
        ("not not not a = b", Not(Compare("=", A, B))),
    ],
)
def test_conditions(text: str, tree: Condition | None) -> None:
    one, two, three = Compare("=", A, V), Compare("=", B, V), Compare("=", A, B)
    if tree is None and text.startswith("("):
        tree = And((Or((one, two)), three))
    elif tree is None:
        tree = Or((one, And((two, Not(three)))))
    assert _condition(text) == tree


def test_updates() -> None:
    parsed = parse_update(
        "set a = b + :v, b = if_not_exists(a, :v) REMOVE a.b ADD a :v delete b :v"
    )
    assert parsed.actions == (
        UpdateAction("SET", A, Arithmetic("+", B, V)),
        UpdateAction("SET", B, Call("if_not_exists", (A, V))),
        UpdateAction("REMOVE", PathNode(("a", "b")), None),
        UpdateAction("ADD", A, V),
        UpdateAction("DELETE", B, V),
    )
    assert parse_update("SET a = ((b) - (:v))").actions[0].value == Arithmetic("-", B, V)


def test_projections() -> None:
    parsed = parse_projection("a, b[0].#c")
    assert parsed.paths == (A, PathNode(("b", 0, Alias("#c"))))


# Rendering and parsing back ----------------------------------------------------------------------

names = st.sampled_from(["a", "b", "c_1", "Zz"])
steps = st.one_of(names, st.integers(0, 99), st.builds(Alias, st.sampled_from(["#n", "#_1"])))
paths = st.builds(
    lambda head, tail: PathNode((head, *tail)),
    st.one_of(names, st.builds(Alias, st.just("#h"))),
    st.lists(steps, max_size=3),
)
literals = st.builds(Literal, st.sampled_from([":v", ":w", ":1"]))
operands: st.SearchStrategy[Operand] = st.one_of(
    paths, literals, st.builds(lambda path: Call("size", (path,)), paths)
)
comparisons: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Compare, st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), operands, operands),
    st.builds(Between, operands, operands, operands),
    st.builds(In, operands, st.lists(operands, min_size=1, max_size=3).map(tuple)),
    st.builds(lambda path: Call("attribute_not_exists", (path,)), paths),
    st.builds(lambda one, two: Call("contains", (one, two)), operands, operands),
)


def _joined(below: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    terms = st.lists(below, min_size=2, max_size=3).map(tuple)
    negated = below.filter(lambda term: not isinstance(term, Not))
    return st.one_of(st.builds(And, terms), st.builds(Or, terms), st.builds(Not, negated))


conditions: st.SearchStrategy[Condition] = st.recursive(comparisons, _joined, max_leaves=8)


def render(node: Node, chosen: int = 0) -> str:
    """The text of a tree; `chosen` says what blanks, capitals and parentheses it has."""
    keyword = str.upper if chosen & 1 else str.lower
    gap = " \t" if chosen & 2 else " "
    match node:
        case PathNode(steps_):
            text = ""
            for step in steps_:
                if isinstance(step, int):
                    text += f"[{step}]"
                else:
                    text += "." if text else ""
                    text += step.key if isinstance(step, Alias) else step
            return text
        case Literal(key):
            return key
        case Call(function, operands_):
            return f"{function}({', '.join(render(operand) for operand in operands_)})"
        case Compare(operator, left, right) | Arithmetic(operator, left, right):
            return f"{render(left)}{gap}{operator} {render(right)}"
        case Between(operand, low, high):
            words = f" {keyword('between')} {render(low)}{gap}{keyword('and')} "
            return f"({render(operand)}){words}{render(high)}"
        case In(operand, choices):
            listed = ",".join(f"({render(choice)})" for choice in choices)
            return f"{render(operand)}{gap}{keyword('in')} ({listed})"
        case Not(term):
            return f"{keyword('not')} {_inner(term, chosen)}"
        case And(terms):
            return f" {keyword('and')}{gap}".join(_inner(term, chosen) for term in terms)
        case Or(terms):
            return f" {keyword('or')}{gap}".join(_inner(term, chosen) for term in terms)


def _inner(term: Condition, chosen: int) -> str:
    text = render(term, chosen)
    return f"({text})" if isinstance(term, And | Or) or chosen & 4 else text


@given(conditions, st.integers(0, 7))
def test_rendered_trees_parse_back(tree: Condition, chosen: int) -> None:
    assert _condition(render(tree, chosen)) == tree


# Syntax errors -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "token", "near"),
    [
        (" ", "<EOF>", " "),
        ("a", "<EOF>", "a"),
        ("a = ", "<EOF>", "= "),
        ("= :v", "=", "= :v"),
        ("a b c", "b", "a b c"),
        (" a b ", "b", "a b "),
        ("  ) ", ")", "  ) "),
        ("a == :v", "=", "== :v"),
        ("a = :v and", "<EOF>", "and"),
        ("a = :v AND AND a = :v", "AND", "AND AND a"),
        ("a = :v)", ")", ":v)"),
        ("(a = :v", "<EOF>", ":v"),
        ("((", "<EOF>", "("),
        ("()", ")", "()"),
        ("(a) and a = :v", "and", ") and a"),
        ("(a = :v) = :v", "=", ") = :v"),
        ("(a)", "<EOF>", ")"),
        ("a + b = :v", "+", "a + b"),
        ("a != :v", "!", "a !="),
        ("a = 1", "1", "= 1"),
        ('a = "x"', '"', '= "x'),
        ("a[01] = :v", "1", "01]"),
        ("a[-1] = :v", "-", "[-1"),
        ("a[:v] = :v", ":v", "[:v]"),
        ("a..b = :v", ".", "..b"),
        ("a.1 = :v", "1", ".1 ="),
        ("_a = :v", "_", "_a"),
        ("a-b = :v", "-", "a-b"),
        ("a = :v\x0b", "\x0b", ":v\x0b"),
        ("é = :v", "é", "é ="),
        ("a in :v", ":v", "in :v"),
        ("a in ()", ")", "()"),
        ("a in (:v,)", ")", ",)"),
        ("a between :v or :v", "or", ":v or :v"),
        ("a < b < :v", "<", "b < :v"),
        ("between = :v", "between", "between ="),
        ("SET a = :v", "SET", "SET a"),
        ("foo()", ")", "()"),
        ("foo(a)(b)", "(", ")(b"),
        ("foo(a).b = :v", ".", ").b"),
        (":v.a = :v", ".", ":v.a"),
        ("not a", "<EOF>", "a"),
        ("a < =:v", "=", "< =:v"),
        ("((a)) :v", ":v", ") :v"),
    ],
)
def test_syntax_errors_of_conditions(text: str, token: str, near: str) -> None:
    assert _condition_error(text) == f'Syntax error; token: "{token}", near: "{near}"'


@pytest.mark.parametrize(
    ("text", "token", "near"),
    [
        (" ", "<EOF>", " "),
        ("SET", "<EOF>", "SET"),
        ("SET a", "<EOF>", "a"),
        ("SET a = :v,", "<EOF>", ","),
        ("SET a = :v, SET b = :v", "SET", ", SET b"),
        ("SET a = :v foo", "foo", ":v foo"),
        ("SET a = b + b + b", "+", "b + b"),
        ("SET a = (b + b) + b", "+", ") + b"),
        ("SET a = :v * b", "*", ":v * b"),
        ("SET a = if_not_exists(b, b + b)", "+", "b + b"),
        ("SET :v = a", ":v", "SET :v ="),
        ("INVALID SYNTAX HERE", "INVALID", "INVALID SYNTAX"),
        ("ADD a b", "b", "a b"),
        ("ADD a :v + :v", "+", ":v + :v"),
        ("ADD a (:v)", "(", "a (:v"),
        ("DELETE a", "<EOF>", "a"),
        ("REMOVE a b", "b", "a b"),
        ("REMOVE (a)", "(", "REMOVE (a"),
    ],
)
def test_syntax_errors_of_updates(text: str, token: str, near: str) -> None:
    assert _update_error(text) == f'Syntax error; token: "{token}", near: "{near}"'


@pytest.mark.parametrize(
    ("text", "token", "near"),
    [("a,", "<EOF>", ","), (",a", ",", ",a"), ("a b", "b", "a b"), ("size(a)", "(", "size(a")],
)
def test_syntax_errors_of_projections(text: str, token: str, near: str) -> None:
    with pytest.raises(ValidationException) as caught:
        parse_projection(text)
    assert caught.value.message == (
        f'Invalid ProjectionExpression: Syntax error; token: "{token}", near: "{near}"'
    )


REDUNDANT = "The expression has redundant parentheses;"
EMPTY = "The expression can not be empty;"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", EMPTY),
        ("((a = :v))", REDUNDANT),
        ("((a)) = :v", REDUNDANT),
        ("a = ((:v))", REDUNDANT),
        ("((attribute_exists(a)))", REDUNDANT),
        ("a in (((:v)))", REDUNDANT),
        ("((a)) = :v and a = ", REDUNDANT),
        ("status = ((a))", REDUNDANT),
        ("foo(status)", "Invalid function name; function: foo"),
        ("SIZE(a) = :v", "Invalid function name; function: SIZE"),
        (
            "status = :v and foo(a)",
            "Attribute name is a reserved keyword; reserved keyword: status",
        ),
        ("a.Status = :v", "Attribute name is a reserved keyword; reserved keyword: Status"),
        (
            "a[2147483648] = status",
            "List index is not within the allowable range; index: [2147483648]",
        ),
        (
            "size(a)",
            "The function is not allowed to be used this way in an expression; function: size",
        ),
        (
            "a = attribute_exists(a)",
            (
                "The function is not allowed to be used this way in an expression;"
                " function: attribute_exists"
            ),
        ),
        (
            "if_not_exists(a, :v)",
            "The function is not allowed in a condition expression; function: if_not_exists",
        ),
    ],
)
def test_other_errors_of_conditions(text: str, message: str) -> None:
    assert _condition_error(text) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", EMPTY),
        ("SET a = ((b))", REDUNDANT),
        ("SET a = ((b + b))", REDUNDANT),
        ("SET a = ((b)) + b", REDUNDANT),
        ("SET a = foo(b) SET c = d", "Invalid function name; function: foo"),
        (
            "SET a = size(b)",
            "The function is not allowed in an update expression; function: size",
        ),
        (
            "SET a = b + list_append(b, b)",
            (
                "The function is not allowed to be used this way in an expression;"
                " function: list_append"
            ),
        ),
        (
            "SET a = if_not_exists(b, list_append(b, b))",
            (
                "The function is not allowed to be used this way in an expression;"
                " function: list_append"
            ),
        ),
        (
            "SET a = (list_append(b, b)) + b",
            (
                "The function is not allowed to be used this way in an expression;"
                " function: list_append"
            ),
        ),
        (
            "SET a = b REMOVE c SET d = e",
            'The "SET" section can only be used once in an update expression;',
        ),
        (
            "SET a = b SET status = c",
            "Attribute name is a reserved keyword; reserved keyword: status",
        ),
        (
            "REMOVE a REMOVE b SET c = status",
            'The "REMOVE" section can only be used once in an update expression;',
        ),
    ],
)
def test_other_errors_of_updates(text: str, message: str) -> None:
    assert _update_error(text) == message


@pytest.mark.parametrize("text", ["SET a = (b)", "SET a = (b) + b", "SET a = ((b) + (b))"])
def test_parentheses_that_hold_something_are_not_redundant(text: str) -> None:
    assert len(parse_update(text).actions) == 1
