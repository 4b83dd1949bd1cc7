"""The words of farm records and the figures behind them."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any, cast

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.agri.api.figures import (
    AnimalFigures,
    Catalogue,
    CropFigures,
    EditionFigure,
    EmissionSource,
    NamedFigure,
    PaddyFigures,
    PathwayShown,
    SourceFactor,
    StrawFigures,
    SystemFigures,
    WarmingPotentials,
)
from services.agri.api.reading import Reader, YearQuery
from services.agri.domain.emissions import POWER, factor_of, sources
from services.agri.domain.farms import TYPE_NAMES
from services.agri.domain.tables import STRAW_REGION, tables
from shared.events.meaning import PATHWAYS
from shared.http.answers import Wording, answers
from shared.http.app import json_response
from shared.http.city import today
from shared.methodology import CARRIERS, AgriTables, Factor, methodology
from shared.methodology.reader import Document
from shared.methodology.rows import (
    AnimalRow,
    BurningRow,
    EditionRow,
    FarmSourceRow,
    FigureRow,
    ManureRow,
    PaddyRow,
    Row,
    StrawRow,
)
from shared.units.amount import decimal_text

router = APIRouter(prefix="/v1", tags=["catalogue"])
TWENTY_DIGITS = Context(prec=20)
PATHWAY_NAMES = {
    "straw_return": ("straw return", "秸秆还田"),
    "soil_carbon": ("soil carbon", "土壤固碳"),
    "manure_utilisation": ("manure utilisation", "畜禽粪污资源化利用"),
    "emission": ("gross emission", "排放"),
}
# Section of the tables -> its name here (of the first four the field of a record that takes its
# words), and its unit: stock change factors have none.
EDITIONS = {
    "soc_ref": ("soil", "t C/ha"),
    "land_use": ("land_use", None),
    "tillage": ("tillage", None),
    "input": ("input", None),
    "n2o": ("nitrogen", "kg/kg N"),
}


@router.get(
    "/catalogue",
    summary="Pathways, soils, animals, systems and sources, with the figures",
    responses=answers(Catalogue),
)
async def get_catalogue(request: Request, who: Reader, year: YearQuery = None) -> Response:
    """As used for a year (the running one): `value` is of the edition in use.

    `confidence`: V verified, V2 twice, D derived, R remembered, P proposed.
    """
    wanted = year or today(request).year
    on = date(wanted, 12, 31)
    known, document = tables(wanted), methodology().agri_document(on)
    return json_response(
        Catalogue(
            year=wanted,
            edition=known.edition,
            gwp=WarmingPotentials(
                set=known.gwp_set, CH4=_text(known.gwp_ch4), N2O=_text(known.gwp_n2o)
            ),
            factor_set=known.label,
            farm_types={name: Wording(**words) for name, words in TYPE_NAMES.items()},
            pathways=[_pathway(name) for name in PATHWAYS],
            **{
                field: [_edition(name, row, known, unit) for name, row in _rows(document, section)]
                for section, (field, unit) in EDITIONS.items()
            },
            figures=[_figure(name, row) for name, row in _rows(document, "figures")],
            paddy=[_paddy(row) for _, row in _rows(document, "paddy")],
            straw=[_straw(name, row) for name, row in _rows(document, "straw")],
            crops=[_crop(name, row, known) for name, row in _rows(document, "burning")],
            animals=[_animal(name, row, known) for name, row in _rows(document, "animals")],
            systems=[
                _system(animal, name, row, known)
                for animal in known.animals
                for name, row in _rows(document, "manure")
            ],
            sources=[_source(name, document, wanted) for name in sources()],
        )
    )


def _rows(document: Document, section: str) -> Iterable[tuple[str, Row]]:
    return document.sections[section].items()


def _pathway(name: str) -> PathwayShown:
    needed, allowed = PATHWAYS[name]
    en, zh = PATHWAY_NAMES[name]
    return PathwayShown(
        name=name,
        name_en=en,
        name_zh=zh,
        needs=list(needed),
        may_have=[field for field in allowed if field not in needed],
    )


def _edition(name: str, row: Row, known: AgriTables, unit: str | None) -> EditionFigure:
    figures = cast(EditionRow, row)
    both = {"2019": figures.e2019, "2006": figures.e2006}
    return EditionFigure(
        name=name,
        name_en=figures.name_en,
        name_zh=figures.name_zh,
        value=_text(figures.of(known.edition)),
        editions={edition: _text(value) for edition, value in both.items()},
        unit=unit,
        **_origin(row),
    )


def _figure(name: str, row: Row) -> NamedFigure:
    figure = cast(FigureRow, row)
    return NamedFigure(name=name, value=_text(figure.value), unit=figure.unit, **_origin(row))


def _paddy(row: Row) -> PaddyFigures:
    """Methane of a flooded season, and what returned straw adds to it (a memo)."""
    season = cast(PaddyRow, row)
    return PaddyFigures(
        ch4_kg_per_ha_day=_text(season.ch4_kg_per_ha_day),
        days=season.days,
        exponent=_text(season.exponent),
        cfoa_short=_text(season.cfoa_short),
        cfoa_long=_text(season.cfoa_long),
        **_origin(row),
    )


def _straw(name: str, row: Row) -> StrawFigures:
    pair = cast(StrawRow, row)
    return StrawFigures(
        name=name,
        name_en=pair.name_en,
        name_zh=pair.name_zh,
        slope=_text(pair.slope),
        intercept=_text(pair.intercept),
        unit="kg C/ha/year",
        used=name == STRAW_REGION,
        **_origin(row),
    )


def _crop(name: str, row: Row, known: AgriTables) -> CropFigures:
    crop = cast(BurningRow, row)
    return CropFigures(
        name=name,
        name_en=crop.name_en,
        name_zh=crop.name_zh,
        burning_t_per_t=_text(known.straw_burning[name]),
        **_origin(row),
    )


def _animal(name: str, row: Row, known: AgriTables) -> AnimalFigures:
    animal, figures = cast(AnimalRow, row), known.animals[name]
    return AnimalFigures(
        name=name,
        name_en=animal.name_en,
        name_zh=animal.name_zh,
        vs_kg_per_day=_text(figures.vs),
        n_kg_per_day=_text(figures.nitrogen),
        b0_m3_per_kg_vs=_text(figures.b0),
        **_origin(row),
    )


def _system(animal: str, name: str, row: Row, known: AgriTables) -> SystemFigures:
    system, figures = cast(ManureRow, row), known.manure[animal][name]
    return SystemFigures(
        name=name,
        name_en=system.name_en,
        name_zh=system.name_zh,
        animal=animal,
        ch4_g_per_kg_vs=_text(figures.ch4_g_per_kg_vs),
        ef3=_text(figures.ef3),
        kg_per_head_year=_text(known.manure_kg_per_head(animal, name)),
        **_origin(row),
    )


def _source(name: str, document: Document, year: int) -> EmissionSource:
    factor = factor_of(name, year, date(year, 1, 1))
    names = _names_of(name, document)
    return EmissionSource(
        name=name,
        name_en=names[0],
        name_zh=names[1],
        units=list(factor.units),
        factor=_factor(factor),
    )


def _names_of(name: str, document: Document) -> tuple[str, str]:
    if name in POWER or name in CARRIERS:
        return CARRIERS[name].name_en, CARRIERS[name].name_zh
    rows: Mapping[str, Row] = document.sections["sources"]
    if name in rows:
        row = cast(FarmSourceRow, rows[name])
        return row.name_en, row.name_zh
    _, animal, system = name.split(".")
    head = cast(AnimalRow, document.sections["animals"][animal])
    way = cast(ManureRow, document.sections["manure"][system])
    return (
        f"manure of {head.name_en}, {way.name_en} (head-year)",
        f"{head.name_zh}粪便：{way.name_zh}（头·年）",
    )


def _factor(factor: Factor) -> SourceFactor:
    return SourceFactor(
        id=factor.id,
        set=factor.set,
        version=factor.version,
        t_per_unit=_text(factor.t_per_unit),
        unit=factor.unit,
        warning=factor.warning,
        source=factor.source,
        confidence=factor.confidence,
        note=factor.note,
    )


def _origin(row: Row) -> dict[str, Any]:
    return {"source": row.source, "confidence": row.confidence, "note": row.note}


def _text(value: Fraction) -> str:
    numerator, denominator = Decimal(value.numerator), Decimal(value.denominator)
    return decimal_text(TWENTY_DIGITS.divide(numerator, denominator))
