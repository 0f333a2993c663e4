-- One person, one account: accounts that are part of another, and the codes by which they become so.

alter table accounts
  -- The account that it is part of. Whoever speaks for it speaks for that one; null: it stands for itself.
  add column joined_into text references accounts,
  add column joined_at timestamptz,
  add constraint accounts_joined check ((joined_into is null) = (joined_at is null)),
  add constraint accounts_joined_elsewhere check (joined_into <> account_id);

create index accounts_joined_into on accounts (joined_into) where joined_into is not null;

-- Where an account leads to in the end. Few are joined, and hardly any twice.
create function account_in_use(wanted text) returns text language sql stable as $$
  with recursive way (id, steps) as (
    select wanted, 0
    union all
    select a.joined_into, way.steps + 1 from way join accounts a on a.account_id = way.id
    where a.joined_into is not null and way.steps < 100
  )
  select id from way order by steps desc limit 1
$$;

-- An account and all that have become part of it.
create function accounts_of(wanted text) returns table (account_id text) language sql stable as $$
  with recursive part (id, steps) as (
    select wanted, 0
    union all
    select a.account_id, part.steps + 1 from part join accounts a on a.joined_into = part.id
    where part.steps < 100
  )
  select id from part
$$;

-- What the person is called there, as far as it was told. For showing only: names change hands.
alter table identities add column name text check (name <> '');

create table link_codes (
  -- Who asked for it: the side that stays.
  account_id text not null references accounts,
  hash bytea not null check (length(hash) = 32),
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null check (expires_at > created_at),
  -- The other side while it confirms: should that die half way, only it may go on.
  claimed_by text,
  used_at timestamptz,
  constraint link_codes_pkey primary key (account_id, hash),
  constraint link_codes_used check (used_at is null or claimed_by is not null)
);

create unique index link_codes_hash on link_codes (hash);
create index link_codes_expiry on link_codes (expires_at);
