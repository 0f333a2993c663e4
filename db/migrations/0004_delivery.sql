-- What leaves after the commit: commands (outbox) and what subscribers may see (stream); and the leases
-- of the loops that carry them.

create table leases (
  name text not null,
  -- Null once released.
  holder text,
  -- Grows with every new holder; commits are fenced by it.
  term bigint not null check (term >= 1),
  expires_at timestamptz not null,
  constraint leases_pkey primary key (name)
);

create table outbox (
  account_id text not null,
  id text not null,
  position bigint not null generated always as identity,
  destination text not null,
  payload text not null,
  created_at timestamptz not null,
  -- Kept after delivery for a while, so that the same id written again stays one message.
  delivered_at timestamptz,
  constraint outbox_pkey primary key (account_id, id)
);

create index outbox_waiting on outbox (destination, position) where delivered_at is null;

create table stream (
  account_id text not null,
  -- Given at the insert. Commits overtake each other, so subscribers go by seq, which is given later.
  position bigint not null generated always as identity,
  job_id text not null,
  revision bigint not null,
  payload text not null,
  at timestamptz not null,
  seq bigint,
  constraint stream_pkey primary key (account_id, position)
);

create index stream_unstamped on stream (position) where seq is null;
create index stream_by_seq on stream (seq) where seq is not null;
create unique index stream_of_account on stream (account_id, seq) where seq is not null;

-- The newest seq. Its own row, because the newest stream row may have been swept away.
create table stream_head (
  only_row boolean not null default true check (only_row),
  seq bigint not null check (seq >= 0),
  constraint stream_head_pkey primary key (only_row)
);
insert into stream_head (seq) values (0);

-- Stamps committed rows while the lease is held in that term. A function, because each of its statements
-- sees what was committed before it: the lock on the head comes first, so two relays never share a row
-- or leave a gap, and the lock on the lease lets no other term begin before our stamps are visible.
create function stamp_stream(lease_name text, lease_term bigint, row_limit integer)
  returns table (stamped_seq bigint, stamped_account_id text, stamped_job_id text, stamped_payload text)
  language plpgsql as $$
declare
  head bigint;
begin
  perform 1 from leases
    where name = lease_name and term = lease_term and expires_at > clock_timestamp() for share;
  if not found then return; end if;
  select seq into strict head from stream_head for update;
  return query
    with fresh as (
      select account_id, position, head + row_number() over (order by position) as seq
      from (
        select account_id, position from stream where seq is null order by position limit row_limit
      ) as oldest
    )
    update stream set seq = fresh.seq from fresh
    where stream.account_id = fresh.account_id and stream.position = fresh.position
    returning stream.seq, stream.account_id, stream.job_id, stream.payload;
  get diagnostics head = row_count;
  update stream_head set seq = seq + head where head > 0;
end
$$;
