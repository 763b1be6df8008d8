"""What ExecuteStatement refuses before it looks at a table, in the service's words: text that is no
statement, what no statement does, conditions, values, parameters and tokens."""

from __future__ import annotations

import pytest

from tests.conformance.client import Json
from tests.conformance.conftest import Refuses
from tests.conformance.shapes import number
from tests.conformance.statements import Statements

WELL = "Statement wasn't well formed, can't be processed: "
INVALID = "One or more parameter values were invalid: "
OPERAND = "Incorrect operand type for operator or function; operator or function: "
COUNT = "Incorrect number of operands for operator or function; operator or function: "
UPDATE = 'UPDATE "@composite" SET q = 1'
DELETE = 'DELETE FROM "@composite"'
SELECT = 'SELECT * FROM "@composite"'
ONE = "WHERE a = 'x' AND b = '1'"

TEXTS = {
    "SELECT *": "Expected FROM after SELECT list",
    "SELECT * FROM": "Unexpected term",
    'SELECT * "@composite"': "Expected FROM after SELECT list",
    "SELECT FROM t": "Expected data manipulation",
    'SELECT *, a FROM "@composite"': (
        "Other expressions may not be present in the select list when '*' is used without dot"
        " notation."
    ),
    f"{SELECT} WHERE": "Unexpected term",
    f"{SELECT} WHERE a =": "Missing right-hand side expression of infix operator",
    f"{SELECT} WHERE a = 'x' AND": "Missing right-hand side expression of infix operator",
    f"{SELECT} WHERE a = 'x' more": "Unexpected token after expression",
    f"{SELECT} WHERE a = 'x')": "Unexpected token after expression",
    f"{SELECT}; {SELECT}": "Unexpected token after semicolon. (Only one query is allowed.)",
    f"{SELECT} WHERE size = 1": "Unexpected keyword",
    f"{SELECT} WHERE n IS 1": "Expected type name",
    f"{SELECT} WHERE a = :a": "Unexpected term",
    f"SLECT * FROM t {ONE}": "Expected data manipulation",
    f'UPDATE "@composite" {ONE}': "Expected data manipulation",
    f'UPDATE "@composite" SET {ONE}': "Expected identifier for simple path",
    f"UPDATE \"@composite\" SET 'q' = 1 {ONE}": "Expected identifier for simple path",
    f'UPDATE "@composite" SET q {ONE}': "Expected '='",
    f'UPDATE "@composite" REMOVE q, r {ONE}': "Unexpected token after expression",
    f"{UPDATE} RETURNING ALL NEW * {ONE}": "Unexpected token after expression",
    f"{UPDATE} {ONE} RETURNING NEW *": (
        "Expected ( MODIFIED | ALL ) ( NEW | OLD ) in each returning element."
    ),
    f'DELETE "@composite" {ONE}': "Expected FROM after DELETE",
    "DELETE FROM": "Expected identifier for simple path",
    'INSERT INTO "@composite" VALUE': "Unexpected term",
    "INSERT INTO \"@composite\" VALUES {'a': 'x'}": "Unexpected keyword",
}


@pytest.mark.parametrize("statement", TEXTS)
def test_text_that_is_no_statement(sql: Statements, statement: str) -> None:
    sql.refuses(statement, f"{WELL}{TEXTS[statement]}")


FORMS = {
    'SELECT a AS z FROM "@composite"': "Aliasing is not supported",
    f"{SELECT} q": "Aliasing is not supported",
    f'UPDATE "@composite" q SET x = 1 {ONE}': "Aliasing is not supported",
    'SELECT COUNT(*) FROM "@composite"': "Unexpected path component at 1:8:5",
    'SELECT 1 FROM "@composite"': "Unexpected path component at 1:8:1",
    'SELECT size(l) FROM "@composite"': "Unexpected path component at 1:8:4",
    'SELECT n, s, n FROM "@composite"': "Duplicate identifiers in select clause: n",
    'SELECT m.k, q.k FROM "@composite"': "Duplicate identifiers in select clause: k",
    'SELECT * FROM "@composite".i.j': (
        "A path may contain at most 2 components in the FROM clause"
    ),
    'SELECT * FROM ""': "Path component cannot be an empty string",
    f'UPDATE "@composite".global_all SET x = 1 {ONE}': (
        "This operation is not supported on an index"
    ),
    f'DELETE FROM "@composite".global_all {ONE}': "This operation is not supported on an index",
    f"{DELETE} {ONE} RETURNING ALL NEW *": (
        "Invalid returning clause: RETURNING ALL NEW *. Only RETURNING ALL OLD * is allowed in"
        " DELETE statements."
    ),
    f"{DELETE} {ONE} RETURNING MODIFIED OLD *": (
        "Invalid returning clause: RETURNING MODIFIED OLD *. Only RETURNING ALL OLD * is allowed"
        " in DELETE statements."
    ),
    f"EXISTS({SELECT} {ONE} AND n = 1)": (
        "EXISTS can only be used in ExecuteTransaction write requests."
    ),
    "x": "Unsupported operation: VariableReference",
    "1": "Unsupported operation: Literal",
    "{}": "Unsupported operation: Struct",
}


@pytest.mark.parametrize("statement", FORMS)
def test_what_no_statement_does(sql: Statements, statement: str) -> None:
    sql.refuses(statement, FORMS[statement])


CONDITIONS = {
    "n < true": f"{OPERAND}<, operand type: BOOL",
    "n < null": f"{OPERAND}<, operand type: NULL",
    "n >= []": f"{OPERAND}>=, operand type: L",
    "n BETWEEN true AND false": f"{OPERAND}BETWEEN, operand type: BOOL",
    "n BETWEEN 2 AND 1": (
        "The BETWEEN operator requires upper bound to be greater than or equal to lower bound;"
        " lower bound operand: AttributeValue: {N:2}, upper bound operand: AttributeValue: {N:1}"
    ),
    "n BETWEEN 1 AND 'x'": (
        "The BETWEEN operator requires same data type for lower and upper bounds; lower bound"
        " operand: AttributeValue: {N:1}, upper bound operand: AttributeValue: {S:x}"
    ),
    "begins_with(s, 1)": f"{OPERAND}begins_with, operand type: N",
    "begins_with(s)": f"{COUNT}begins_with, number of operands: 1",
    "contains(s)": f"{COUNT}contains, number of operands: 1",
    "attribute_exists(n, s)": f"{COUNT}attribute_exists, number of operands: 2",
    "attribute_type(n)": f"{COUNT}attribute_type, number of operands: 1",
    "attribute_type(n, 1)": f"{OPERAND}attribute_type, operand type: N",
    "attribute_exists('n')": (
        "Operator or function requires a document path; operator or function: attribute_exists"
    ),
    "size(1) = 1": f"{OPERAND}size, operand type: N",
    "n = n": (
        "The first operand must be distinct from the remaining operands for this operator or"
        " function; operator: =, first operand: [n]"
    ),
    f"n IN [{', '.join('1' * 101)}]": (
        "The IN operator is provided with too many operands; number of operands: 101"
    ),
    " AND ".join(["n = 1"] * 301): (
        "The expression contains too many operators; operator count: 301"
    ),
    "n = 1e126": (
        "Number overflow. Attempting to store a number with magnitude larger than supported range"
        " under root"
    ),
    "n = ?": "Number of parameters in request and statement don't match.",
    "a.x = 1": (
        "Key attributes must be scalars; list random access '[]' and map lookup '.' are not"
        " allowed: Key: a"
    ),
    "attribute_exists(b[0])": (
        "Key attributes must be scalars; list random access '[]' and map lookup '.' are not"
        " allowed: Key: b"
    ),
    "d.x = 1": (
        "Key attributes must be scalars; list random access '[]' and map lookup '.' are not"
        " allowed: IndexKey: d"
    ),
}


@pytest.mark.parametrize("condition", CONDITIONS)
def test_conditions_there_are_none_of(sql: Statements, condition: str) -> None:
    sql.refuses(f"{SELECT} WHERE {condition}", CONDITIONS[condition])


@pytest.mark.parametrize("index", ["-1", "2147483648"])
def test_list_indexes_have_a_range(sql: Statements, index: str) -> None:
    answer = sql.send(f'SELECT l[{index}] FROM "@composite"')
    assert (answer.status, answer.code) == (400, "ValidationException")
    place = f"at 1:{11 if index == '-1' else 10}:{len(index.lstrip('-'))}"
    assert answer.message == (
        f"List index is not within the allowable range; index: [{index}] {place}"
    )


VALUES = {
    "<<>>": "Empty bags are not supported",
    "<<1, 'x'>>": (
        "Unsupported data type in Bag. DynamoDB only supports either numbers or strings in bags"
    ),
    "<<true>>": (
        "Unsupported data type in Bag. DynamoDB only supports either numbers or strings in bags"
    ),
    "<<'x', 'x'>>": f"{INVALID}Input collection [x, x] contains duplicates.",
    "<<2, 2.0>>": f"{INVALID}Input collection [2, 2.0] contains duplicates! under root",
    f"[1, {'1' * 39}]": (
        "Attempting to store more than 38 significant digits in a Number under root[1]"
    ),
    "{'x': 1e-131}": (
        "Number underflow. Attempting to store a number with magnitude smaller than supported range"
        " under root.x"
    ),
    "{'a':" * 32 + "1" + "}" * 32: (
        f"Nesting Levels have exceeded supported limits under root{'.a' * 32}"
    ),
}


@pytest.mark.parametrize("value", VALUES)
def test_values_that_cannot_be_stored(sql: Statements, value: str) -> None:
    head = "INSERT INTO \"@composite\" VALUE {'a': 'x', 'b': '1', 'v': "
    sql.refuses(f"{head}{value}}}", VALUES[value])


def test_names_stand_once_in_a_tuple(sql: Statements, composite: str) -> None:
    place = len(composite)
    sql.refuses(
        "INSERT INTO \"@composite\" VALUE {'a': 'x', 'b': '1', 'a': 'y'}",
        f"Duplicate keys in tuple. Key: a under root at 1:{place + 43}:3",
    )
    sql.refuses(
        SELECT + " WHERE m = {'x': 1, 'x': 2}",
        f"Duplicate keys in tuple. Key: x under root at 1:{place + 28}:1",
    )


PARAMETERS: dict[str, tuple[Json, str]] = {
    "a number that is none": (
        number("x"),
        "The parameter cannot be converted to a numeric value: x",
    ),
    "an empty set": ({"SS": []}, f"{INVALID}An string set  may not be empty"),
    "a set with duplicates": (
        {"SS": ["a", "a"]},
        f"{INVALID}Input collection [a, a] contains duplicates.",
    ),
    "nothing": (
        {},
        "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
    ),
    "two types": (
        {"S": "x", "N": "1"},
        (
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of"
            " the supported datatypes"
        ),
    ),
}


@pytest.mark.parametrize("case", PARAMETERS)
def test_parameters_come_before_the_statement(sql: Statements, case: str) -> None:
    value, message = PARAMETERS[case]
    sql.refuses("UPDATE nonsense (", message, value)


@pytest.mark.parametrize("token", ["x", "AAAA", "{}", "A" * 88])
def test_tokens_that_were_not_issued(sql: Statements, token: str) -> None:
    sql.refuses(SELECT, "Invalid NextToken", NextToken=token)


def detected(value: str, place: str, constraint: str) -> str:
    return (
        f"1 validation error detected: Value {value} at '{place}' failed to satisfy constraint:"
        f" Member must {constraint}"
    )


SHAPES: dict[str, tuple[Json, str]] = {
    "no statement": ({}, detected("null", "statement", "not be null")),
    "an empty statement": (
        {"Statement": ""},
        detected("''", "statement", "have length greater than or equal to 1"),
    ),
    "a long statement": (
        {"Statement": "x" * 8193},
        detected(f"'{'x' * 8193}'", "statement", "have length less than or equal to 8192"),
    ),
    "a limit of nothing": (
        {"Statement": "x", "Limit": 0},
        detected("'0'", "limit", "have value greater than or equal to 1"),
    ),
    "no parameters": (
        {"Statement": "x", "Parameters": []},
        detected("'[]'", "parameters", "have length greater than or equal to 1"),
    ),
    "an unknown detail of capacity": (
        {"Statement": "x", "ReturnConsumedCapacity": "SOME"},
        detected(
            "'SOME'", "returnConsumedCapacity", "satisfy enum value set: [INDEXES, TOTAL, NONE]"
        ),
    ),
    "an unknown return value": (
        {"Statement": "x", "ReturnValuesOnConditionCheckFailure": "ALL_NEW"},
        detected(
            "'ALL_NEW'",
            "returnValuesOnConditionCheckFailure",
            "satisfy enum value set: [ALL_OLD, NONE]",
        ),
    ),
}


@pytest.mark.parametrize("case", SHAPES)
def test_the_shape_comes_first(refuses: Refuses, case: str) -> None:
    body, message = SHAPES[case]
    refuses("ExecuteStatement", body, message)
