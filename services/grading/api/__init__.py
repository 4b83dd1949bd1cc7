"""The HTTP side of grading."""
