"""HTTP: pure handlers from Request to Response, and the doors that lead to them."""
