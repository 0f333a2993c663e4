-- What happened, turn by turn. Rows are only ever inserted; retention drops whole days.

create table journal (
  account_id text not null,
  kind text not null,
  actor_id text not null,
  revision bigint not null check (revision >= 1),
  at timestamptz not null,
  event text not null,
  from_state text not null,
  to_state text not null,
  patch text not null,
  effects text not null,
  -- The commit that wrote the row: how an unknown outcome is looked up.
  batch_id text not null,
  constraint journal_pkey primary key (account_id, kind, actor_id, revision, at)
) partition by range (at);

-- Catches rows of a day whose partition nobody made in time: a late sweeper must not stop the service.
create table journal_default partition of journal default;

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'Rows of % are only inserted: % is refused.', tg_table_name, tg_op
    using errcode = 'restrict_violation';
end
$$;

create trigger journal_is_append_only before update or delete on journal
  for each row execute function refuse_change();
create trigger journal_is_not_truncated before truncate on journal
  for each statement execute function refuse_change();

-- Makes the partitions of today (UTC) and the days that follow; answers how many are new. A day that
-- already has rows in the default partition stays there: moving them would be a change.
create function create_journal_partitions(days integer) returns integer language plpgsql as $$
declare
  made integer := 0;
  day date;
  day_begin timestamptz;
  day_end timestamptz;
  partition_name text;
begin
  -- Two sweepers at once would both see the partition missing.
  perform pg_advisory_xact_lock(hashtext('tessera.journal_partitions'));
  for ahead in 0 .. days loop
    day := (clock_timestamp() at time zone 'UTC')::date + ahead;
    day_begin := day::timestamp at time zone 'UTC';
    day_end := (day + 1)::timestamp at time zone 'UTC';
    partition_name := 'journal_' || to_char(day, 'YYYYMMDD');
    continue when to_regclass(partition_name) is not null
      or exists (select 1 from journal_default where at >= day_begin and at < day_end);
    execute format('create table %I partition of journal for values from (%L) to (%L)',
      partition_name, day_begin, day_end);
    made := made + 1;
  end loop;
  return made;
end
$$;

-- Drops the partitions that ended before the given moment; answers their names.
create function drop_journal_partitions(before timestamptz) returns setof text language plpgsql as $$
declare
  partition_name text;
begin
  perform pg_advisory_xact_lock(hashtext('tessera.journal_partitions'));
  for partition_name in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'journal'::regclass and c.relname ~ '^journal_[0-9]{8}$'
      and (to_date(right(c.relname, 8), 'YYYYMMDD') + 1)::timestamp at time zone 'UTC' <= before
    order by c.relname
  loop
    execute format('drop table %I', partition_name);
    return next partition_name;
  end loop;
end
$$;
