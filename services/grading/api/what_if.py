"""The label that a reduction, another output or another benchmark would give."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Context, Decimal
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from services.grading import handler
from services.grading.api.labels import Reader, chosen, held_of
from services.grading.api.views import (
    AccountId,
    GradeShown,
    Kind,
    KindPath,
    LabelEn,
    LabelWord,
    LabelZh,
    PolicyFacts,
    ShownId,
    grade_fields,
)
from services.grading.domain import agri, industrial
from services.grading.domain.benchmarks import SUPPOSED, Benchmark
from services.grading.domain.farm_peers import FarmPeers
from services.grading.domain.grades import Grade
from services.grading.domain.industrial import Surroundings
from services.grading.domain.outputs import by_value_added
from services.grading.domain.rulebook import Rulebook
from services.grading.domain.what_if import next_better
from services.grading.store.held import AccountState
from shared.auth.principal import require_subject
from shared.events.types import AgriAccount, IndustrialAccount
from shared.http.answers import NOT_FOUND, Answer, Tonnes, answers, sample
from shared.http.answers import Year as ShownYear
from shared.http.app import json_response
from shared.http.bodies import Body, accepts, body
from shared.http.problems import invalid
from shared.units.amount import MG_PER_T, decimal_text, tonnes_text
from shared.units.calendar import local_date

router = APIRouter(tags=["labels"])
EXACT = Context(prec=100)


class WhatIf(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`reduction_t` more tonnes off the total (of a farm: off its gross emissions); another output
    in the unit of the product, or value added in 1e4CNY where the benchmark is per that; another
    `benchmark` in t per unit of the one that holds."""

    year: int | None = None
    reduction_t: Annotated[Decimal, sample("100.5")] = Decimal(0)
    output: Decimal | None = None
    benchmark: Decimal | None = None


class NextLabel(Answer, frozen=True, kw_only=True):
    """A better label, and the least further reduction that gives it."""

    label: LabelWord
    label_en: LabelEn
    label_zh: LabelZh
    reduction_t: Tonnes
    policy: PolicyFacts


class Outcome(GradeShown, frozen=True, kw_only=True):
    """The label that there would be; `next` is null when no reduction gives a better one."""

    policy: PolicyFacts
    next: NextLabel | None


class WhatIfShown(Outcome, frozen=True, kw_only=True):
    """The supposed label, and the current one."""

    kind: Kind
    id: ShownId
    year: ShownYear
    current: GradeShown


@dataclass(slots=True, frozen=True)
class Supposed:
    """An account as it would be, what it would be held against, and the bank that asks."""

    state: AccountState
    around: Surroundings
    rules: Rulebook
    now: datetime
    zone: ZoneInfo
    peers: FarmPeers | None = None
    bank: str | None = None

    def grade(self, cut_mg: int = 0) -> Grade:
        """The grade after a further cut."""
        cut = cut_mg and EXACT.divide(Decimal(cut_mg), Decimal(MG_PER_T))
        state = less(self.state, Decimal(cut))
        if isinstance(state, AgriAccount):
            return agri.grade(state, self.rules, self.peers)
        return industrial.grade(state, self.around, self.rules, self.now, self.zone)

    def most_mg(self) -> int:
        """The largest cut: all of the total; of a farm's gross emissions, all but a milligram."""
        state = self.state
        if isinstance(state, AgriAccount):
            return int(EXACT.multiply(state.gross_t, Decimal(MG_PER_T))) - 1
        return int(EXACT.multiply(state.total_t, Decimal(MG_PER_T)))


@router.post(
    "/v1/labels/{kind}/{id}/what-if",
    summary="The label that a reduction, another output or another benchmark would give",
    openapi_extra=accepts(WhatIf),
    responses=answers(WhatIfShown, NOT_FOUND),
)
async def what_if(
    request: Request,
    kind: KindPath,
    id: AccountId,
    who: Reader,
    asked: Annotated[WhatIf, Depends(body(WhatIf))],
) -> Response:
    """Nothing is stored; `current` is the label as it stands.

    `next` is the least further reduction, exact to the milligram, that gives a better label and
    what that is; null when no reduction does.
    """
    require_subject(who, id)
    _check(kind, asked)
    held = await held_of(request, kind, id)
    standing = chosen(kind, id, held, asked.year)
    regrader, now = request.app.state.regrader, request.app.state.clock()
    states = held.states[f"{kind}:{id}"]
    state, around = states[standing.year], Surroundings()
    _check_reach(state, asked.reduction_t)
    if isinstance(state, IndustrialAccount):
        around = handler.surroundings(states, state, held, regrader.rules)
        around = _against(around, state, asked.benchmark)
        state = _with_output(state, around.benchmark, asked.output)
    state = less(state, asked.reduction_t)
    peers = held.peers.get((state.year, state.type)) if isinstance(state, AgriAccount) else None
    supposed = Supposed(state, around, regrader.rules, now, regrader.zone, peers, who.bank)
    on = local_date(now, regrader.zone)
    answer = WhatIfShown(
        kind=kind,
        id=id,
        year=standing.year,
        **msgspec.structs.asdict(answered(kind, supposed, on)),
        current=GradeShown(**grade_fields(kind, standing.grade, regrader.rules)),
    )
    return json_response(answer)


def answered(kind: str, supposed: Supposed, on: date) -> Outcome:
    """The supposed label with its policy, and the cut that gives the next better one."""
    grade, rules = supposed.grade(), supposed.rules
    rank: Callable[[int], int] = lambda cut: rules.rank(kind, supposed.grade(cut).label)  # noqa: E731
    cut = next_better(rules.rank(kind, grade.label), supposed.most_mg(), rank)
    return Outcome(
        **grade_fields(kind, grade, rules),
        policy=PolicyFacts(**rules.policy(kind, grade.label, on, supposed.bank)),
        next=None if cut is None else _next(kind, supposed, cut, on),
    )


def _next(kind: str, supposed: Supposed, cut: int, on: date) -> NextLabel:
    rules, better = supposed.rules, supposed.grade(cut).label
    name = rules.name(kind, better)
    return NextLabel(
        label=better,
        label_en=name.name_en,
        label_zh=name.name_zh,
        reduction_t=tonnes_text(cut),
        policy=PolicyFacts(**rules.policy(kind, better, on, supposed.bank)),
    )


def less(state: AccountState, tonnes: Decimal) -> AccountState:
    """The state with so much less emitted, exact."""
    if isinstance(state, AgriAccount):
        return msgspec.structs.replace(state, gross_t=EXACT.subtract(state.gross_t, tonnes))
    return msgspec.structs.replace(state, total_t=EXACT.subtract(state.total_t, tonnes))


def _with_output(
    account: IndustrialAccount, benchmark: Benchmark | None, output: Decimal | None
) -> IndustrialAccount:
    """With another output, in the terms that the account is graded by."""
    if output is None:
        return account
    if benchmark is not None and by_value_added(account, benchmark.output_unit):
        return msgspec.structs.replace(account, value_added_1e4cny=output)
    return msgspec.structs.replace(account, output=output)


def _against(
    around: Surroundings, account: IndustrialAccount, value: Decimal | None
) -> Surroundings:
    """Held against another value of the benchmark; without one, per unit of the product."""
    if value is None:
        return around
    held = around.benchmark
    if held is None:
        named = account.sector, account.product, account.year
        supposed = Benchmark(
            *named, SUPPOSED, account.product_unit, value, None, SUPPOSED, SUPPOSED
        )
    else:
        supposed = replace(held, value=value, version=SUPPOSED, kind=SUPPOSED, basis=None)
    return replace(around, benchmark=replace(supposed, illustrative=False))


def _check_reach(state: AccountState, tonnes: Decimal) -> None:
    """Nobody cuts more than is emitted; a farm without gross emissions could not be graded."""
    if isinstance(state, AgriAccount):
        if tonnes and tonnes >= state.gross_t:
            expected = f"expected less than the gross emissions of {decimal_text(state.gross_t)} t"
            raise invalid("/reduction_t", f"{expected}, got {decimal_text(tonnes)}")
    elif tonnes and tonnes > state.total_t:
        expected = f"expected at most the total of {decimal_text(state.total_t)} t"
        raise invalid("/reduction_t", f"{expected}, got {decimal_text(tonnes)}")


def _check(kind: str, asked: WhatIf) -> None:
    if asked.reduction_t < 0:
        raise invalid("/reduction_t", f"expected zero or more, got {asked.reduction_t}")
    for name in ("output", "benchmark"):
        value: Decimal | None = getattr(asked, name)
        if value is not None and kind == "agri":
            raise invalid(f"/{name}", f"a farm is not graded by {name}")
        if value is not None and value <= 0:
            raise invalid(f"/{name}", f"expected more than zero, got {value}")
