"""Write the dashboards into a folder: `python -m deploy.grafana deploy/grafana/dashboards`."""

import sys
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.grafana.city import city
from deploy.grafana.industry import industry
from deploy.grafana.pipeline import pipeline
from deploy.grafana.points import points

BOARDS = {"pipeline": pipeline, "city": city, "industry": industry, "points": points}


def generated() -> dict[str, str]:
    """File name to JSON, the same at every run."""
    encoder = JSONEncoder(sort_keys=True, indent=2, ensure_ascii=False)
    return {f"{name}.json": encoder.encode(made()) + "\n" for name, made in BOARDS.items()}


def write(folder: Path) -> None:
    """Write all files; others in the folder are left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in generated().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m deploy.grafana FOLDER")
    write(Path(sys.argv[1]))
