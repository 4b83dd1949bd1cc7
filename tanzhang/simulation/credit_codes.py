"""Unified social credit codes (GB 32100-2015) of organisations that don't exist."""

from random import Random

_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)


def credit_code(category: str, district: str, organisation: str) -> str:
    """18 characters: department 9 and `category` ("1" enterprise, "3" farmers' cooperative),
    six digits of the district, eight characters of the organisation, both check characters.
    """
    body = f"9{category}{district}{organisation}{_organisation_check(organisation)}"
    total = sum(_ALPHABET.index(c) * pow(3, place, 31) for place, c in enumerate(body))
    return body + _ALPHABET[-total % 31]


def random_organisation(chance: Random) -> str:
    """Eight characters beginning with MA, as of organisations registered since 2015."""
    # The letters also keep the code apart from citizen ids and card numbers.
    return "MA" + "".join(chance.choice(_ALPHABET) for _ in range(6))


def _organisation_check(organisation: str) -> str:
    """GB 11714: values of letters run from A = 10 through the whole alphabet."""
    pairs = zip(organisation, _ORGANISATION_WEIGHTS, strict=True)
    check = -sum(int(c, 36) * weight for c, weight in pairs) % 11
    return "X" if check == 10 else str(check)
