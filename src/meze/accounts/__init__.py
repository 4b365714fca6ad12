"""The people who call: their table, which the user's own models relate to."""
