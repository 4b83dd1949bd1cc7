"""Exports for the city's credit score (信安分) and the village evaluation."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from starlette.responses import Response, StreamingResponse

from services.points import exports
from services.points.api.moments import moment
from services.points.exports import Export, ExportedPerson, Purpose
from shared.auth.principal import Principal, require
from shared.events.identifiers import BANK_FORM, BANK_PATTERN, is_bank
from shared.http.answers import NOT_ACCEPTABLE, Listing, answers, sample
from shared.http.app import json_response
from shared.http.negotiation import preferred
from shared.http.paging import Page, paging
from shared.http.problems import NO_STORE, forbidden, invalid

router = APIRouter(tags=["exports"])
JSON, CSV = "application/json", "text/csv"
VARY = {"vary": "accept"}
Table = Annotated[
    str,
    sample(
        "account_id,balance,credited_12m,tier,as_of\r\n"
        "jsrcb:token-0001,12.500,12.500,none,2026-06-01T00:00:00+00:00\r\n"
    ),
]
EXPORTED = answers(Listing[ExportedPerson], NOT_ACCEPTABLE)
EXPORTED[200]["content"] |= answers(Table, media=CSV)[200]["content"]


@router.get(
    "/v1/exports/{purpose}",
    summary="Points and tiers of the persons who consent to it",
    responses=EXPORTED,
)
async def export(
    purpose: Annotated[Purpose, Path(description="What for: as the consents' scope")],
    request: Request,
    who: Annotated[Principal, Depends(require("exports:read"))],
    page: Annotated[Page, Depends(paging)],
    bank: Annotated[
        str | None,
        Query(
            description="Whose consents count; a bank: its own",
            examples=["icbc"],
            json_schema_extra={"pattern": BANK_PATTERN},
        ),
    ] = None,
    # OpenAPI says what may be accepted by the answers' media types.
    accept: Annotated[list[str] | None, Header(include_in_schema=False)] = None,
) -> Response:
    """As JSON a page; as CSV everything from the cursor on, read in pieces of `limit`.

    Who withdraws while it is being read is not in the pieces that follow.
    """
    wanted = Export(purpose, _institution(who, bank))
    media = preferred(",".join(accept or ()), (JSON, CSV))
    after = (page.after(tuple[str]) or ("",))[0]
    if media == CSV:
        return await _download(csv_pieces(request, wanted, after, page.limit), purpose)
    at = moment(request)
    found = await exports.persons(request.app.state.pool, wanted, after, page.limit + 1, at)
    listed = page.listing(found, lambda p: exports.item(wanted, p, at), lambda p: (p.account_id,))
    return json_response(listed, headers=VARY)


async def csv_pieces(
    request: Request, wanted: Export, after: str, limit: int
) -> AsyncIterator[str]:
    """So many persons at a time, each piece of its own moment; the first begins with the head."""
    lines = [exports.csv_line(wanted.columns)]
    while True:
        at = moment(request)
        found = await exports.persons(request.app.state.pool, wanted, after, limit, at)
        lines += [exports.row(wanted, person, at) for person in found]
        yield "".join(lines)
        if len(found) < limit:
            return
        after, lines = found[-1].account_id, []


async def _download(pieces: AsyncIterator[str], name: str) -> Response:
    """The first piece before the answer begins: without a database it is a 503, no empty file."""
    first = await anext(pieces)

    async def whole() -> AsyncIterator[str]:
        yield first
        async for piece in pieces:
            yield piece

    disposition = {"content-disposition": f'attachment; filename="{name}.csv"'}
    return StreamingResponse(
        whole(), media_type="text/csv; charset=utf-8", headers=NO_STORE | VARY | disposition
    )


def _institution(who: Principal, named: str | None) -> str:
    """To whom the persons must have consented: who asks, or for whom the city itself asks."""
    if who.bank is not None:
        if named not in (None, who.bank):
            raise forbidden(f"The token is of the institution {who.bank}: it exports for no other")
        return who.bank
    if not who.is_city():
        raise forbidden("An export needs a token with the claim bank, the name consents were given")
    if named is None or not is_bank(named):
        raise invalid("/query/bank", f"expected the institution: {BANK_FORM}", "invalid-parameter")
    return named
