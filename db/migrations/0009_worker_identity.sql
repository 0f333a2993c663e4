-- One worker, one key: a token that an operator makes is exchanged once, soon, for the key of one worker.

-- What a worker is called, whatever its agent says. Null: the agent says it.
alter table api_keys add column worker_name text
  check (worker_name is null or (kind = 'worker' and worker_name <> ''));

-- Open sockets of a key that was revoked are looked for every few seconds.
create index api_keys_revoked on api_keys (revoked_at) where revoked_at is not null;

create table enrolments (
  account_id text not null references accounts,
  id text not null check (id <> ''),
  -- SHA-256 of the token. The token itself is shown once and never stored.
  hash bytea not null check (length(hash) = 32),
  -- Null: the worker says how it is called, this once.
  name text check (name <> ''),
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null check (expires_at > created_at),
  used_at timestamptz,
  -- The key that was given for it.
  key_id text,
  constraint enrolments_pkey primary key (account_id, id),
  constraint enrolments_used check ((used_at is null) = (key_id is null))
);

create unique index enrolments_hash on enrolments (hash);
