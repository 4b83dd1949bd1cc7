"""YAML with the lines of its keys: what is kept as written, and what is refused where."""

import pytest

from shared.yaml_lines import YamlError, line_of, read_yaml


def test_scalars_stay_as_written_and_keys_know_their_lines() -> None:
    tree, lines = read_yaml("a: 01\nb:\n  - {no: yes}\n  - c.d: ~\n")
    assert tree == {"a": "01", "b": [{"no": "yes"}, {"c.d": "~"}]}
    assert lines == {"a": 1, "b": 2, "b.0.no": 3, "b.1.c.d": 4}
    assert [line_of(lines, key) for key in ("b.1.c.d", "b.1.x.y", "z")] == [4, 2, 1]


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_an_empty_text_is_no_mapping(text: str) -> None:
    tree, lines = read_yaml(text)
    assert (tree or None, lines) == (None, {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: b\nc: {d: 1,\n    d: 2}\n", "3: c.d: expected once, it is here twice"),
        ("a: &x b\nc: *x\n\n\nd: e\n", "2: references (*) are not taken"),
        ("a: &x [*x]\n", "1: references (*) are not taken"),
        ("a: b\n? [c, d]\n: e\n", "2: expected a text before the colon"),
        ("a:\n  {b: c}: d\n", "2: a: expected a text before the colon"),
        ("a: b\n---\nc: d\n", "2: not YAML: but found another document"),
        ("a: b\nc: \x01\n", "2: not YAML: the character U+0001 is not allowed"),
        ("a: [b\n", "2: not YAML: expected ',' or ']', but got '<stream end>'"),
        ("a: b\nc: " + "[" * 1000, "2: expected at most 32 levels, it goes deeper"),
        ("{a: " * 100_000, "1: expected at most 32 levels, it goes deeper"),
    ],
    ids=lambda text: text[:20],
)
def test_what_is_refused_is_named_with_its_line(text: str, message: str) -> None:
    with pytest.raises(YamlError) as refused:
        read_yaml(text)
    assert str(refused.value) == message
