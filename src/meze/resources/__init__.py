"""What the user declared: resources, their fields and relations, read from the models."""
