"""What a person may type; choices are handed in."""
