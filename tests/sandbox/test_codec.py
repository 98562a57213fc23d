"""The reply codec: agrees with ``==``, and survives any bytes."""

from __future__ import annotations

import json
import math
from collections import Counter, OrderedDict, deque, namedtuple
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lopa_bench.sandbox import Program, Reason, Test, codec
from lopa_bench.sandbox.judge import Outcome, judge

settings.register_profile("sandbox", deadline=None)  # machines that run this are busy
settings.load_profile("sandbox")

scalars = st.one_of(
    st.sampled_from([None, True, False, 0, 1, 1.0, -0.0, ...]),
    st.integers(min_value=-(10**400), max_value=10**400),
    st.floats(allow_nan=False),
    st.complex_numbers(allow_nan=False),
    st.text(st.characters(), max_size=20),  # lone surrogates among them
    st.binary(max_size=20),
    st.fractions(),
    st.decimals(allow_nan=False),
)
keys = st.recursive(scalars, lambda inner: st.tuples(inner, inner) | st.frozensets(inner))
values = st.recursive(
    scalars | st.binary(max_size=3).map(bytearray),
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.lists(inner, max_size=5).map(tuple),
        st.lists(inner, max_size=3).map(deque),
        st.dictionaries(keys, inner, max_size=4),
        st.sets(keys, max_size=4),
    ),
    max_leaves=20,
)


def through(value: object) -> object:
    return codec.decode(codec.load(codec.dump(value)), codec.count(value))


@given(values)
def test_a_value_comes_back_equal_and_of_its_type(value):
    assert through(value) == value
    assert type(through(value)) is type(value)


@given(values, values)
def test_equality_outside_is_equality_inside(returned, expected):
    """Also where the expected value limits what is decoded."""
    try:
        equal = codec.decode(codec.load(codec.dump(returned)), codec.count(expected)) == expected
    except codec.TooLarge:
        equal = False
    assert equal == (returned == expected)


def test_subclasses_that_inherit_their_equality_are_their_builtin():
    class Size(IntEnum):
        S = 3

    pair = namedtuple("pair", "a b")(1, 2)
    for value, plain in [
        (Size.S, 3),
        (pair, (1, 2)),
        (Counter("aab"), {"a": 2, "b": 1}),
        (OrderedDict(a=1), {"a": 1}),
        ({1: 2}.keys(), {1}),
        ({1: 2}.items(), {(1, 2)}),
        (OrderedDict({1: 2}).keys(), {1}),
        (OrderedDict({1: 2}).items(), {(1, 2)}),
    ]:
        assert value == plain
        returned = codec.decode(codec.load(codec.dump(value)), codec.count(plain))
        assert returned == plain
        assert type(returned) is type(plain)
    assert math.isnan(through(float("nan")))


@given(st.floats(), st.floats(width=32) | st.integers(-(2**63), 2**63) | st.complex_numbers() | st.booleans())
@example(0.1, 0.1)
@example(0.1, 0.1 + 0j)
@example(1e300, math.inf)
@example(65520.0, math.inf)
@example(0.1, True)
@example(0.0, 2**53 + 1)
@example(1.5, 1.5)
def test_numpys_numbers_equal_what_they_equal_there(number, expected):
    numpy = pytest.importorskip("numpy")
    with numpy.errstate(all="ignore"):
        for kind in (numpy.float16, numpy.float32, numpy.float64, numpy.longdouble, numpy.complex64, numpy.complex128):
            for value in (kind(number), *([] if isinstance(expected, complex) else [kind(expected)])):
                parts = zip((value.real, value.imag), (expected.real, expected.imag), strict=True)
                lost = any((numpy.isinf(own) and abs(part) != math.inf) or (part and not own) for own, part in parts)
                assert (through(value) == expected) == bool(value == expected and not lost), (value, expected)
                assert ([through(value)] == [expected]) == ([value] == [expected] and not lost)
    assert through(numpy.float32(0.1)) != through(0.1 + 1e-6)
    with pytest.raises(codec.Opaque):
        codec.dump(numpy.longdouble(1) / 3)


@pytest.mark.parametrize("value", [object(), int, iter([]), range(3), {1: 2}.values(), [print]])
def test_other_types_are_opaque(value):
    with pytest.raises(codec.Opaque):
        codec.dump(value)


def test_own_equality_is_never_asked():
    class Equal(int):
        def __eq__(self, other):
            raise AssertionError("asked")

        __hash__ = int.__hash__

    with pytest.raises(codec.Opaque):
        codec.dump([Equal(2)])


def test_caps():
    deep: list = []
    for _ in range(codec.MAX_DEPTH + 1):
        deep = [deep]
    cyclic: list = []
    cyclic.append(cyclic)
    long = [0] * (codec.MAX_ITEMS + 1)
    many_digits = (Decimal(10**4999), Fraction(2**20000), Fraction(1, 2**20000))
    for value in (*many_digits, deep, cyclic, long, "x" * (codec.MAX_BYTES + 1), 1 << (5 * codec.MAX_BYTES)):
        with pytest.raises(codec.TooLarge):
            codec.dump(value)
    assert through("x" * 1_000_000) == "x" * 1_000_000


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5)
    | st.sampled_from(["value", "int", "list", "dict", "set", "Decimal", "Fraction", "exception"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
)  # fmt: skip


def frame(payload: bytes) -> bytes:
    return len(payload).to_bytes(4, "big") + payload


def verdict_on(reply: bytes, **how: object) -> Reason:
    outcome = {"end": "exit", "exit_code": 0, "cpu_seconds": 0.0, "wall_seconds": 0.1}
    outcome |= {"timeout_s": 1.0, "reply": reply, **how}
    program = Program(0, "", (Test("f(1)", {8443: [1]}), Test("f(2)", 7)))
    return judge(program, Outcome(**outcome))[0]


READY, RAN = frame(b'["ready"]'), frame(b'["value",["None"]]')
RIGHT = frame(b'["value",["dict",[[["int","20fb"],["list",[["int","1"]]]]]]]')


@given(st.binary(), st.sampled_from([b"", READY, READY + RAN, READY + RAN + RIGHT]))
@example(b"\xff\xff\xff\xff", READY)
@example(frame(b"[" * 900_000), READY + RAN)
@example(frame(b'["value",["int","' + b"f" * 900_000 + b'"]]'), READY + RAN)
@example(frame(b'["value",["Decimal","sNaN"]]'), READY + RAN + RIGHT)
@example(frame(b'["value",["set",[["list",[]]]]]'), READY + RAN + RIGHT)
@example(frame(b'["value",["dict",[[["None"]]]]]'), READY + RAN)
@example(frame(b'["value",' + b"9" * 5000 + b"]"), READY + RAN)
@example(frame(b'["value",["set",[["float64","0x1p+0"],["int","%x"]]]]' % (1 + (2**61 - 1) * 2**1000)), READY + RAN)
@example(frame(b'["value",["float16","inf"]]'), READY + RAN + RIGHT)
@example(frame(b'["value",["float32","nan","0"]]'), READY + RAN + RIGHT)
@example(frame(b'["exception","print"]'), READY + RAN)
@example(frame(b'["exception",["ValueError"]]'), READY + RAN)
def test_any_bytes_give_a_verdict(garbage, before):
    for reply in (garbage, before + garbage, before + frame(garbage)):
        assert verdict_on(reply) is not Reason.PASSED


@given(json_values)
def test_any_json_gives_a_verdict(value):
    for answer in (value, ["value", value], ["exception", value]):
        assert verdict_on(READY + RAN + frame(json.dumps(answer).encode())) is not Reason.PASSED


def test_right_answers_pass_and_only_complete_and_clean():
    seven = frame(b'["value",["int","7"]]')
    complete = READY + RAN + RIGHT + seven
    assert verdict_on(complete) is Reason.PASSED
    assert verdict_on(READY + RAN + RIGHT) is Reason.EXIT
    assert verdict_on(complete[:-1]) is Reason.MALFORMED_REPLY
    assert verdict_on(complete + seven) is Reason.MALFORMED_REPLY
    assert verdict_on(complete + b"x") is Reason.MALFORMED_REPLY
    assert verdict_on(RAN + RIGHT + seven) is Reason.HARNESS_ERROR
    assert verdict_on(complete, exit_code=1) is Reason.EXIT
    assert verdict_on(complete, exit_code=-11) is Reason.EXIT
    assert verdict_on(complete, end="timeout", exit_code=-9) is Reason.TIMEOUT
    assert verdict_on(complete, exit_code=-9) is Reason.MEMORY
    assert verdict_on(complete, exit_code=-9, cpu_seconds=9.0) is Reason.TIMEOUT


def test_numbers_of_odd_kinds_compare_as_python_does():
    assert through(Decimal("0.5")) == 0.5
    assert through(Fraction(1, 2)) == 0.5
    assert through(True) == 1
    assert through([1]) != (1,)
    assert through(deque([1])) != [1]
