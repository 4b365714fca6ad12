"""What reads the guide: its pages run as a reader would run them, and the pages that are written from the code."""
