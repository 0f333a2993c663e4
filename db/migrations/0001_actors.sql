-- Actors at rest, and what belongs to one actor: its timers and the events that could not be applied.
-- Every hot table's key begins with account_id, so that a sharded Postgres can distribute on it.
-- The hot tables have few CHECKs: Postgres prepares each anew for every statement, which at one row per
-- commit costs more than the row. What only our own code writes is checked there (batch.ts).

create table actors (
  account_id text not null,
  kind text not null check (kind in ('job', 'worker', 'quota')),
  id text not null,
  machine text not null,
  version integer not null check (version >= 1),
  revision bigint not null check (revision >= 1),
  state text not null,
  tags text[] not null,
  -- Text, not jsonb: the database never looks inside, and parsing it costs twice the row.
  snapshot text not null,
  parked_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  -- Generated from the tags, so that the index below is only touched when an actor settles: an update
  -- that changes no indexed value stays on its page, where half the space is kept for it. Measured: with
  -- 0.9 KB snapshots all updates are HOT; at 70 % full only four in ten were.
  settled boolean not null generated always as (tags @> '{settled}') stored,
  constraint actors_pkey primary key (account_id, kind, id)
) with (fillfactor = 50);

-- The dispatcher reads what is open at its start; the settled are many.
create index actors_open on actors (kind) where not settled;
-- A person's own list, newest first. For jobs only, so that no plan made while the table was small looks
-- up an actor by walking this index: it would, since (account_id, kind) would come first here, too.
create index actors_newest on actors (account_id, created_at desc, id desc) where kind = 'job';

create table timers (
  account_id text not null,
  kind text not null,
  actor_id text not null,
  name text not null,
  -- Revision of the turn that armed it: a late timer with another one changes nothing.
  arming_id bigint not null check (arming_id >= 1),
  due_at timestamptz not null,
  constraint timers_pkey primary key (account_id, kind, actor_id, name)
);

create index timers_due on timers (due_at);

create table parked (
  account_id text not null,
  id text not null,
  kind text not null,
  actor_id text not null,
  event text not null,
  reason text not null,
  at timestamptz not null,
  constraint parked_pkey primary key (account_id, id)
);

create index parked_by_actor on parked (account_id, kind, actor_id);
