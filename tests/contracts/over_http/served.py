"""The kitchen-sink app served by a process of its own: python served.py DATABASE_URL FOLDER [WHEN].

Prints its port. WHEN says what befalls a request whose answer is kept for its key: `killed-before-commit`,
`killed-after-commit`, or `slow` for one that stands before its commit for three seconds.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import flask
from werkzeug.serving import make_server

from contracts.kitchen import make_app


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(url: str, folder: str, when: str = "") -> None:
    app = make_app(url, Path(folder))
    answers = app.extensions["meze"].open().answers
    end = answers.end

    def end_and_wait(*arguments: object) -> None:
        end(*arguments)
        if when == "killed-before-commit":
            die()
        print("kept", flush=True)
        time.sleep(3)

    @app.after_request
    def answered(response: flask.Response) -> flask.Response:
        if when == "killed-after-commit" and "Idempotency-Key" in flask.request.headers:
            die()
        return response

    if when in ("killed-before-commit", "slow"):
        answers.end = end_and_wait
    server = make_server("127.0.0.1", 0, app, threaded=True)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
