-- Signing in: sessions that are listed and end by themselves, attempts under way, passkeys.

alter table sessions
  -- What it is revoked by; says nothing about the cookie.
  add column id text,
  -- Who it was that signed in (`discord:42`). Null: the local person.
  add column identity text,
  add column last_seen_at timestamptz not null default clock_timestamp(),
  -- What the browser calls itself.
  add column agent text;
update sessions set id = 'ses_' || substr(encode(sha256(hash), 'hex'), 1, 22);
alter table sessions alter column id set not null;
create unique index sessions_id on sessions (account_id, id);

-- Somebody on their way to a provider and back, or with a passkey in hand. Each is used once.
create table sign_in_attempts (
  -- Who wants one more way into their account; `system`: somebody who signs in.
  account_id text not null references accounts,
  -- SHA-256 of the state that travels.
  hash bytea not null check (length(hash) = 32),
  -- SHA-256 of what the browser keeps: who began it is who ends it.
  browser bytea not null check (length(browser) = 32),
  provider text not null check (provider <> ''),
  nonce text not null,
  verifier text not null,
  return_to text not null,
  expires_at timestamptz not null,
  constraint sign_in_attempts_pkey primary key (account_id, hash)
);

create unique index sign_in_attempts_hash on sign_in_attempts (hash);
create index sign_in_attempts_expiry on sign_in_attempts (expires_at);

-- Proofs that are good for a while and must not be shown twice (Telegram's init data).
create table used_proofs (
  account_id text not null,
  hash bytea not null check (length(hash) = 32),
  expires_at timestamptz not null,
  constraint used_proofs_pkey primary key (account_id, hash)
);

create index used_proofs_expiry on used_proofs (expires_at);

-- Each is an identity, too: (passkey, id).
create table passkeys (
  account_id text not null references accounts,
  id text not null check (id <> ''),
  public_key bytea not null,
  -- Of the authenticator; many do not count and stay at 0.
  counter bigint not null check (counter >= 0),
  transports text[] not null,
  name text not null check (name <> ''),
  created_at timestamptz not null default clock_timestamp(),
  last_used_at timestamptz,
  constraint passkeys_pkey primary key (account_id, id)
);

create unique index passkeys_id on passkeys (id);
