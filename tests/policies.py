"""Figures with policies of banks' own, for tests."""

import shutil
from pathlib import Path

from shared.methodology.files import DATA

OWN = (
    "  jsrcb.industrial.deep_green: {bank: jsrcb, kind: industrial, label: deep_green, rate_bp: -60, "
    "line_multiplier: 1.50, terms_en: own, terms_zh: 自有, channel_en: own, channel_zh: 自有, "
    "hook_en: none, hook_zh: 无}\n"
    "  icbc.personal.medium: {bank: icbc, kind: personal, label: medium, rate_bp: -35, "
    "line_multiplier: 1.20, terms_en: own, terms_zh: 自有, channel_en: own, channel_zh: 自有, "
    "hook_en: none, hook_zh: 无}\n"
)
FILE = "policies-2.yaml"


def with_own(directory: Path, begins: str = "2026-07-01") -> Path:
    """A copy of the data files with a later one, in which two banks have a row of their own."""
    data = Path(shutil.copytree(DATA, directory / "own"))
    text = (data / "policies.yaml").read_text(encoding="utf-8")
    text = text.replace('version: "1"', 'version: "2"')
    text = text.replace("valid_from: 2015-01-01", f"valid_from: {begins}")
    (data / FILE).write_text(text.rstrip() + "\n" + OWN, encoding="utf-8")
    return data
