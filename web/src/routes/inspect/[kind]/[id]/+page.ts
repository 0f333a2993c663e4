// Which actor is meant. Its story is read in the browser: it is nobody's to see but an operator's.
import { error } from '@sveltejs/kit';
import type { ActorName } from '../../../../../../adapters/client/admin.ts';
import { isKind } from '../../../../lib/inspector/chart-kinds.ts';
import type { Drawing } from '../../../../lib/inspector/drawing.ts';
import type { PageLoad } from './$types';

export const ssr = false;

export const load: PageLoad = async ({ params: { kind, id }, url, fetch }) => {
  if (!isKind(kind)) error(404, 'There is no such kind of actor.');
  const drawings = (await (await fetch('/inspect/charts.json')).json()) as Record<string, Drawing>;
  const account = url.searchParams.get('account') ?? undefined;
  const name: ActorName = { kind, id, account };
  return { name, drawing: drawings[kind]! };
};
