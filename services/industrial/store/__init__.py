"""The industrial service's SQL."""
