-- People and how they are recognised. Written rarely, by ordinary queries.

create table accounts (
  account_id text not null check (account_id <> ''),
  created_at timestamptz not null default clock_timestamp(),
  constraint accounts_pkey primary key (account_id)
);
insert into accounts (account_id) values ('system');

-- Who somebody is elsewhere, e.g. (telegram, 42). One person of a platform is one account.
create table identities (
  account_id text not null references accounts,
  provider text not null check (provider ~ '^[a-z]+$'),
  subject text not null check (subject <> ''),
  created_at timestamptz not null default clock_timestamp(),
  constraint identities_pkey primary key (account_id, provider, subject),
  constraint identities_subject_key unique (provider, subject)
);

create table api_keys (
  account_id text not null references accounts,
  id text not null check (id <> ''),
  kind text not null check (kind in ('user', 'frontend', 'worker', 'admin')),
  -- SHA-256 of the key. The key itself is shown once and never stored.
  hash bytea not null check (length(hash) = 32),
  name text not null,
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz check (expires_at > created_at),
  last_used_at timestamptz,
  revoked_at timestamptz,
  constraint api_keys_pkey primary key (account_id, id)
);

create unique index api_keys_hash on api_keys (hash);

create table sessions (
  account_id text not null references accounts,
  hash bytea not null check (length(hash) = 32),
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null check (expires_at > created_at),
  constraint sessions_pkey primary key (account_id, hash)
);

create unique index sessions_hash on sessions (hash);
create index sessions_expiry on sessions (expires_at);
