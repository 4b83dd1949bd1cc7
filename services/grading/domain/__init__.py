"""The rules of grading: pure functions of account states, benchmarks and the time."""
