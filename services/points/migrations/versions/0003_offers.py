"""Deliveries of rewards, frozen accounts, how long a tier holds, answers that were refusals."""

from alembic import op

from shared.database.migrations import statements

revision = "0003"
down_revision = "0002"

OFFERS = """
alter table reward add column name_zh text, add column valid_from timestamptz;
create table delivery (
    reward_id text,
    reference text,
    quantity integer not null,
    delivered_by text not null,
    delivered_at timestamptz not null,
    primary key (reward_id, reference)
);
insert into delivery
select r.id, '', r.stock + coalesce((
        select sum(d.quantity) from redemption d
        where d.reward_id = r.id and d.status = 'redeemed'), 0)::integer,
    'migration', r.updated_at
from reward r;
create table freezing (
    account bigint,
    frozen_at timestamptz,
    reason text not null,
    frozen_by text not null,
    lifted_at timestamptz,
    lifted_by text,
    primary key (account, frozen_at)
);
create unique index freezing_open on freezing (account) where lifted_at is null;
alter table idempotency add column status smallint not null default 201;
alter table idempotency alter column status drop default;
drop index tier_decided_at;
alter table tier add column valid_until timestamptz, add column changed_at timestamptz;
create index tier_valid_until on tier (valid_until);
update tier set valid_until = decided_at, changed_at = decided_at where tier <> 'none';
delete from tier t where not exists (select from subject s where s.account = t.account);
delete from tier_due d where not exists (select from subject s where s.account = d.account);
"""


def upgrade() -> None:
    for statement in statements(OFFERS):
        op.execute(statement)
