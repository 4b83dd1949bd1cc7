"""Identifiers that we take (credit codes, pseudonyms) and those that we refuse (of persons)."""

import re
import unicodedata
from functools import lru_cache

# GB 32100-2015: 31 characters (no I, O, S, V, Z), weights are powers of three modulo 31.
_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_WEIGHTS = tuple(pow(3, place, 31) for place in range(17))
_CREDIT_CODE = re.compile(rf"[{_ALPHABET}]{{2}}[0-9]{{6}}[{_ALPHABET}]{{10}}")

# GB 11643-1999 (ISO 7064 MOD 11-2).
_CITIZEN_WEIGHTS = tuple(pow(2, 17 - place, 11) for place in range(17))
_CITIZEN_CHECKS = "10X98765432"
# Province, district, then a birth date: tells a citizen id from a credit code of digits only.
_BORN = re.compile(r"[1-8]\d{5}(?:18|19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")

_BANK = re.compile(r"[a-z0-9-]{2,32}")
_PERSONAL = re.compile(r"[a-z0-9-]{2,32}:[A-Za-z0-9_-]{8,64}")
_FARM = re.compile(r"farm:[A-Za-z0-9_-]{1,64}")

_MAYBE = re.compile(r"[0-9]{3}(?:[0-9] ?| )[0-9]{4}")
_GAP = re.compile(r"(?<=[0-9]) (?=[0-9])")
_RUN = re.compile(r"(?<![0-9A-Za-z])[0-9]{11,19}[Xx]?(?![0-9A-Za-z])")
_MOBILE = re.compile(r"(?:86)?1[3-9][0-9]{9}")
_CARD = re.compile(r"[3-6][0-9]{15,18}")

# The same for the documents of the API, where a pattern may be found anywhere in a text.
BANK_PATTERN, PERSONAL_PATTERN, ENTERPRISE_PATTERN = (
    f"^{form.pattern}$" for form in (_BANK, _PERSONAL, _CREDIT_CODE)
)
FARM_PATTERN = f"^({_CREDIT_CODE.pattern}|{_FARM.pattern})$"
BANK_FORM = "2 to 32 of a-z, 0-9 and -"
PERSONAL_FORM = "<bank>:<token>, token of 8 to 64 letters, digits, _ and -"
ENTERPRISE_FORM = "a unified social credit code (18 characters, right check digit)"
FARM_FORM = f"{ENTERPRISE_FORM} or farm:<token>"


def is_credit_code(text: str) -> bool:
    """Whether this is a unified social credit code with the right check digit (GB 32100-2015)."""
    return _CREDIT_CODE.fullmatch(text) is not None and _has_check_digit(text)


def is_enterprise(text: str) -> bool:
    """A credit code that is not a citizen id at the same time."""
    return is_credit_code(text) and not (_BORN.match(text) and _is_citizen_id(text))


def is_farm(text: str) -> bool:
    """A credit code or `farm:<token>`."""
    return is_enterprise(text) or _FARM.fullmatch(text) is not None


def is_personal_account(text: str) -> bool:
    """`<bank>:<token>`, the token being the bank's own pseudonym."""
    return _PERSONAL.fullmatch(text) is not None


def is_bank(text: str) -> bool:
    """The name of a bank or of another institution: what its accounts' ids begin with."""
    return _BANK.fullmatch(text) is not None


def bank_of(account: str) -> str:
    """The bank whose customer has this personal account."""
    return account.partition(":")[0]


def personal_identifier(text: str) -> str | None:
    """What raw identifier of a person is in `text`, alone or as one of its delimited parts.

    "citizen id", "mobile number", "bank card" or None. Credit codes of organisations pass.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    if not _MAYBE.search(text):
        return None
    if " " in text:
        text = _GAP.sub("", text)
    for digits in _RUN.findall(text):
        found = _kind(digits.upper())
        if found is not None and not (digits[0] == "9" and is_credit_code(digits)):
            return found
    return None


@lru_cache(4096)  # a city's enterprises send again and again
def _has_check_digit(code: str) -> bool:
    total = sum(_VALUES[c] * weight for c, weight in zip(code, _WEIGHTS, strict=False))
    return _ALPHABET[-total % 31] == code[17]


def _kind(digits: str) -> str | None:
    if _is_citizen_id(digits):
        return "citizen id"
    if _MOBILE.fullmatch(digits):
        return "mobile number"
    if _CARD.fullmatch(digits) and _luhn(digits):
        return "bank card"
    return None


def _is_citizen_id(text: str) -> bool:
    if len(text) != 18 or not text[:17].isdigit():
        return False
    total = sum(int(c) * weight for c, weight in zip(text, _CITIZEN_WEIGHTS, strict=False))
    return _CITIZEN_CHECKS[total % 11] == text[17]


def _luhn(digits: str) -> bool:
    odd = sum(int(digit) for digit in digits[-1::-2])
    even = sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (odd + even) % 10 == 0
