"""Why an account has its label, in sentences with the numbers, English and Chinese."""

from datetime import date
from fractions import Fraction

from services.grading.domain.benchmarks import Benchmark
from services.grading.domain.completeness import Months, months_covered
from services.grading.domain.farm_peers import UNIT_NAMES, FarmPeers
from services.grading.domain.outputs import by_value_added
from shared.events.types import AgriAccount, IndustrialAccount
from shared.methodology import AgriRule, LabelName
from shared.units.amount import decimal_text, ratio_text

BENCHMARK_KINDS = {
    "norm": ("norm", "标准值"),
    "published": ("published value", "公布值"),
    "city_mean": ("city mean", "全市均值"),
    "city_median": ("city median", "全市中位数"),
    "supposed": ("supposed value", "假设值"),
}
# Of a production unit, which is a free word; others stand as they are registered.
UNITS_ZH = {
    "t": "吨",
    "kg": "千克",
    "MWh": "兆瓦时",
    "GJ": "吉焦",
    "m3": "立方米",
    "1e4CNY": "万元",
}
ILLUSTRATIVE = ("illustrative value", "示例值")
CAPPED_EN = " The data are estimated throughout or thin, so the label goes no higher."
CAPPED_ZH = "数据全部为估算值或覆盖不足，评级受限。"
STEP_EN = " Region and history are both {}, one step {}."
STEP_UP = (STEP_EN.format("deep green", "up"), "地区与历史两维均为深绿，上调一级。")
STEP_DOWN = (STEP_EN.format("red", "down"), "地区与历史两维均为红，下调一级。")


def industrial(
    account: IndustrialAccount,
    benchmark: Benchmark,
    intensity: Fraction,
    ratio: Fraction,
    name: LabelName,
) -> dict[str, str]:
    """The sentence of a graded enterprise."""
    total, figure = decimal_text(account.total_t), decimal_text(benchmark.value)
    kind_en, kind_zh = _kind(benchmark)
    en = (
        f"{total} t CO2e in {account.year} is {ratio_text(intensity)} t per "
        f"{benchmark.output_unit}, {ratio_text(ratio)} times the benchmark of {figure} "
        f"({kind_en}, {benchmark.year}): {name.name_en}."
    )
    unit_zh = UNITS_ZH.get(benchmark.output_unit, f" {benchmark.output_unit} ")
    zh = (
        f"{account.year}年排放{total}吨二氧化碳当量，强度为每{unit_zh}"
        f"{ratio_text(intensity)}吨，是基准值{figure}（{benchmark.year}年{kind_zh}）的"
        f"{ratio_text(ratio)}倍：{name.name_zh}。"
    )
    return {"en": en, "zh": zh}


def adjusted(reason: dict[str, str], *, moved: int, capped: bool) -> dict[str, str]:
    """The sentence, and why the label is not the sector's colour: `moved` up, or capped."""
    added = []
    if moved:
        added.append(STEP_UP if moved > 0 else STEP_DOWN)
    if capped:
        added.append((CAPPED_EN, CAPPED_ZH))
    return {
        "en": reason["en"] + "".join(en for en, _ in added),
        "zh": reason["zh"] + "".join(zh for _, zh in added),
    }


def expired(reason: dict[str, str], year: int, on: date) -> dict[str, str]:
    """The sentence, and since when the label it gives is over."""
    return {
        "en": f"{reason['en']} It expired on {on}; new data of {year} decide it anew.",
        "zh": f"{reason['zh']}该标签已于{on}到期，收到{year}年的新数据后重新评定。",
    }


def industrial_ungraded(
    account: IndustrialAccount, benchmark: Benchmark | None, missing: str, year: Months
) -> dict[str, str]:
    """The sentence of an enterprise without a label; `missing` is the word of the reason."""
    unit = account.product_unit if benchmark is None else benchmark.output_unit
    if missing == "no_output":
        by_value = by_value_added(account, unit)
        what_en, what_zh = ("value added", "增加值") if by_value else ("output", "产出")
        return {
            "code": missing,
            "en": f"No {what_en} is reported for {account.year}: ungraded.",
            "zh": f"{account.year}年没有{what_zh}数据：未评级。",
        }
    if missing == "incomplete":
        return _incomplete(account, year, unit)
    return _no_benchmark(account, benchmark)


def _incomplete(account: IndustrialAccount, year: Months, unit: str) -> dict[str, str]:
    """Where value added is the output, no months of output count."""
    covered = months_covered(account, unit, year.counted)
    energy, *output = covered
    output_en = "".join(f" and {count} of output" for count in output)
    output_zh = "".join(f"、{count}个月产出数据" for count in output)
    # The account counts the month under way too.
    past = covered == months_covered(account, unit)
    among_en, among_zh = ("", "") if past else (" among those gone by", "已过月份中")
    return {
        "code": "incomplete",
        "en": (
            f"{account.year} has {energy} months of energy{output_en}{among_en}, "
            f"{year.required} are needed: ungraded."
        ),
        "zh": (
            f"{account.year}年{among_zh}有{energy}个月能源数据{output_zh}，"
            f"需要{year.required}个月：未评级。"
        ),
    }


def _no_benchmark(account: IndustrialAccount, benchmark: Benchmark | None) -> dict[str, str]:
    if benchmark is None:
        named = f"{account.sector} / {account.product}"
        return {
            "code": "no_benchmark",
            "en": f"No benchmark for {named} up to {account.year}: ungraded.",
            "zh": f"{account.year}年及以前没有{named}的基准值：未评级。",
        }
    units = benchmark.output_unit, account.product_unit
    return {
        "code": "no_benchmark",
        "en": "The benchmark is per {}, the output is in {}: ungraded.".format(*units),
        "zh": "基准值按{}计，产出单位为{}：未评级。".format(*units),
    }


def agri(account: AgriAccount, ratio: Fraction, name: LabelName) -> dict[str, str]:
    """The sentence of a graded farm."""
    neutralised, gross = decimal_text(account.neutralised_t), decimal_text(account.gross_t)
    share = ratio_text(ratio)
    return {
        "en": (
            f"{neutralised} t CO2e neutralised of {gross} t emitted in {account.year}, "
            f"a ratio of {share}: {name.name_en}."
        ),
        "zh": (
            f"{account.year}年中和{neutralised}吨，排放{gross}吨二氧化碳当量，"
            f"中和率{share}：{name.name_zh}。"
        ),
    }


def agri_by_peers(
    account: AgriAccount, figure: Fraction, peers: FarmPeers, name: LabelName
) -> dict[str, str]:
    """The sentence of a farm that is graded among its peers."""
    en, zh = UNIT_NAMES[peers.per]
    own, medium, deep = (ratio_text(Fraction(x or 0)) for x in (figure, peers.medium, peers.deep))
    return {
        "en": (
            f"Gross emissions of {account.year} are not declared. {own} t CO2e neutralised per "
            f"{en}, against {medium} (medium green) and {deep} (deep green) of {peers.farms} "
            f"farms of the type: {name.name_en}."
        ),
        "zh": (
            f"未申报{account.year}年排放总量。每{zh}中和{own}吨二氧化碳当量，同类{peers.farms}家主体的"
            f"中绿线为{medium}、深绿线为{deep}：{name.name_zh}。"
        ),
    }


def agri_ungraded(account: AgriAccount, missing: str, rule: AgriRule) -> dict[str, str]:
    """The sentence of a farm without a label."""
    if missing == "gross_not_declared":
        return {
            "code": missing,
            "en": (
                f"Gross emissions of {account.year} are not declared, and fewer than "
                f"{rule.peers_needed} peers are known: ungraded."
            ),
            "zh": f"未申报{account.year}年排放总量，且可比同类主体不足{rule.peers_needed}家：未评级。",
        }
    if missing == "no_size":
        en, zh = UNIT_NAMES[rule.peer_per[account.type]]
        return {
            "code": missing,
            "en": (
                f"Gross emissions of {account.year} are not declared, and no record gives the "
                f"farm's size in {en}: ungraded."
            ),
            "zh": f"未申报{account.year}年排放总量，记录中也没有以{zh}计的规模：未评级。",
        }
    return {
        "code": missing,
        "en": f"Nothing was neutralised in {account.year}: ungraded.",
        "zh": f"{account.year}年没有碳中和量：未评级。",
    }


def _kind(benchmark: Benchmark) -> tuple[str, str]:
    if benchmark.illustrative:
        return ILLUSTRATIVE
    en, zh = BENCHMARK_KINDS.get(benchmark.kind, (benchmark.kind, benchmark.kind))
    if benchmark.basis is None:
        return en, zh
    count = benchmark.basis.enterprises
    return f"{en} of {count} enterprises", f"{count}家企业{zh}"
