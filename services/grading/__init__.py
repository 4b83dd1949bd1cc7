"""Grading: accounts against benchmarks, labels that banks and policy use."""
