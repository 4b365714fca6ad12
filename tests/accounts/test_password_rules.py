"""A new password is long enough and not among those that are tried first; nothing else is asked of it."""

import secrets
import string
import unicodedata

import pytest

from meze.accounts.common_passwords import is_common
from meze.accounts.password_rules import (
    COMMON,
    LEAST,
    LEAST_WITH_SECOND_FACTOR,
    MOST,
    NOT_UNICODE,
    PERSONAL,
    faults,
)


def found(password, least=LEAST, email="anna.schmidt@example.com", service="Meze Atlas"):
    return faults(password, "/password", least=least, email=email, service=service)


def texts(password, **kwargs):
    return [entry.text for entry in found(password, **kwargs)]


@pytest.mark.parametrize(
    ("password", "least", "code"),
    [
        pytest.param("kqvzwrtbmpxhj1", LEAST, "too_short", id="14-without-a-second-factor"),
        pytest.param("kqvzwrtbmpxhj12", LEAST, None, id="15-without-a-second-factor"),
        pytest.param("kqvzwrt", LEAST_WITH_SECOND_FACTOR, "too_short", id="7-with-a-second-factor"),
        pytest.param("kqvzwrtb", LEAST_WITH_SECOND_FACTOR, None, id="8-with-a-second-factor"),
    ],
)
def test_the_least_length(password, least, code):
    assert [entry.code for entry in found(password, least)] == ([code] if code else [])


@pytest.mark.parametrize("length", [64, 128, 1000, MOST])
def test_long_passwords_are_accepted(length):
    assert found("".join(secrets.choice(string.ascii_letters) for _ in range(length))) == []


def test_what_is_too_long_is_refused_and_says_how_long_it_may_be():
    (entry,) = found("kq" * 400 + "".join(secrets.choice(string.ascii_letters) for _ in range(225)))

    assert (entry.code, entry.params, entry.pointer) == ("too_long", {"max": MOST}, "/password")


def test_what_is_far_too_long_is_refused_without_being_composed():
    assert [entry.code for entry in found("\u0301\u0316" * 1_000_000)] == ["too_long"]


def test_length_is_counted_in_composed_characters():
    composed = "é" * 5 + "àùîôœçkvq"
    decomposed = unicodedata.normalize("NFD", composed)

    assert len(composed) == 14 < LEAST <= len(decomposed)
    assert [entry.code for entry in found(decomposed)] == ["too_short"]


def test_the_longest_password_may_be_sent_decomposed():
    composed = "".join(secrets.choice("ᾂàéîõü") for _ in range(MOST))

    assert len(unicodedata.normalize("NFD", composed)) > MOST
    assert found(unicodedata.normalize("NFD", composed)) == []


@pytest.mark.parametrize(
    "password",
    [
        "qjxkvbzmwpfhgydnrtcl",
        "correct horse battery staple",
        "a quite long password of mine 42",
        "thequickbrownfoxjumps",
        "831234907215563",
        "  leading and trailing  ",
        "nul \x00 in the middle",
        "пароль моей бабушки 7",
        "我的密码是一个很长的句子没有人知道",
        "😀🎉🐍🦊🐼🍕🚀🌈🎸🏆🌍🔥💡🧩🪐",
        "anna.schmidt likes old maps",
        "12345 is not my kqvz",
    ],
)
def test_accepted(password):
    assert found(password) == []


def test_random_passwords_of_small_letters_are_accepted():
    for _ in range(300):
        assert found("".join(secrets.choice(string.ascii_lowercase) for _ in range(20))) == []


@pytest.mark.parametrize(
    "password",
    [
        pytest.param("manchesterunited", id="common-itself"),
        pytest.param("ManchesterUnited", id="in-another-case"),
        pytest.param("aaaaaaaaaaaaaaa", id="one-character"),
        pytest.param("               ", id="blanks"),
        pytest.param("😀" * 15, id="one-emoji"),
        pytest.param("123412341234123", id="a-short-piece-repeated"),
        pytest.param("abc123abc123abc1", id="a-piece-of-six-repeated"),
        pytest.param("aaaaaaa" * 100 + "1", id="one-character-and-a-digit"),
        pytest.param("abcdefghijklmnop", id="the-alphabet"),
        pytest.param("zyxwvutsrqponmlkj", id="the-alphabet-backwards"),
        pytest.param("1234567890123456", id="digits-in-order"),
        pytest.param("987654321987654321", id="digits-backwards"),
        pytest.param("111122223333444", id="digits-in-groups"),
        pytest.param("qwertyuiop12345", id="keys-then-digits"),
        pytest.param("asdfghjklqwertyuiop", id="two-rows-of-keys"),
        pytest.param("1qaz2wsx3edc4rfv", id="columns-of-keys"),
        pytest.param("password1234567", id="filled-with-digits"),
        pytest.param("password!!!!!!!!", id="filled-with-signs"),
        pytest.param("!!!!password!!!!", id="filled-on-both-sides"),
        pytest.param("Password2024!!!!", id="filled-with-a-year"),
        pytest.param("passwordpassword", id="twice"),
        pytest.param("Password Password 1", id="twice-with-a-digit"),
        pytest.param("letmeinletmeinletmein", id="three-times"),
        pytest.param("password" * 20 + "!!", id="twenty-times-with-signs"),
        pytest.param("ｐａｓｓｗｏｒｄ１２３４５６７", id="in-full-width"),
    ],
)
def test_refused_as_tried_first(password):
    assert texts(password) == [COMMON]


@pytest.mark.parametrize(
    "password",
    [
        pytest.param("anna.schmidt@example.com", id="the-address"),
        pytest.param("ANNA.SCHMIDT@example.com1", id="the-address-and-a-digit"),
        pytest.param("anna.schmidt1990!", id="the-local-part"),
        pytest.param("AnnaSchmidt!!!!!!", id="without-its-dot"),
        pytest.param("anna-schmidt-1990", id="with-other-signs"),
        pytest.param("2024annaschmidt24", id="digits-on-both-sides"),
        pytest.param("meze atlas 12345", id="the-service"),
        pytest.param("MezeAtlasMezeAtlas1", id="the-service-twice"),
    ],
)
def test_refused_as_personal(password):
    assert texts(password) == [PERSONAL]


def test_a_short_local_part_is_chance():
    assert found("joexkqvzwrtbmpxhj", email="joe@example.com", service="x") == []


@pytest.mark.parametrize("password", ["12345678", "password", "baseball", "trustno1", "iloveyou"])
def test_common_passwords_are_refused_where_eight_characters_are_enough(password):
    assert texts(password, least=LEAST_WITH_SECOND_FACTOR) == [COMMON]


def test_a_common_password_that_is_too_short_is_told_both():
    assert [entry.code for entry in found("password")] == ["too_short", "bad_format"]


def test_half_of_a_character_is_refused():
    assert texts("kqvzwrtbmpxhj\ud83d\ude00") == [NOT_UNICODE]


def test_every_refusal_says_in_both_languages_what_to_do():
    for password in ("password", "anna.schmidt1990!", "kqvzwrtbmpxhj\ud800", "x" * (MOST + 1)):
        for entry in found(password):
            english, chinese = entry.as_json("en")["detail"], entry.as_json("zh")["detail"]
            assert english != chinese
            assert password not in english + chinese


def test_the_list_holds_what_breaches_hold_most_often():
    assert all(map(is_common, ["123456", "password", "qwerty", "iloveyou", "пароль"]))
    assert not is_common("qjxkvbzmwpfhgydnrtcl")
