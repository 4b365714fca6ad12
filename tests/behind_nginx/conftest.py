"""These tests run where `MEZE_TEST_NGINX` names an nginx, as in `make test-nginx`, and are left out elsewhere."""

import os

collect_ignore_glob = [] if os.environ.get("MEZE_TEST_NGINX") else ["test_*.py"]
