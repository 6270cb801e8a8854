"""What products look like and what is said of them, as vectors."""
