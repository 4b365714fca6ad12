"""Browser tests run where `MEZE_TEST_BROWSER` names a Chromium, as in `make test-browser`, and are left out elsewhere.

They need a browser and the package `playwright`, which `make test` must do without.
"""

import os

collect_ignore_glob = [] if os.environ.get("MEZE_TEST_BROWSER") else ["test_*.py"]
