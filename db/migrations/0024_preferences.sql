-- What people and chats chose, as small JSON documents by name. A chat's belong to the system account.

create table preferences (
  account_id text not null references accounts,
  name text not null check (name <> ''),
  value text not null,
  updated_at timestamptz not null default clock_timestamp(),
  constraint preferences_pkey primary key (account_id, name)
);
