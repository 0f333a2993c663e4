-- Who is kept out: accounts, networks, and chats or servers of a platform.
create table bans (
  account_id text not null,
  -- `account:acc_…`, `network:192.0.2.7`, `place:discord:guild:1`.
  subject text not null check (subject ~ '^(account|network|place):.'),
  -- What they are told.
  reason text not null check (reason <> ''),
  made_by text not null,
  made_at timestamptz not null default clock_timestamp(),
  -- Null: until it is lifted.
  until timestamptz check (until > made_at),
  constraint bans_pkey primary key (account_id, subject)
);
