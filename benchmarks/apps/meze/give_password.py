"""Give the first user the password that stands on the command line, so that somebody can sign in with one."""

import sys
import time

from app import app
from sqlalchemy import insert

from meze.accounts.tables import PASSWORDS


def main() -> None:
    accounts = app.extensions["meze"].open().accounts
    stored = accounts.passwords.hash(sys.argv[1])
    with accounts.storage.writing() as work:
        work.execute(insert(PASSWORDS).values(user_id=1, hash=stored.hash, cost=stored.cost, changed_at=time.time()))


if __name__ == "__main__":
    main()
