-- Files people sent or got, what a button in a chat means, and what operators did.

create table blobs (
  account_id text not null,
  -- The content's SHA-256; the bytes lie in the blob store under the same name.
  id text not null check (id <> ''),
  bytes bigint not null check (bytes >= 0),
  media_type text not null check (media_type <> ''),
  created_at timestamptz not null default clock_timestamp(),
  constraint blobs_pkey primary key (account_id, id)
);

create table actions (
  account_id text not null,
  id text not null check (id <> ''),
  -- JSON text. Exempt from retention: a button works after a year.
  meaning text not null,
  created_at timestamptz not null default clock_timestamp(),
  constraint actions_pkey primary key (account_id, id)
);

create table audit (
  account_id text not null,
  position bigint not null generated always as identity,
  at timestamptz not null default clock_timestamp(),
  -- Who did it (an API key's id, `local`) and what, with JSON details.
  done_by text not null check (done_by <> ''),
  action text not null check (action <> ''),
  details text not null,
  constraint audit_pkey primary key (account_id, position)
);

create trigger audit_is_append_only before update or delete on audit
  for each row execute function refuse_change();
