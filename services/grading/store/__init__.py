"""The grading service's SQL."""
