-- The stream's seq is given by the commit that writes the row. The head's row lock is held to the end of
-- the commit, so rows become visible in the order of their seq: nothing is skipped, nobody has to stamp
-- afterwards, and a row is written once instead of twice. A message is deleted once it is delivered: its
-- id names a turn, which is never committed again.

update stream set seq = fresh.seq from (
  select account_id, position, head.seq + row_number() over (order by position) as seq
  from stream, stream_head head where stream.seq is null
) as fresh
where stream.account_id = fresh.account_id and stream.position = fresh.position;
update stream_head set seq = greatest(seq, (select coalesce(max(seq), 0) from stream));
drop function stamp_stream(text, bigint, integer);
drop index stream_unstamped, stream_of_account, stream_by_seq;
alter table stream drop constraint stream_pkey, drop column position, alter column seq set not null;
alter table stream add constraint stream_pkey primary key (account_id, seq);
create unique index stream_by_seq on stream (seq);

delete from outbox where delivered_at is not null;
drop index outbox_waiting;
alter table outbox drop column delivered_at;
create index outbox_waiting on outbox (destination, position);
delete from leases where name = 'stream';
