"""The kitchen-sink app for `meze serve`, on the database that KITCHEN_URL names."""

import os
from pathlib import Path

from contracts.kitchen import make_app

app = make_app(os.environ["KITCHEN_URL"], Path(os.environ["KITCHEN_FOLDER"]))
