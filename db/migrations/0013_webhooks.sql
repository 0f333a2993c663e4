-- Who is told by HTTP when a job of theirs ends, and what they were told.

create table webhooks (
  account_id text not null references accounts,
  id text not null check (id <> ''),
  url text not null check (url <> ''),
  -- Types of events, e.g. job.succeeded.
  events text[] not null check (cardinality(events) > 0),
  -- Needed as it is to sign with. Shown once.
  secret text not null,
  -- Signs beside the other until then, so that a receiver can change over.
  previous_secret text,
  previous_until timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  -- Since when nothing has come through; null: the last delivery did.
  failing_since timestamptz,
  -- Set when it was given up; null: it is in use.
  disabled_at timestamptz,
  disabled_because text,
  constraint webhooks_pkey primary key (account_id, id),
  check ((previous_secret is null) = (previous_until is null)),
  check ((disabled_at is null) = (disabled_because is null))
);

create table webhook_deliveries (
  account_id text not null,
  -- The receiver's `webhook-id`: made of the webhook and the event, so the same event is one delivery.
  id text not null check (id <> ''),
  webhook_id text not null,
  event text not null,
  job_id text,
  payload text not null,
  state text not null default 'waiting' check (state in ('waiting', 'delivered', 'failed')),
  attempts integer not null default 0 check (attempts >= 0),
  -- When it is tried next. Who tries sets it ahead: should they die, somebody else does then.
  next_at timestamptz not null default clock_timestamp(),
  status integer,
  error text,
  created_at timestamptz not null default clock_timestamp(),
  delivered_at timestamptz,
  constraint webhook_deliveries_pkey primary key (account_id, id),
  constraint webhook_deliveries_webhook foreign key (account_id, webhook_id)
    references webhooks on delete cascade,
  check ((state = 'delivered') = (delivered_at is not null))
);

create index webhook_deliveries_due on webhook_deliveries (next_at) where state = 'waiting';
create index webhook_deliveries_of on webhook_deliveries (account_id, webhook_id, created_at desc, id desc);
create index webhook_deliveries_age on webhook_deliveries (created_at);

-- How far the stream of job events has been turned into deliveries. Its lock is held while one does it.
create table webhook_cursor (
  only_row boolean not null default true check (only_row),
  seq bigint not null check (seq >= 0),
  constraint webhook_cursor_pkey primary key (only_row)
);
insert into webhook_cursor (seq) select seq from stream_head;
