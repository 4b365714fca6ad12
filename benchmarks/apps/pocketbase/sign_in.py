"""Begin a session for each user, and write its token beside the one that stands for the user in the workload.

Run once, when the users are loaded. The tokens are PocketBase's own, made by its "impersonate": those of a sign-in, for
which no password is asked.
"""

import json
import os
import socket
import subprocess
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from run import arguments, database, program

DAY = 24 * 60 * 60


def post(connection: HTTPConnection, path: str, body: object, token: str = "") -> Any:
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json", "Authorization": token})
    response = connection.getresponse()
    text = response.read()
    assert response.status == 200, text
    return json.loads(text)


def sign_in(port: int) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    who = {"identity": "admin@example.org", "password": "only-for-the-benchmark"}
    superuser = post(connection, "/api/collections/_superusers/auth-with-password", who)["token"]
    user_ids: dict[str, int] = json.loads(Path(os.environ["BENCH_TOKENS"]).read_text())
    tokens = {
        stands_for: post(
            connection, f"/api/collections/users/impersonate/{user_id:015d}", {"duration": DAY}, superuser
        )["token"]
        for stands_for, user_id in user_ids.items()
    }
    Path(os.environ["BENCH_SESSIONS"]).write_text(json.dumps(tokens))


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def main() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    server = subprocess.Popen([program(), "serve", f"--http=127.0.0.1:{port}", *arguments(database())])
    try:
        while not listens(port):
            assert server.poll() is None, "PocketBase did not start"
            time.sleep(0.05)
        sign_in(port)
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
