-- What was learned from many small events and would take as many to learn anew: how long runs and loads take.
-- Written now and then beside the turns; without it nothing is wrong, only less well known.

create table learned (
  account_id text not null,
  -- What it is about, and of whom or what.
  subject text not null check (subject <> ''),
  id text not null check (id <> ''),
  -- How much was seen. What has seen more is not overwritten.
  seen bigint not null check (seen >= 0),
  -- JSON text.
  facts text not null,
  updated_at timestamptz not null,
  constraint learned_pkey primary key (account_id, subject, id)
);

-- What is new since one looked; and what nobody has added to for long.
create index learned_news on learned (subject, updated_at);
