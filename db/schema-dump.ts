// The schema as the database sees it, as text: kept in git as `schema.sql`, so that the effect of a
// migration shows in review. Read from the catalogs, because the npm package brings no pg_dump.
import type pg from 'pg';

// The journal's dated partitions come and go with the days.
const TABLES = `select c.oid, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = 'public' and c.relkind in ('r', 'p') and c.relname !~ '^journal_[0-9]{8}$'`;

const COLUMNS = `select format('  %I %s%s%s%s,', a.attname, format_type(a.atttypid, a.atttypmod),
    case when a.attnotnull then ' not null' else '' end,
    case when d.adbin is null then ''
      when a.attgenerated = 's' then format(' generated always as (%s) stored', pg_get_expr(d.adbin, d.adrelid))
      else ' default ' || pg_get_expr(d.adbin, d.adrelid) end,
    case a.attidentity when 'a' then ' generated always as identity' else '' end) as line
  from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped order by a.attnum`;

// PostgreSQL 18 lists not-null constraints, older ones do not; the columns say it already.
const CONSTRAINTS = `select format('  constraint %I %s,', conname, pg_get_constraintdef(oid)) as line
  from pg_constraint where conrelid = $1 and contype in ('p', 'u', 'f', 'c')
  order by contype <> 'p', conname`;

const AFTER = `select pg_get_indexdef(i.indexrelid) || ';' as line, 1 as rank from pg_index i
    where i.indrelid = $1 and not exists (select 1 from pg_constraint where conindid = i.indexrelid)
      and not exists (select 1 from pg_inherits where inhrelid = i.indexrelid)
  union all
  select pg_get_triggerdef(t.oid) || ';', 2 from pg_trigger t
    where t.tgrelid = $1 and not t.tgisinternal and t.tgparentid = 0
  order by rank, line`;

const PARTITIONING = `select format('partition by %s', pg_get_partkeydef(c.oid)) as line
    from pg_class c where c.oid = $1 and c.relkind = 'p'
  union all
  select format('partition of %s %s', i.inhparent::regclass, pg_get_expr(c.relpartbound, c.oid))
    from pg_class c join pg_inherits i on i.inhrelid = c.oid where c.oid = $1
  union all
  select format('with (%s)', array_to_string(c.reloptions, ', '))
    from pg_class c where c.oid = $1 and c.reloptions is not null`;

const FUNCTIONS = `select pg_get_functiondef(p.oid) || ';' as line from pg_proc p
  join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'public' order by p.proname`;

export async function dumpSchema(client: pg.Client): Promise<string> {
  const lines = async (query: string, values: unknown[]): Promise<string[]> =>
    (await client.query<{ line: string }>(query, values)).rows.map(({ line }) => line.trim());
  const tables = await client.query<{ oid: number; relname: string }>(`${TABLES} order by relname`);
  const parts = ['-- Written by a test from the migrated database; see README.md. Do not edit.'];
  for (const { oid, relname } of tables.rows) {
    const inside = [...(await lines(COLUMNS, [oid])), ...(await lines(CONSTRAINTS, [oid]))];
    const body = inside
      .map((line) => `  ${line}`)
      .join('\n')
      .replace(/,$/, '');
    const suffix = (await lines(PARTITIONING, [oid])).map((line) => ` ${line}`).join('');
    const after = await lines(AFTER, [oid]);
    parts.push([`create table ${relname} (`, body, `)${suffix};`, ...after].join('\n'));
  }
  parts.push(...(await lines(FUNCTIONS, [])));
  return `${parts.join('\n\n')}\n`;
}
