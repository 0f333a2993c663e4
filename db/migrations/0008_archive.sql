-- Jobs that ended long ago, each with its journal, compressed: the hot table keeps what is going on. Money is
-- not in here: the ledger stays as it is, for ever.

create table archive (
  account_id text not null,
  kind text not null,
  id text not null,
  machine text not null,
  version integer not null check (version >= 1),
  revision bigint not null check (revision >= 1),
  state text not null,
  tags text[] not null,
  -- Zstandard over the JSON text of the snapshot, and over that of the journal's rows.
  snapshot bytea not null,
  journal bytea not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  archived_at timestamptz not null default clock_timestamp(),
  constraint archive_pkey primary key (account_id, kind, id)
);
create index archive_newest on archive (account_id, created_at desc, id desc) where kind = 'job';

-- What may be archived, oldest first. Not by updated_at: an index on a column that each turn changes would
-- cost every turn its in-place update.
create index actors_ended on actors (created_at) where kind = 'job' and settled;

-- A file is kept until then, and for as long as a job that is not archived yet refers to it.
alter table blobs add column kept_until timestamptz not null
  default clock_timestamp() + interval '7 days';
create index blobs_kept_until on blobs (kept_until);
-- Does anybody still have this file?
create index blobs_by_id on blobs (id);
