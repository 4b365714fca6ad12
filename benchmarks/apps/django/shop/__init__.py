"""Books with Django REST Framework, written as its documentation advises."""
