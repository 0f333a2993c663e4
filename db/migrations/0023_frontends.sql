-- What bots have to bring to whom, and what their buttons mean. Bots keep nothing themselves.

-- One for each job that a frontend asked for. Written before the job: no job of a bot is ever without.
create table deliveries (
  account_id text not null references accounts,
  job_id text not null check (job_id <> ''),
  -- The frontend's key that asked, and whom it spoke for.
  key_id text not null,
  person text not null check (person ~ '^[a-z]+:[0-9]+$'),
  -- Which bot of the key's, and where: from the job's origin. Empty where it said nothing of the kind.
  bot text not null,
  chat text not null,
  -- JSON text. What the bot needs to go on after a restart, such as the message that it changes.
  note text not null default '{}',
  state text not null default 'open' check (state in ('open', 'delivered', 'dead')),
  -- Why nobody could be told. An operator reads it.
  reason text,
  created_at timestamptz not null default clock_timestamp(),
  settled_at timestamptz,
  constraint deliveries_pkey primary key (account_id, job_id),
  check ((state = 'open') = (settled_at is null)),
  check ((state = 'dead') = (reason is not null))
);

create unique index deliveries_of_job on deliveries (job_id);
create index deliveries_open on deliveries (key_id, created_at, job_id) where state = 'open';
create index deliveries_dead on deliveries (settled_at desc, job_id) where state = 'dead';
create index deliveries_of_chat on deliveries (chat, created_at) where chat <> '';

-- A button carries the id alone, in chats of one platform.
alter table actions add column platform text check (platform ~ '^[a-z]+$');
create unique index actions_by_id on actions (id);
