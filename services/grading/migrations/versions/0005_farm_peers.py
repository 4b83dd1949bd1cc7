"""Farms among their peers: the cut points of a type and year, and what a label was held against."""

from alembic import op

from shared.database.migrations import statements

revision = "0005"
down_revision = "0004"

PEERS = """
create table farm_peers (
    year integer,
    type text,
    version integer,
    per text not null,
    farms integer not null,
    medium text,
    deep text,
    taken_at timestamptz not null,
    taken_by text not null,
    primary key (year, type, version)
);
alter table label add column intensity_per text;
alter table label add column peers jsonb;
"""


def upgrade() -> None:
    for statement in statements(PEERS):
        op.execute(statement)
