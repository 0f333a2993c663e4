-- Who paid what, and what providers told us. Records of money: they outlive the account they are about.

-- What a provider calls somebody. Whoever pays as that customer pays for that account.
create table payment_customers (
  account_id text not null,
  rail text not null check (rail in ('stripe', 'telegram', 'discord')),
  customer text not null check (customer <> ''),
  created_at timestamptz not null default clock_timestamp(),
  constraint payment_customers_pkey primary key (account_id, rail),
  constraint payment_customers_customer unique (rail, customer)
);

create table payments (
  account_id text not null,
  id text not null check (id <> ''),
  rail text not null check (rail in ('stripe', 'telegram', 'discord')),
  -- The provider's: a payment is one row, however often and about whomever it is told.
  provider_id text not null check (provider_id <> ''),
  live boolean not null,
  -- On the provider's platform, where a refund has to name them.
  person text,
  -- plan:pro, topUp:small.
  article text not null,
  currency text not null,
  -- In the smallest unit of the currency.
  amount bigint not null check (amount >= 0),
  refunded bigint not null check (refunded between 0 and amount),
  disputed boolean not null,
  bought_mt bigint not null check (bought_mt >= 0),
  kept_mt bigint not null check (kept_mt between 0 and bought_mt),
  paid_at timestamptz not null,
  -- Our time of the look that it is told by, in milliseconds: a later look wins.
  as_of bigint not null,
  -- The account has what this look says; null: it is to be told.
  applied_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  constraint payments_pkey primary key (account_id, id),
  constraint payments_provider unique (rail, provider_id)
);

create index payments_newest on payments (account_id, paid_at desc, id desc);
create index payments_not_applied on payments (created_at) where applied_at is null;

create table provider_events (
  account_id text not null,
  rail text not null check (rail in ('stripe', 'telegram', 'discord')),
  -- The provider's: each event is one row, and acts once.
  id text not null check (id <> ''),
  type text not null,
  thing_kind text,
  thing_id text,
  received_at timestamptz not null default clock_timestamp(),
  -- Set when it has acted, or there was nothing to do.
  handled_at timestamptz,
  attempts integer not null default 0 check (attempts >= 0),
  -- Why it has not acted yet, for an operator.
  problem text,
  -- When it is tried next; who tries sets it ahead, should they die.
  next_at timestamptz not null default clock_timestamp(),
  constraint provider_events_pkey primary key (account_id, rail, id),
  constraint provider_events_once unique (rail, id),
  check ((thing_kind is null) = (thing_id is null))
);

create index provider_events_due on provider_events (next_at) where handled_at is null;
create index provider_events_age on provider_events (handled_at) where handled_at is not null;

-- How far each rail's own record has been read.
create table payment_cursors (
  account_id text not null,
  rail text not null check (rail in ('stripe', 'telegram', 'discord')),
  cursor text not null,
  read_at timestamptz not null default clock_timestamp(),
  constraint payment_cursors_pkey primary key (account_id, rail)
);
