"""Accounts over HTTP: who is calling, signing in and out, and all below `{prefix}/auth` and `{prefix}/users`."""
