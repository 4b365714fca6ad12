"""What a client asks: conditions, sort, page, fields. Read from a URL against what the caller may see; no I/O."""
