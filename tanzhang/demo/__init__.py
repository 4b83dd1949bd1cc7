"""The demonstration: a simulated city through the real services, and every figure checked."""

from tanzhang.demo.checking import Check, Group
from tanzhang.demo.story import Demo, Outcome, play

__all__ = ["Check", "Demo", "Group", "Outcome", "play"]
