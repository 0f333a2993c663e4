// The commit: one prepared statement, one round trip, however many turns it carries.
//
//   writes -> held (rows locked, in key order) -> lost components -> verdict (lost, time)
//                                                                        |
//            actors, journal, timers, ledger, outbox, stream, parked  <--+  of the other components
//
// Everything is written by the same verdict, so a component is written whole or not at all.
import { SOURCES } from './commit-rows.ts';

const KEPT = 'not (r.component = any(v.lost))';

// `entered` is the verdict once new actors are in. Two commits that create the same actor would otherwise
// collide on whichever row came first, say posting 1 of a new account, and that would look like an error
// of the program; collided on the actor, it is a race, and running again finds the component lost.
//
// `lost` counts instead of joining: per component, +1 for every row it expects and every obstacle it
// meets, -1 for every row found as expected. Zero is the only sum without an obstacle.
export const COMMIT_TEXT = `
with writes as materialized (select * from ${SOURCES.actors}),
held as materialized (
  select w.component, w.expected, a.revision, a.parked_at
  from writes w join actors a
    on a.account_id = w.account_id and a.kind = w.kind and a.id = w.actor_id
  order by a.account_id, a.kind, a.id
  for no key update of a
),
fences as materialized (select * from ${SOURCES.fences}),
fenced as materialized (
  select f.component from fences f join leases l
    on l.name = f.name and l.term = f.term and l.expires_at > clock_timestamp()
  for share of l
),
lost as (
  select component from (
    select component, case when expected > 0 then 1 else 0 end as n from writes
    union all
    select component, case when revision = expected and parked_at is null then -1 else 1 end from held
    union all select component, 1 from fences
    union all select component, -1 from fenced
  ) as counted group by component having sum(n) <> 0
),
verdict as materialized (
  select lost, clock_timestamp() as at from (
    select coalesce(array_agg(component order by component), '{}') as lost from lost
  ) as listed
),
kept as materialized (
  select r.*, v.at,
    case when r.parker >= 0 and not (r.parker = any(v.lost)) then v.at end as parking_at
  from writes r, verdict v where ${KEPT}
),
updated as (
  update actors a set machine = k.machine, version = k.version, revision = k.revision,
    state = k.state, tags = string_to_array(coalesce(k.tags, ''), E'\\x1d'), snapshot = k.snapshot,
    parked_at = k.parking_at, updated_at = k.at
  from kept k
  where k.expected > 0 and a.account_id = k.account_id and a.kind = k.kind and a.id = k.actor_id
    and a.revision = k.expected
),
inserted as (
  insert into actors (account_id, kind, id, machine, version, revision, state, tags, snapshot,
    parked_at, created_at, updated_at)
  select account_id, kind, actor_id, machine, version, revision, state,
    string_to_array(coalesce(tags, ''), E'\\x1d'), snapshot, parking_at, at, at
  from kept where expected = 0
  order by account_id, kind, actor_id -- one order for all, so that inserts never deadlock
  returning 1
),
entered as materialized (
  select lost, at from verdict where (select count(*) from inserted) >= 0
),
journaled as (
  insert into journal (account_id, kind, actor_id, revision, at, event, from_state, to_state, patch,
    effects, batch_id)
  select r.account_id, r.kind, r.actor_id, r.revision, v.at, coalesce(r.event, ''),
    coalesce(r.from_state, ''), coalesce(r.to_state, ''), coalesce(r.patch, ''),
    coalesce(r.effects, ''), $1
  from ${SOURCES.journal}, entered v where ${KEPT}
),
armed as (
  insert into timers (account_id, kind, actor_id, name, arming_id, due_at)
  select r.account_id, r.kind, r.actor_id, r.name, r.arming_id,
    v.at + r.delay_ms * interval '1 millisecond'
  from ${SOURCES.armed}, entered v where ${KEPT}
  on conflict (account_id, kind, actor_id, name)
    do update set arming_id = excluded.arming_id, due_at = excluded.due_at
),
cancelled as (
  delete from timers t using ${SOURCES.cancelled}, entered v
  where ${KEPT} and t.account_id = r.account_id and t.kind = r.kind and t.actor_id = r.actor_id
    and t.name = r.name
),
posted as (
  insert into ledger (account_id, posting, leg, book, amount_mt, balance_mt, reason, job_id, at)
  select r.account_id, r.posting, r.leg, r.book, r.amount_mt, r.balance_mt, r.reason, r.job_id, v.at
  from ${SOURCES.ledger}, entered v where ${KEPT}
),
addressed as (
  insert into outbox (account_id, id, destination, payload, created_at)
  select r.account_id, r.id, r.destination, coalesce(r.payload, ''), v.at
  from ${SOURCES.outbox}, entered v where ${KEPT}
  on conflict (account_id, id) do nothing
),
published as (
  insert into stream (account_id, job_id, revision, payload, at)
  select r.account_id, r.job_id, r.revision, coalesce(r.payload, ''), v.at
  from ${SOURCES.stream}, entered v where ${KEPT}
),
parked_now as materialized (
  select r.*, v.at, r.writer = any(v.lost) as writer_lost
  from ${SOURCES.parked}, entered v where ${KEPT}
),
noted as (
  insert into parked (account_id, id, kind, actor_id, event, reason, at)
  select account_id, id, kind, actor_id, coalesce(event, ''), coalesce(reason, ''), at
  from parked_now
),
parking as (
  update actors a set parked_at = p.at from parked_now p
  where (p.writer < 0 or p.writer_lost)
    and a.account_id = p.account_id and a.kind = p.kind and a.id = p.actor_id
)
select floor(extract(epoch from at) * 1000)::float8, array_to_string(lost, ',') from verdict`;
