-- What was turned down, who asked for another look, and who is kept out.

-- What a picture looks like, as JSON: it is looked at once.
alter table blobs add column looks text;

create table strikes (
  account_id text not null,
  position bigint not null generated always as identity,
  at timestamptz not null default clock_timestamp(),
  rule text not null check (rule <> ''),
  -- The job whose result was turned down; null: the request itself was.
  job_id text,
  lifted_at timestamptz,
  constraint strikes_pkey primary key (account_id, position)
);
create unique index strikes_job on strikes (account_id, job_id) where job_id is not null;
create index strikes_age on strikes (at);

create table appeals (
  account_id text not null,
  job_id text not null,
  reason text not null,
  asked_at timestamptz not null default clock_timestamp(),
  decided_at timestamptz,
  granted boolean,
  decided_by text,
  -- What the person is told.
  answer text,
  constraint appeals_pkey primary key (account_id, job_id),
  check ((decided_at is null) = (granted is null) and (decided_at is null) = (decided_by is null))
);
create index appeals_waiting on appeals (asked_at, job_id) where decided_at is null;
