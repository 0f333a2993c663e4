-- What an operator keeps from being given out for now: everything, a model, a plan's jobs, a worker. Every runtime
-- reads it twice a second.

create table pauses (
  account_id text not null,
  scope text not null check (scope in ('queue', 'model', 'plan', 'worker')),
  -- Which model, plan or worker; '' for the whole queue.
  name text not null,
  paused_by text not null check (paused_by <> ''),
  paused_at timestamptz not null default clock_timestamp(),
  constraint pauses_pkey primary key (account_id, scope, name),
  constraint pauses_named check ((scope = 'queue') = (name = ''))
);
