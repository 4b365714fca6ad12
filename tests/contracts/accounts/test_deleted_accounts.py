"""Must show 6: an account that is deleted is gone, and nobody inherits anything of it."""

from __future__ import annotations

from contracts.accounts.deployment import ELSEWHERE_SECONDS, Deployment, new_password, within


def test_the_next_account_sees_nothing_of_a_deleted_one(served: Deployment) -> None:
    """Must show 6: with the same address too. Ids are never given twice."""
    newest = served.person(name="First")
    trip = newest.client.post("/trips", {"title": "Private"}).json
    newest.client.post("/stops", {"trip_id": trip["id"], "name": "Faro"})
    key = newest.key("read", "write")
    elsewhere = newest.client.at(served.urls[1])
    assert elsewhere.get("/auth/me").status == 200
    assert newest.client.delete("/auth/me").status == 204

    next_one = served.person(email=newest.email)

    assert next_one.id > newest.id
    for path in ("/trips", "/stops", "/auth/keys"):
        assert next_one.client.get(path).json["items"] == []
    assert next_one.client.get("/trips?count=true").json["total"] == 0
    assert next_one.client.get(f"/trips/{trip['id']}").status == 404
    assert [each["current"] for each in next_one.client.get("/auth/sessions").json["items"]] == [True]
    events = next_one.client.get("/auth/events").json["items"]
    assert {each["user_id"] for each in events} == {next_one.id}
    assert next_one.client.get("/auth/me").json["name"] is None
    assert next_one.attempt(served.client(), password=newest.password).status == 401
    for token in (newest.access_token, key):
        assert served.client().with_token(token).get("/auth/me").status == 401
    assert newest.refresh().status == 401
    assert within(ELSEWHERE_SECONDS, lambda: elsewhere.get("/auth/me").status == 401)


def test_nothing_personal_is_left_of_a_deleted_account(served: Deployment) -> None:
    """The trail keeps the id, and what happened."""
    person = served.person(email="maximiliane.unmistakable@example.com", name="Unmistakable Name")
    person.attempt(person.client, password=new_password())
    served.client().post("/auth/password/forgot", {"email": person.email})
    served.mailbox.link(person.email, "reset")
    assert person.confirm().client.delete("/auth/me").status == 204

    told = served.rows("SELECT event, address, device FROM meze_account_events WHERE user_id = :id", id=person.id)

    assert {"registered", "deleted"} <= {event for event, _, _ in told}
    assert {(address, device) for _, address, device in told} == {(None, None)}

    def is_forgotten() -> bool:
        kept = [name for name, rows in served.dump().items() if "unmistakable" in rows.lower()]
        # The letter that says goodbye still needs the address, until it is sent.
        return not kept

    assert within(5, is_forgotten), [n for n, rows in served.dump().items() if "unmistakable" in rows.lower()]


def test_an_admin_deletes_an_account_with_everything_that_hangs_on_it(served: Deployment) -> None:
    person, other = served.person(), served.person()
    person.client.post("/trips", {"title": "Open", "public": True})
    kept = other.client.post("/trips", {"title": "Kept", "public": True}).json
    person.key("read")

    assert served.admin.client.delete(f"/users/{person.id}").status == 204

    assert other.client.get(f"/trips?owner_id={person.id}").json["items"] == []
    assert other.client.get(f"/trips/{kept['id']}").status == 200
    for table in ("passwords", "sessions", "keys", "tokens", "factors", "recovery_codes"):
        assert served.rows(f"SELECT count(*) FROM meze_{table} WHERE user_id = :id", id=person.id) == [(0,)], table
    assert served.admin.client.get(f"/users/{person.id}").status == 404
