"""The engine's tables, postings, tiers, rewards and redemptions."""

from alembic import op

from shared.database.migrations import statements
from shared.database.revisions import ENGINE_1
from shared.erasure import ERASED_1

revision = "0001"
down_revision = None

POINTS = """
create table posting (
    account bigint,
    event_key bytea,
    line smallint,
    content_hash bytea,
    kind text not null,
    from_account text not null,
    to_account text not null,
    points bigint not null constraint posting_points_positive check (points > 0),
    cause text not null,
    sequence bigint not null,
    occurred_at timestamptz not null,
    posted_at timestamptz not null,
    primary key (account, event_key, line)
);
create table claim (
    account bigint primary key,
    points bigint not null constraint claim_points_positive check (points > 0)
);
create table tier (
    account bigint primary key,
    tier text not null,
    trailing_mg bigint not null,
    decided_at timestamptz not null
);
create index tier_decided_at on tier (decided_at);
create table tier_due (account bigint primary key);
create table expiry_run (
    year integer,
    stage text,
    position bigint not null default -1,
    primary key (year, stage)
);
create table reward (
    id text primary key,
    name text not null,
    points bigint not null,
    stock integer not null constraint reward_stock_not_negative check (stock >= 0),
    per_account integer,
    valid_until timestamptz,
    updated_at timestamptz not null
);
create table redemption (
    account bigint,
    id uuid,
    reward_id text not null,
    quantity integer not null,
    points bigint not null,
    status text not null,
    created_at timestamptz not null,
    cancelled_at timestamptz,
    primary key (account, id)
);
create index redemption_id on redemption (id);
create table idempotency (
    client text,
    key text,
    account bigint not null,
    request_hash bytea not null,
    body jsonb not null,
    created_at timestamptz not null,
    primary key (client, key)
);
create index idempotency_account on idempotency (account);
"""


def upgrade() -> None:
    for statement in statements(ENGINE_1 + ERASED_1 + POINTS):
        op.execute(statement)
