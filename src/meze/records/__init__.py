"""From an ask to an answer: plan (names, rules, SQL text), run (the only I/O), shape (rows → bytes)."""
