"""Begin a session for each user, and write its access token beside the one that stands for the user in the workload.

Run once, when the users are loaded. Sessions begin as signing in begins them; only no password is asked.
"""

import json
import os
from pathlib import Path

from app import app

from meze.accounts.visitor import Visitor


def main() -> None:
    accounts = app.extensions["meze"].open().accounts
    user_ids: dict[str, int] = json.loads(Path(os.environ["BENCH_TOKENS"]).read_text())
    visitor = Visitor("127.0.0.1", "benchmark")
    with accounts.storage.writing() as work:
        tokens = {
            stands_for: accounts.sessions.start(work, user_id, visitor, "password").access_token
            for stands_for, user_id in user_ids.items()
        }
    Path(os.environ["BENCH_SESSIONS"]).write_text(json.dumps(tokens))


if __name__ == "__main__":
    main()
