"""The engine's tables as migration steps: every service's history takes the same ones."""

ENGINE_1 = """
create table subject (
    subject text primary key,
    account bigint not null,
    constraint subject_account_key unique (account)
);
create table account (
    number bigint primary key,
    epoch integer not null default 1,
    sequence bigint not null default 0,
    balance bigint not null default 0,
    created_at timestamptz not null default now()
) with (fillfactor = 70);
create table consumer_offset (
    topic text,
    partition integer,
    next_offset bigint not null,
    cluster text not null,
    updated_at timestamptz not null default now(),
    primary key (topic, partition)
) with (fillfactor = 50);
create table outbox (
    id bigint generated always as identity primary key,
    topic text not null,
    messages bytea not null,
    rows integer not null,
    created_at timestamptz not null default now()
) with (autovacuum_vacuum_scale_factor = 0.01);
create table dead_letter (
    digest bytea primary key,
    account bigint,
    reason text not null,
    detail text not null,
    source text,
    event_id text,
    topic text,
    partition integer,
    "offset" bigint,
    raw bytea not null,
    seen integer not null default 1,
    first_seen timestamptz not null default now(),
    replayed_at timestamptz
);
create index dead_letter_account on dead_letter (account);
create table parked (
    account bigint,
    event_key bytea,
    content_hash bytea not null,
    waits_for text not null,
    source text not null,
    raw bytea not null,
    parked_at timestamptz not null default now(),
    until timestamptz not null,
    primary key (account, event_key)
);
create index parked_source on parked (source);
create index parked_until on parked (until);
create index parked_waits_for on parked (account, waits_for);
"""

# Whoever waits for the lock of an account sees that it was erased from its own row; outgoing
# messages are too short-lived to be worth compressing.
ENGINE_2 = """
alter table account add column erased boolean not null default false;
alter table outbox alter column messages set storage external;
"""

# Those that nobody has sent again are counted every minute, and are few among all that there were.
ENGINE_3 = """
create index dead_letter_open on dead_letter (reason) where replayed_at is null;
"""
