"""Resource → OpenAPI 3.1, from the same objects that execute. `document.py` writes it, when it is first asked for."""
