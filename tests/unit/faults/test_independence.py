"""The oracle stands on nothing of the product: neither directly nor through what it imports."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[3]
ORACLE = sorted((ROOT / "tests/faults/oracle").glob("*.py"))
FORBIDDEN = ("services", "shared", "tanzhang")


def _imported(file: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file.name}: a relative import"
            assert node.module is not None
            names.add(node.module)
    return names


def test_the_oracle_imports_nothing_of_the_product() -> None:
    assert len(ORACLE) > 5
    for file in ORACLE:
        found = {name for name in _imported(file) if name.split(".", 1)[0] in FORBIDDEN}
        assert found == set(), f"{file.name} imports {found}"


def test_of_the_tests_it_knows_the_records_that_are_sent_and_nothing_else() -> None:
    allowed = ("tests.faults.oracle", "tests.faults.workload")
    for file in ORACLE:
        found = {name for name in _imported(file) if name.startswith("tests.")}
        assert all(name.startswith(allowed) for name in found), f"{file.name} imports {found}"


def test_the_workload_brings_in_no_rules() -> None:
    for file in sorted((ROOT / "tests/faults/supply").glob("*.py")):
        found = {name for name in _imported(file) if name.split(".", 1)[0] in FORBIDDEN}
        assert found <= {"tanzhang.simulation.credit_codes"}, f"{file.name} imports {found}"
