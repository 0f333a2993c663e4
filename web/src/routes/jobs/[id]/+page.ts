// What happened to one's own job. Read in the browser, with the visitor's own session.
import type { ActorName } from '../../../../../adapters/client/admin.ts';
import type { Drawing } from '../../../lib/inspector/drawing.ts';
import type { PageLoad } from './$types';

export const ssr = false;

export const load: PageLoad = async ({ params: { id }, fetch }) => {
  const drawings = (await (await fetch('/inspect/charts.json')).json()) as Record<string, Drawing>;
  const name: ActorName = { kind: 'job', id };
  return { name, drawing: drawings['job']! };
};
