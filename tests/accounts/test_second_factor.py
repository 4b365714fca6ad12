"""A second factor is set up, asked for and used up as promised, whoever else tries at the same moment."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree

import pytest
from sqlalchemy import select, update

from accounts.second_factors import SECRET_KEY, Accounts, Clock, at_once, authenticator, make_accounts
from meze.accounts.second_factor import WrongCode
from meze.accounts.tables import FACTORS, RECOVERY_CODES, TOKENS, User
from meze.accounts.tokens import TokenKind, digest, new_token
from meze.databases import Database, open_database
from meze.errors import AlreadyExists, BadCredentials, Invalid, Mistake

ANNA, BEN = 1, 2
ANOTHER_KEY = "another secret of more than thirty-two characters"
ROUNDS = 10


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accounts(database: Database, clock: Clock) -> Accounts:
    make_accounts(database, "anna@example.com", "ben@example.com")
    return Accounts(database, clock)


@pytest.fixture
def neighbour(database_url: str, accounts: Accounts) -> Iterator[Accounts]:
    """The same accounts over connections of their own, as another host has them."""
    opened = open_database(database_url)
    yield Accounts(opened, accounts.clock)
    opened.close()


def present(app, accounts: Accounts, *, steps: int = 0) -> str:
    return str(app.at(int(accounts.clock.now), counter_offset=steps))


def test_an_authenticator_reads_the_address_and_names_the_service_and_the_user(accounts):
    url = urlsplit(accounts.factor.begin(ANNA, "anna+x@example.com").otpauth_url)

    assert (url.scheme, url.netloc) == ("otpauth", "totp")
    assert unquote(url.path) == "/Trips & more:anna+x@example.com"
    query = parse_qs(url.query)
    assert query["issuer"] == ["Trips & more"]
    assert len(query["secret"][0]) == 32  # 160 bits in base 32


def test_the_picture_is_one_svg_that_loads_nothing(accounts):
    setup = accounts.factor.begin(ANNA, "anna@example.com")

    svg = ElementTree.fromstring(setup.svg)  # noqa: S314 - our own
    assert svg.tag == "{http://www.w3.org/2000/svg}svg"
    assert {each.tag.partition("}")[2] for each in svg.iter()} <= {"svg", "g", "path"}
    assert "href" not in setup.svg
    assert "style" not in setup.svg


def test_what_holds_the_secret_does_not_show_it_where_it_is_printed(accounts):
    setup = accounts.factor.begin(ANNA, "anna@example.com")

    assert authenticator(setup.otpauth_url).secret not in repr(setup)


def test_a_factor_is_not_asked_for_before_it_is_confirmed(accounts):
    app = authenticator(accounts.factor.begin(ANNA, "anna@example.com").otpauth_url)

    assert not accounts.enabled(ANNA)
    assert accounts.factor.prove(ANNA, present(app, accounts)) is None

    accounts.factor.confirm(ANNA, present(app, accounts))

    assert accounts.enabled(ANNA)
    assert not accounts.enabled(BEN)


def test_setting_up_again_replaces_what_was_not_confirmed(accounts):
    first = authenticator(accounts.factor.begin(ANNA, "anna@example.com").otpauth_url)
    second = authenticator(accounts.factor.begin(ANNA, "anna@example.com").otpauth_url)

    with pytest.raises(Invalid):
        accounts.factor.confirm(ANNA, present(first, accounts))
    assert len(accounts.factor.confirm(ANNA, present(second, accounts))) == 10


def test_a_factor_that_is_on_is_not_replaced(accounts):
    app, _ = accounts.confirmed(ANNA)

    with pytest.raises(AlreadyExists):
        accounts.factor.begin(ANNA, "anna@example.com")

    assert accounts.factor.prove(ANNA, present(app, accounts)) == "one_time_code"


def test_parallel_beginnings_leave_one_secret(accounts):
    urls = [setup.otpauth_url for setup in at_once(4, lambda _: accounts.factor.begin(ANNA, "anna@example.com"))]

    good = []
    for url in urls:
        try:
            good.append(accounts.factor.confirm(ANNA, present(authenticator(url), accounts)))
        except Invalid:
            continue
    assert len(good) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda code: f"{(int(code) + 1) % 10**6:06}", id="another-code"),
        pytest.param(lambda code: code[:5], id="five-digits"),
        pytest.param(lambda code: f"{code}0", id="seven-digits"),
        pytest.param(lambda code: code.translate({ord(str(n)): chr(0x0660 + n) for n in range(10)}), id="arabic"),
        pytest.param(lambda code: f"+{code[1:]}", id="a-sign"),
        pytest.param(lambda code: f"{code}\0", id="a-null-character"),
        pytest.param(lambda code: code[:0], id="nothing"),
    ],
)
def test_a_wrong_code_confirms_nothing(accounts, wrong):
    app = authenticator(accounts.factor.begin(ANNA, "anna@example.com").otpauth_url)

    with pytest.raises(Invalid) as refused:
        accounts.factor.confirm(ANNA, wrong(present(app, accounts)))

    assert [(entry.pointer, entry.code) for entry in refused.value.entries] == [("/code", "bad_format")]
    assert not accounts.enabled(ANNA)


def test_nothing_is_confirmed_where_nothing_was_begun(accounts):
    with pytest.raises(Invalid) as refused:
        accounts.factor.confirm(ANNA, "123456")

    assert [entry.pointer for entry in refused.value.entries] == ["/code"]


def test_the_code_that_confirms_is_used_up(accounts):
    app = authenticator(accounts.factor.begin(ANNA, "anna@example.com").otpauth_url)
    code = present(app, accounts)
    accounts.factor.confirm(ANNA, code)

    assert accounts.factor.prove(ANNA, code) is None


def test_parallel_confirmations_give_one_set_of_codes(accounts, neighbour):
    app = authenticator(accounts.factor.begin(ANNA, "anna@example.com").otpauth_url)
    code = present(app, accounts)

    answers = at_once(4, lambda number: (accounts, neighbour)[number % 2].factor.confirm(ANNA, code))

    assert sorted(type(answer).__name__ for answer in answers) == ["Invalid", "Invalid", "Invalid", "list"]
    codes = next(answer for answer in answers if isinstance(answer, list))
    assert accounts.left(ANNA) == 10
    assert accounts.factor.prove(ANNA, codes[0]) == "recovery_code"


@pytest.mark.parametrize(
    ("steps", "method"),
    [
        pytest.param(-2, None, id="two-steps-late"),
        pytest.param(-1, "one_time_code", id="one-step-late"),
        pytest.param(0, "one_time_code", id="now"),
        pytest.param(1, "one_time_code", id="one-step-early"),
        pytest.param(2, None, id="two-steps-early"),
    ],
)
def test_a_code_may_be_a_step_aside(accounts, steps, method):
    app, _ = accounts.confirmed(ANNA)
    accounts.clock.now += 300

    assert accounts.factor.prove(ANNA, present(app, accounts, steps=steps)) == method


def test_blanks_in_a_code_do_not_matter(accounts):
    app, _ = accounts.confirmed(ANNA)
    code = present(app, accounts)

    assert accounts.factor.prove(ANNA, f" {code[:3]} {code[3:]}\n") == "one_time_code"


def test_a_code_is_good_once_and_takes_the_earlier_ones_with_it(accounts):
    app, _ = accounts.confirmed(ANNA)
    accounts.clock.now += 300
    earlier, now, later = (present(app, accounts, steps=steps) for steps in (-1, 0, 1))

    assert accounts.factor.prove(ANNA, now) == "one_time_code"
    assert accounts.factor.prove(ANNA, now) is None
    assert accounts.factor.prove(ANNA, earlier) is None
    assert accounts.factor.prove(ANNA, later) == "one_time_code"


def test_a_code_is_good_for_its_own_user_alone(accounts):
    app, codes = accounts.confirmed(ANNA)
    accounts.confirmed(BEN)

    assert accounts.factor.prove(BEN, present(app, accounts)) is None
    assert accounts.factor.prove(BEN, codes[0]) is None
    assert accounts.factor.prove(ANNA, codes[0]) == "recovery_code"


def test_of_parallel_uses_of_one_code_one_succeeds(accounts, neighbour):
    app, _ = accounts.confirmed(ANNA)
    for _ in range(ROUNDS):
        accounts.clock.now += 30
        code = present(app, accounts)

        answers = at_once(4, lambda number, code=code: (accounts, neighbour)[number % 2].factor.prove(ANNA, code))

        assert sorted(answers, key=str) == [None, None, None, "one_time_code"]


def test_of_parallel_uses_of_one_recovery_code_one_succeeds(accounts, neighbour):
    _, codes = accounts.confirmed(ANNA)
    for left, code in enumerate(codes):
        answers = at_once(4, lambda number, code=code: (accounts, neighbour)[number % 2].factor.prove(ANNA, code))

        assert sorted(answers, key=str) == [None, None, None, "recovery_code"]
        assert accounts.left(ANNA) == 9 - left


def test_of_two_processes_with_one_code_one_succeeds(accounts, database_url):
    app, codes = accounts.confirmed(ANNA)
    for code in (present(app, accounts), codes[0]):
        proving = [
            subprocess.Popen(
                [sys.executable, "-c", PROVE, database_url, str(accounts.clock.now), code],
                cwd=Path(__file__).parents[1],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        assert [process.stdout.readline() for process in proving] == ["ready\n", "ready\n"]
        for process in proving:
            process.stdin.write("go\n")
            process.stdin.flush()

        answers = [process.communicate(timeout=60)[0].strip() for process in proving]

        assert [process.returncode for process in proving] == [0, 0]
        assert sorted(answers)[0] == "None"
        assert sorted(answers)[1] in ("one_time_code", "recovery_code")


PROVE = """
import sys
from accounts.second_factors import Accounts, Clock
from meze.databases import open_database

url, now, code = sys.argv[1:]
clock = Clock()
clock.now = float(now)
database = open_database(url)
accounts = Accounts(database, clock)
accounts.enabled(1)
print("ready", flush=True)
sys.stdin.readline()
print(accounts.factor.prove(1, code))
database.close()
"""


def test_ten_recovery_codes_are_good_once_each(accounts):
    _, codes = accounts.confirmed(ANNA)

    assert len(set(codes)) == 10
    assert accounts.left(ANNA) == 10
    assert [accounts.factor.prove(ANNA, code) for code in codes] == ["recovery_code"] * 10
    assert [accounts.factor.prove(ANNA, code) for code in codes] == [None] * 10
    assert accounts.left(ANNA) == 0


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param(str.upper, id="capitals"),
        pytest.param(lambda code: code.replace("-", ""), id="no-hyphens"),
        pytest.param(lambda code: f" {code.replace('-', '  ')}\n", id="blanks"),
        pytest.param(lambda code: code.replace("0", "O").replace("1", "l"), id="letters-that-look-like-digits"),
    ],
)
def test_how_a_recovery_code_is_typed_does_not_matter(accounts, typed):
    _, codes = accounts.confirmed(ANNA)
    code = next((code for code in codes if "0" in code or "1" in code), codes[0])

    assert accounts.factor.prove(ANNA, typed(code)) == "recovery_code"


def test_confirming_anew_voids_the_codes_of_before(accounts):
    _, before = accounts.confirmed(ANNA)
    accounts.factor.prove(ANNA, before[0])
    with accounts.storage.writing() as work:
        accounts.factor.remove(work, ANNA)
    _, after = accounts.confirmed(ANNA)

    assert accounts.left(ANNA) == 10
    assert accounts.factor.prove(ANNA, before[1]) is None
    assert accounts.factor.prove(ANNA, after[0]) == "recovery_code"


def test_a_removed_factor_proves_nothing(accounts):
    app, codes = accounts.confirmed(ANNA)
    _, bens = accounts.confirmed(BEN)
    with accounts.storage.writing() as work:
        accounts.factor.remove(work, ANNA)

    assert not accounts.enabled(ANNA)
    assert accounts.left(ANNA) == 0
    assert accounts.factor.prove(ANNA, present(app, accounts)) is None
    assert accounts.factor.prove(ANNA, codes[0]) is None
    assert accounts.factor.prove(BEN, bens[0]) == "recovery_code"


def test_an_answered_token_says_who_and_how(accounts):
    app, codes = accounts.confirmed(ANNA)

    assert accounts.factor.answer(accounts.asked(ANNA), present(app, accounts)) == (ANNA, "one_time_code")
    assert accounts.factor.answer(accounts.asked(ANNA), codes[0]) == (ANNA, "recovery_code")


def test_a_token_is_good_once(accounts):
    _, codes = accounts.confirmed(ANNA)
    token = accounts.asked(ANNA)
    accounts.factor.answer(token, codes[0])

    with pytest.raises(BadCredentials):
        accounts.factor.answer(token, codes[1])
    assert accounts.factor.prove(ANNA, codes[1]) == "recovery_code"  # it was not even looked at


def test_a_token_is_good_for_five_minutes(accounts):
    _, codes = accounts.confirmed(ANNA)
    in_time, late = accounts.asked(ANNA), accounts.asked(ANNA)

    accounts.clock.now += 299
    accounts.factor.answer(in_time, codes[0])
    accounts.clock.now += 1
    with pytest.raises(BadCredentials):
        accounts.factor.answer(late, codes[1])


def test_five_wrong_codes_lock_the_token_and_not_the_account(accounts):
    _, codes = accounts.confirmed(ANNA)
    token = accounts.asked(ANNA)
    for _ in range(5):
        with pytest.raises(BadCredentials):
            accounts.factor.answer(token, "wrong")

    with pytest.raises(BadCredentials):
        accounts.factor.answer(token, codes[0])
    assert accounts.factor.answer(accounts.asked(ANNA), codes[0]) == (ANNA, "recovery_code")


def test_the_fifth_attempt_still_counts(accounts):
    _, codes = accounts.confirmed(ANNA)
    token = accounts.asked(ANNA)
    for _ in range(4):
        with pytest.raises(BadCredentials):
            accounts.factor.answer(token, "wrong")

    assert accounts.factor.answer(token, codes[0]) == (ANNA, "recovery_code")


def test_parallel_guesses_are_counted_one_by_one(accounts, neighbour):
    _, codes = accounts.confirmed(ANNA)
    token = accounts.asked(ANNA)

    answers = at_once(10, lambda number: (accounts, neighbour)[number % 2].factor.answer(token, codes[9][:-1] + "!"))

    looked_at = [answer for answer in answers if isinstance(answer, WrongCode)]
    assert all(isinstance(answer, BadCredentials) for answer in answers)
    assert len(looked_at) == 5
    assert [answer.last for answer in looked_at].count(True) == 1
    with accounts.storage.reading() as work:
        assert work.rows(select(TOKENS.c.attempts)) == [(5,)]


def test_of_parallel_right_answers_one_wins(accounts, neighbour):
    _, codes = accounts.confirmed(ANNA)
    for pair in zip(codes[::2], codes[1::2], strict=True):
        token = accounts.asked(ANNA)

        answers = at_once(
            2, lambda number, token=token, pair=pair: (accounts, neighbour)[number].factor.answer(token, pair[number])
        )

        assert sorted(type(answer).__name__ for answer in answers) == ["BadCredentials", "tuple"]


@pytest.mark.parametrize(
    ("token", "stored_as"),
    [
        pytest.param(new_token(TokenKind.MFA), None, id="unknown"),
        pytest.param("", None, id="nothing"),
        pytest.param("x" * 1_000_000, None, id="huge"),
        pytest.param(new_token(TokenKind.RESET), TokenKind.RESET, id="of-another-kind"),
        pytest.param(new_token(TokenKind.MFA), TokenKind.RESET, id="stored-as-another-kind"),
    ],
)
def test_what_is_no_token_is_refused_like_a_wrong_code(accounts, token, stored_as):
    _, codes = accounts.confirmed(ANNA)
    with pytest.raises(BadCredentials) as wrong_code:
        accounts.factor.answer(accounts.asked(ANNA), "000000")
    if stored_as is not None:
        values = {"kind": stored_as.value, "user_id": ANNA, "hash": digest(token), "data": {}}
        with accounts.storage.writing() as work:
            work.add(TOKENS, **values, created_at=0.0, expires_at=1e12)

    with pytest.raises(BadCredentials) as no_token:
        accounts.factor.answer(token, codes[0])

    assert no_token.value.as_json("en", "1") == wrong_code.value.as_json("en", "1")
    assert accounts.left(ANNA) == 10


def test_a_token_is_of_no_use_to_another_user(accounts):
    _, annas = accounts.confirmed(ANNA)
    accounts.confirmed(BEN)

    with pytest.raises(BadCredentials):
        accounts.factor.answer(accounts.asked(BEN), annas[0])
    assert accounts.left(ANNA) == 10


def test_neither_secrets_nor_codes_nor_tokens_are_stored_as_they_are(accounts):
    app, codes = accounts.confirmed(ANNA)
    token = accounts.asked(ANNA)
    with accounts.storage.reading() as work:
        kept = repr([work.rows(select(table)) for table in (FACTORS, RECOVERY_CODES, TOKENS)])

    assert app.secret not in kept
    assert token not in kept
    assert not any(code in kept or code.replace("-", "") in kept for code in codes)


def test_secrets_follow_a_change_of_the_secret_key(accounts, database, clock):
    before = {user: accounts.confirmed(user)[0] for user in (ANNA, BEN)}
    changing = Accounts(database, clock, ANOTHER_KEY, SECRET_KEY)

    assert changing.factor.prove(ANNA, present(before[ANNA], accounts)) == "one_time_code"
    assert changing.factor.reencrypt() == 2

    clock.now += 30
    after = Accounts(database, clock, ANOTHER_KEY)
    for user, app in before.items():
        assert after.factor.prove(user, present(app, accounts)) == "one_time_code"
    with pytest.raises(Mistake):
        accounts.factor.reencrypt()


def test_recovery_codes_survive_a_change_of_the_secret_key(accounts, database, clock):
    _, codes = accounts.confirmed(ANNA)

    assert Accounts(database, clock, ANOTHER_KEY).factor.prove(ANNA, codes[0]) == "recovery_code"


def test_more_secrets_than_a_batch_are_all_rewritten(accounts, database, clock):
    sealed = {user: accounts.keyring.encrypt("totp", "S" * 32) for user in range(1, 252)}
    with database.engine.begin() as connection:
        connection.execute(
            User.__table__.insert(), [{"id": user, "email": f"{user}@example.com"} for user in sealed if user > BEN]
        )
        rows = [{"user_id": user, "secret": secret, "created_at": 0.0} for user, secret in sealed.items()]
        connection.execute(FACTORS.insert(), rows)

    assert Accounts(database, clock, ANOTHER_KEY, SECRET_KEY).factor.reencrypt() == 251

    after = Accounts(database, clock, ANOTHER_KEY)
    with after.storage.reading() as work:
        assert {after.keyring.decrypt("totp", secret) for (secret,) in work.rows(select(FACTORS.c.secret))} == {
            "S" * 32
        }


def test_a_secret_that_cannot_be_read_keeps_no_other_from_being_rewritten(accounts, database, clock):
    accounts.confirmed(ANNA)
    app, _ = accounts.confirmed(BEN)
    with database.engine.begin() as connection:
        connection.execute(update(FACTORS).where(FACTORS.c.user_id == ANNA).values(secret="of a lost key"))

    with pytest.raises(Mistake) as refused:
        Accounts(database, clock, ANOTHER_KEY, SECRET_KEY).factor.reencrypt()

    assert "of the users 1)" in refused.value.cause
    assert "SECRET_KEY_FALLBACKS" in refused.value.remedy
    after = Accounts(database, clock, ANOTHER_KEY)
    assert after.factor.prove(BEN, present(app, accounts)) == "one_time_code"


def test_a_secret_that_cannot_be_read_is_a_wrong_code_and_a_warning(accounts, database, clock, caplog):
    app, _ = accounts.confirmed(ANNA)
    after = Accounts(database, clock, ANOTHER_KEY)

    with caplog.at_level(logging.WARNING), pytest.raises(BadCredentials):
        after.factor.answer(after.asked(ANNA), present(app, accounts))

    assert "second factor of user 1 cannot be read" in caplog.text
    assert present(app, accounts) not in caplog.text
    assert app.secret not in caplog.text
