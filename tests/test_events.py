"""Events reach those who subscribed, and nobody can spoil it for the others."""

import logging

import pytest

from meze.events import Events, RequestAnswered, RequestFailed

ANSWERED = RequestAnswered("GET", "/api/v1/cities", 200, 1.5, "01J")


def test_a_receiver_hears_its_own_kind_in_order():
    events, heard = Events(), []
    events.subscribe(RequestAnswered, lambda event: heard.append(("first", event)))
    events.subscribe(RequestAnswered, lambda event: heard.append(("second", event)))

    events.publish(ANSWERED)
    events.publish(RequestFailed("GET", "/", "01J", ValueError()))

    assert heard == [("first", ANSWERED), ("second", ANSWERED)]


def test_a_receiver_that_fails_is_logged_and_the_others_hear(caplog):
    events, heard = Events(), []
    events.subscribe(RequestAnswered, lambda _: 1 / 0)
    events.subscribe(RequestAnswered, heard.append)

    with caplog.at_level(logging.ERROR):
        events.publish(ANSWERED)

    assert heard == [ANSWERED]
    assert "RequestAnswered" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_an_event_cannot_be_changed():
    with pytest.raises(AttributeError):
        ANSWERED.status = 500
