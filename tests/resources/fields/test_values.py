"""Which JSON values each kind takes, what they mean, and with which code it refuses the rest."""

from __future__ import annotations

import contextlib
import time as clock
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.dialects import postgresql

from meze.resources.fields import Exact, entry_for
from resources.fields.columns import Genre, Rank, read, type_of

DEEP: Any = 1
for _ in range(65):
    DEEP = [DEEP]
WIDE = sa.Numeric(40, 20)


@pytest.mark.parametrize(
    ("sqltype", "sent", "meant"),
    [
        pytest.param(sa.Integer(), Decimal("1.0"), 1, id="a-whole-number-may-have-a-zero-fraction"),
        pytest.param(sa.Integer(), Decimal("1e2"), 100, id="a-whole-number-may-have-an-exponent"),
        pytest.param(sa.BigInteger(), 2**63 - 1, 2**63 - 1, id="integers-are-exact-to-64-bits"),
        pytest.param(sa.Numeric(5, 2), "1.5", Decimal("1.50"), id="decimals-take-the-scale-of-the-column"),
        pytest.param(sa.Numeric(5, 2), "1.5000", Decimal("1.50"), id="zeros-at-the-end-of-a-decimal-say-nothing"),
        pytest.param(sa.Numeric(5, 2), Decimal("1E+2"), Decimal("100.00"), id="a-number-may-have-an-exponent"),
        pytest.param(sa.Numeric(5, 2), "-0", Decimal("0.00"), id="there-is-no-negative-zero"),
        pytest.param(sa.Numeric(5), 7, Decimal(7), id="no-scale-is-scale-0"),
        pytest.param(sa.Float(), 3, 3.0, id="a-float-may-be-written-as-a-whole-number"),
        pytest.param(sa.REAL(), Decimal("0.1"), 0.10000000149011612, id="REAL-is-rounded-to-what-it-holds"),
        pytest.param(sa.Date(), "2024-02-29", date(2024, 2, 29), id="a-leap-day"),
        pytest.param(
            sa.DateTime(),
            "2026-05-31T23:30:00.000001-02:30",
            datetime(2026, 6, 1, 2, 0, 0, 1, tzinfo=UTC),
            id="an-offset-is-turned-to-utc",
        ),
        pytest.param(
            sa.DateTime(), "2026-05-31t12:00:00z", datetime(2026, 5, 31, 12, tzinfo=UTC), id="t-and-z-in-either-case"
        ),
        pytest.param(
            sa.DateTime(),
            "2026-05-31T12:00:00-00:00",
            datetime(2026, 5, 31, 12, tzinfo=UTC),
            id="an-unknown-offset-is-utc",
        ),
        pytest.param(sa.Time(), "09:05", time(9, 5), id="seconds-may-be-left-out"),
        pytest.param(sa.Interval(), "P2W", timedelta(weeks=2), id="weeks"),
        pytest.param(sa.Interval(), "-PT1.5S", -timedelta(seconds=1.5), id="a-negative-duration"),
        pytest.param(sa.Enum(Genre), "the blues", Genre.BLUES, id="an-enum-is-given-by-value"),
        pytest.param(sa.Enum(Rank), 10, Rank.HIGH, id="an-enum-may-hold-numbers"),
        pytest.param(sa.LargeBinary(), "", b"", id="no-bytes"),
        pytest.param(sa.JSON(), {"a": [Decimal("1.5"), None]}, {"a": [1.5, None]}, id="json-numbers-are-doubles"),
        pytest.param(sa.ARRAY(sa.Integer()), [1, None], [1, None], id="items-of-an-array-may-be-null"),
    ],
)
def test_a_json_value_is_taken(sqltype: Any, sent: Any, meant: Any) -> None:
    taken = read(type_of(sqltype, "postgresql"), sent)

    assert taken == meant
    assert type(taken) is type(meant)
    assert repr(taken) == repr(meant)


@pytest.mark.parametrize(
    ("sqltype", "sent", "code", "params"),
    [
        pytest.param(sa.Integer(), True, "wrong_type", {}, id="a-boolean-is-no-integer"),
        pytest.param(sa.Integer(), "1", "wrong_type", {}, id="text-is-no-integer"),
        pytest.param(sa.Integer(), Decimal("1.5"), "wrong_type", {}, id="a-fraction-is-no-integer"),
        pytest.param(sa.Integer(), Decimal("1e999999999"), "wrong_type", {}, id="a-huge-exponent-is-not-written-out"),
        pytest.param(sa.Integer(), 2**31, "too_big", {"max": 2**31 - 1}, id="beyond-32-bits"),
        pytest.param(sa.SmallInteger(), -(2**15) - 1, "too_small", {"min": -(2**15)}, id="beyond-16-bits"),
        pytest.param(sa.Integer(), None, "wrong_type", {}, id="null-is-no-integer"),
        pytest.param(sa.Boolean(), 1, "wrong_type", {}, id="one-is-not-true"),
        pytest.param(sa.Boolean(), "true", "wrong_type", {}, id="text-is-not-true"),
        pytest.param(sa.String(3), "abcd", "too_long", {"max": 3}, id="text-over-its-length"),
        pytest.param(sa.String(3), "𝒳𝒴𝒵", None, {}, id="length-counts-characters"),
        pytest.param(sa.Text(), "a\0b", "bad_format", {}, id="NUL-in-text"),
        pytest.param(sa.Text(), "\ud800", "bad_format", {}, id="a-lone-surrogate-in-text"),
        pytest.param(sa.String(3), "\ud800", "bad_format", {}, id="a-lone-surrogate-in-bounded-text"),
        pytest.param(sa.CHAR(3), "a ", "bad_format", {}, id="spaces-that-CHAR-would-lose"),
        pytest.param(sa.Numeric(5, 2), "1000", "too_big", {"max": "999.99"}, id="more-digits-than-the-precision"),
        pytest.param(sa.Numeric(5, 2), -1000, "too_small", {"min": "-999.99"}, id="as-many-below-zero"),
        pytest.param(sa.Numeric(5, 2), "999.999", "bad_format", {}, id="more-digits-than-the-scale-even-at-the-limit"),
        pytest.param(sa.Numeric(5, 2), "1e2", "bad_format", {}, id="an-exponent-in-text"),
        pytest.param(sa.Numeric(5, 2), "NaN", "bad_format", {}, id="NaN-as-text"),
        pytest.param(sa.Numeric(5, 2), Decimal("NaN"), "bad_format", {}, id="NaN"),
        pytest.param(sa.Numeric(5, 2), Decimal("1e-999999999"), "bad_format", {}, id="a-tiny-number"),
        pytest.param(sa.Numeric(5, 2), Decimal("1e999999999"), "too_big", {"max": "999.99"}, id="a-huge-number"),
        pytest.param(sa.Numeric(5, 2), "١", "bad_format", {}, id="digits-of-another-script"),
        pytest.param(sa.Numeric(5, 2), True, "wrong_type", {}, id="a-boolean-is-no-decimal"),
        pytest.param(sa.Numeric(2, 3), "0.1", "too_big", {"max": "0.099"}, id="a-scale-over-the-precision"),
        pytest.param(
            sa.Numeric(), "9" * 501, "too_big", {"max": "9" * 500 + "." + "9" * 500}, id="an-unbounded-column"
        ),
        pytest.param(sa.Float(), Decimal("1e400"), "too_big", {"max": 1.7976931348623157e308}, id="beyond-a-double"),
        pytest.param(sa.Float(), -(10**400), "too_small", {"min": -1.7976931348623157e308}, id="a-whole-number-beyond"),
        pytest.param(sa.Float(), Decimal("NaN"), "bad_format", {}, id="a-float-is-a-number"),
        pytest.param(sa.Float(), "1.5", "wrong_type", {}, id="text-is-no-float"),
        pytest.param(sa.REAL(), Decimal("1e39"), "too_big", {"max": 3.4028235e38}, id="beyond-a-single"),
        pytest.param(sa.Date(), "2026-02-30", "bad_format", {}, id="no-such-day"),
        pytest.param(sa.Date(), "20260230", "bad_format", {}, id="another-iso-spelling-of-a-day"),
        pytest.param(sa.Date(), 20260530, "wrong_type", {}, id="a-number-is-no-day"),
        pytest.param(sa.DateTime(), "2026-05-31T12:00:00", "bad_format", {}, id="no-offset-is-no-moment"),
        pytest.param(sa.DateTime(), "2026-05-31T12:00:00 02:00", "bad_format", {}, id="a-plus-that-became-a-space"),
        pytest.param(sa.DateTime(), "2026-05-31 12:00:00Z", "bad_format", {}, id="a-space-between-day-and-time"),
        pytest.param(sa.DateTime(), "2016-12-31T23:59:60Z", "bad_format", {}, id="a-leap-second"),
        pytest.param(sa.DateTime(), "2026-05-31T24:00:00Z", "bad_format", {}, id="the-24th-hour"),
        pytest.param(sa.DateTime(), "2026-05-31T12:00:00.1234567Z", "bad_format", {}, id="seven-digits"),
        pytest.param(sa.DateTime(), "0001-01-01T00:00:00+01:00", "bad_format", {}, id="before-the-year-1-in-utc"),
        pytest.param(sa.DateTime(), "9999-12-31T23:59:59-01:00", "bad_format", {}, id="after-the-year-9999-in-utc"),
        pytest.param(sa.DateTime(), "0000-01-01T00:00:00Z", "bad_format", {}, id="the-year-0"),
        pytest.param(
            postgresql.TIMESTAMP(precision=0), "2026-05-31T12:00:00.5Z", "bad_format", {}, id="would-be-rounded"
        ),
        pytest.param(sa.Time(), "09:05:00Z", "bad_format", {}, id="a-time-has-no-offset"),
        pytest.param(sa.Time(), "25:00", "bad_format", {}, id="no-such-hour"),
        pytest.param(sa.Interval(), "P1M", "bad_format", {}, id="a-month-has-no-length"),
        pytest.param(sa.Interval(), "PT", "bad_format", {}, id="a-duration-of-nothing"),
        pytest.param(sa.Interval(), "P999999D", "too_big", {"max": "P719000D"}, id="a-duration-out-of-range"),
        pytest.param(sa.Interval(), "-P999999D", "too_small", {"min": "-P719000D"}, id="as-long-before"),
        pytest.param(sa.Enum(Genre), "JAZZ", "not_one_of", {"allowed": "jazz, the blues"}, id="an-enum-by-name"),
        pytest.param(sa.Enum(Rank), True, "not_one_of", {"allowed": "1, 10"}, id="true-is-not-one"),
        pytest.param(sa.Enum(Rank), [1], "wrong_type", {}, id="a-list-is-no-enum"),
        pytest.param(sa.Uuid(), "018f3b0c7f3e7cc29d6b2f6f0a2f5b1e", "bad_format", {}, id="a-uuid-without-hyphens"),
        pytest.param(sa.Uuid(), 5, "wrong_type", {}, id="a-number-is-no-uuid"),
        pytest.param(sa.LargeBinary(), "QQ", "bad_format", {}, id="base64-without-padding"),
        pytest.param(sa.LargeBinary(), "QR==", "bad_format", {}, id="base64-with-stray-bits"),
        pytest.param(sa.LargeBinary(), "Q Q=", "bad_format", {}, id="base64-with-a-space"),
        pytest.param(sa.LargeBinary(), "é===", "bad_format", {}, id="base64-is-ascii"),
        pytest.param(sa.LargeBinary(1), "QUE=", "too_long", {"max": 1}, id="bytes-over-their-length"),
        pytest.param(sa.JSON(), {"a": "\0"}, "bad_format", {}, id="NUL-in-json"),
        pytest.param(sa.JSON(), {"\0": 1}, "bad_format", {}, id="NUL-in-a-name-in-json"),
        pytest.param(sa.JSON(), ["\udc00"], "bad_format", {}, id="a-lone-surrogate-in-json"),
        pytest.param(sa.JSON(), DEEP, "bad_format", {}, id="json-too-deep"),
        pytest.param(sa.JSON(), [Decimal("1e400")], "bad_format", {}, id="infinity-in-json"),
        pytest.param(sa.ARRAY(sa.Integer()), 1, "wrong_type", {}, id="a-number-is-no-array"),
        pytest.param(sa.ARRAY(sa.Integer()), [1, "x"], "wrong_type", {}, id="an-item-of-the-wrong-type"),
    ],
)
def test_a_json_value_is_refused(sqltype: Any, sent: Any, code: str | None, params: dict[str, Any]) -> None:
    kind = type_of(sqltype, "postgresql")
    if code is None:
        assert read(kind, sent) == sent
        return

    with pytest.raises(ValidationError) as refusal:
        TypeAdapter(kind.annotation).validate_python(sent)

    (error,) = refusal.value.errors()
    entry = entry_for(error, kind, "/value")
    assert entry.code == code
    assert params.items() <= entry.params.items()
    for language in ("en", "zh"):
        assert "{" not in entry.as_json(language)["detail"]


@pytest.mark.parametrize(
    ("sqltype", "text"),
    [
        pytest.param(sa.Integer(), text, id=f"integer-{text!r}")
        for text in (
            "",
            "+1",
            " 1",
            "1 ",
            "1_0",
            "٣",
            "1.0",
            "1e2",
            "0x1",
            "--1",
            "-",
            "1\n",
            "2147483648",
            "-2147483649",
        )
    ]
    + [pytest.param(sa.Boolean(), text, id=f"boolean-{text!r}") for text in ("", "1", "True", "TRUE", "yes", " true")]
    + [
        pytest.param(sa.Numeric(5, 2), text, id=f"decimal-{text!r}")
        for text in ("", "1e2", "1.", ".5", "Infinity", "+1")
    ]
    + [
        pytest.param(sa.Float(), text, id=f"float-{text!r}")
        for text in ("", "nan", "inf", "1e999", "0x1p3", "1_0", "1.")
    ]
    + [
        pytest.param(sa.Text(), "a\0", id="text-with-NUL"),
        pytest.param(sa.Text(), "\ud800", id="text-with-a-lone-surrogate"),
        pytest.param(sa.Date(), "", id="no-date"),
        pytest.param(sa.DateTime(), "2026-05-31T12:00:00", id="a-moment-without-offset"),
        pytest.param(sa.Enum(Genre), "", id="no-enum"),
        pytest.param(sa.Uuid(), "", id="no-uuid"),
        pytest.param(sa.LargeBinary(), "", id="no-bytes-in-a-url"),
        pytest.param(sa.JSON(), "1", id="json-is-not-filtered-by-value"),
        pytest.param(sa.ARRAY(sa.Integer()), "1,2", id="an-array-is-written-as-json"),
        pytest.param(sa.ARRAY(sa.Integer()), "[" * 100_000, id="a-deep-array"),
        pytest.param(sa.ARRAY(sa.Float()), "[NaN]", id="NaN-in-an-array"),
    ],
)
def test_text_in_a_url_is_refused(sqltype: Any, text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        type_of(sqltype, "postgresql").parse(text)


@pytest.mark.parametrize("sqltype", [sa.Integer(), WIDE, sa.Float(), sa.Interval(), sa.Uuid(), sa.Date()], ids=repr)
@pytest.mark.parametrize("digit", ["9", "0"])
def test_a_million_digits_are_read_in_no_time(sqltype: Any, digit: str) -> None:
    kind = type_of(sqltype, "postgresql")
    began = clock.perf_counter()

    with contextlib.suppress(ValueError):
        assert kind.parse(digit * 1_000_000) == 0

    assert clock.perf_counter() - began < 0.2


def test_text_longer_than_its_column_may_be_asked_for() -> None:
    assert type_of(sa.String(3), "sqlite").parse("abcdef") == "abcdef"


def test_an_exact_column_takes_what_a_numeric_one_takes() -> None:
    assert read(type_of(Exact(5, 2), "sqlite"), "1.5") == Decimal("1.50")
