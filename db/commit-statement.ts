// The commit: one prepared statement, one round trip, however many turns it carries.
//
//   writes -> held (rows locked, in key order) -> lost components -> verdict (lost, time)
//                                                                        |
//            actors, journal, timers, ledger, outbox, stream, parked  <--+  of the other components
//
// Everything is written by the same verdict, so a component is written whole or not at all. The text
// depends only on which row sets a batch has, so a connection prepares a handful of them.
import { commitSources, type SetName } from './commit-rows.ts';
import type { Statement } from './connections.ts';

const statements = new Map<string, Statement>();

export function commitStatement(sets: readonly SetName[]): Statement {
  const name = `commit ${sets.join(' ')}`;
  let statement = statements.get(name);
  if (statement === undefined) {
    // Postgres cuts names at 63 bytes; a number keeps them apart.
    statement = { name: `commit_${statements.size}`, text: commitText(sets) };
    statements.set(name, statement);
  }
  return statement;
}

const KEPT = 'not (r.component = any(v.lost))';

// `lost` counts instead of joining: per component, +1 for every row it expects and every obstacle it
// meets, -1 for every row found as expected. Zero is the only sum without an obstacle.
//
// `entered` is the verdict once new actors are in. Two commits that create the same actor would otherwise
// collide on whichever row came first, say posting 1 of a new account, and that would look like an error
// of the program; collided on the actor, it is a race, and running again finds the component lost.
function commitText(sets: readonly SetName[]): string {
  const sources = commitSources(sets);
  const fences = sources.get('fences');
  const effects = Object.entries(EFFECTS).flatMap(([name, effect]) => {
    const source = sources.get(name as SetName);
    return source === undefined ? [] : [effect(source)];
  });
  return `
with writes as materialized (select * from ${sources.get('actors')}),
held as materialized (
  select w.component, w.expected, a.revision, a.parked_at
  from writes w join actors a
    on a.account_id = w.account_id and a.kind = w.kind and a.id = w.actor_id
  order by a.account_id, a.kind, a.id
  for no key update of a
),
${fences === undefined ? '' : fenceCtes(fences)}lost as (
  select component from (
    select component, case when expected > 0 or ${ARCHIVED} is not null then 1 else 0 end as n
    from writes w
    union all
    select component, case when revision = expected and parked_at is null then -1 else 1 end from held
    ${fences === undefined ? '' : 'union all select component, n from fenced'}
  ) as counted group by component having sum(n) <> 0
),
verdict as materialized (
  select lost, clock_timestamp() as at, $1::text as batch_id from (
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
  where k.expected > 0 and k.revision > k.expected and a.account_id = k.account_id and a.kind = k.kind and a.id = k.actor_id
    and a.revision = k.expected
),
inserted as (
  insert into actors (account_id, kind, id, machine, version, revision, state, tags, snapshot,
    parked_at, created_at, updated_at)
  select account_id, kind, actor_id, machine, version, revision, state,
    string_to_array(coalesce(tags, ''), E'\\x1d'), snapshot, parking_at, at, at
  from kept where expected = 0 and revision > 0
  order by account_id, kind, actor_id -- one order for all, so that inserts never deadlock
  returning 1
),
entered as materialized (
  select lost, at, batch_id from verdict where (select count(*) from inserted) >= 0
)
${effects.map((effect) => `, ${effect}`).join('\n')}
select floor(extract(epoch from at) * 1000)::float8, array_to_string(lost, ',')
  ${sources.has('stream') ? ', (select base::float8 from head), (select seq::float8 from head)' : ''}
from entered`;
}

// It ended long ago, and its id stays its own. A subquery and not a join, for it must never be begun from
// the archive.
const ARCHIVED = `(select 1 from archive x
      where w.kind = 'job' and x.account_id = w.account_id and x.kind = w.kind and x.id = w.actor_id)`;

const fenceCtes = (source: string): string => `fences as materialized (select * from ${source}),
found as materialized (
  select f.component from fences f join leases l
    on l.name = f.name and l.term = f.term and l.expires_at > clock_timestamp()
  for share of l
),
fenced as (
  select component, 1 as n from fences union all select component, -1 from found
),
`;

type Effect = Exclude<SetName, 'actors' | 'fences'>;

// What the components that were not lost write, besides their actors.
const EFFECTS: Readonly<Record<Effect, (source: string) => string>> = {
  journal: (source) => `journaled as (
  insert into journal (account_id, kind, actor_id, revision, at, event, from_state, to_state, patch,
    effects, batch_id)
  select r.account_id, r.kind, r.actor_id, r.revision, v.at, coalesce(r.event, ''),
    coalesce(r.from_state, ''), coalesce(r.to_state, ''), coalesce(r.patch, ''),
    coalesce(r.effects, ''), v.batch_id
  from ${source}, entered v where ${KEPT}
)`,
  armed: (source) => `armed as (
  insert into timers (account_id, kind, actor_id, name, arming_id, due_at)
  select r.account_id, r.kind, r.actor_id, r.name, r.arming_id,
    v.at + r.delay_ms * interval '1 millisecond'
  from ${source}, entered v where ${KEPT}
  on conflict (account_id, kind, actor_id, name)
    do update set arming_id = excluded.arming_id, due_at = excluded.due_at
)`,
  cancelled: (source) => `cancelled as (
  delete from timers t using ${source}, entered v
  where ${KEPT} and t.account_id = r.account_id and t.kind = r.kind and t.actor_id = r.actor_id
    and t.name = r.name
)`,
  ledger: (source) => `posted as (
  insert into ledger (account_id, posting, leg, book, amount_mt, balance_mt, reason, job_id, at)
  select r.account_id, r.posting, r.leg, r.book, r.amount_mt, r.balance_mt, r.reason, r.job_id, v.at
  from ${source}, entered v where ${KEPT}
)`,
  outbox: (source) => `addressed as (
  insert into outbox (account_id, id, destination, payload, created_at)
  select r.account_id, r.id, r.destination, coalesce(r.payload, ''), v.at
  from ${source}, entered v where ${KEPT}
  on conflict (account_id, id) do nothing
)`,
  // The head's lock is held until the commit ends: whoever sees a seq sees all lower ones.
  stream: (source) => `changes as materialized (
  select r.*, v.at, row_number() over () as n from ${source}, entered v where ${KEPT}
),
head as (
  update stream_head set seq = seq + (select count(*) from changes)
  where (select count(*) from changes) > 0 returning seq, seq - (select count(*) from changes) as base
),
published as (
  insert into stream (account_id, seq, job_id, revision, payload, at)
  select account_id, base + n, job_id, revision, coalesce(payload, ''), at from changes, head
)`,
  parked: (source) => `parked_now as materialized (
  select r.*, v.at, r.writer = any(v.lost) as writer_lost
  from ${source}, entered v where ${KEPT}
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
)`,
};
