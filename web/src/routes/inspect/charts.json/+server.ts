// Every chart, drawn. Made once, while the site is built.
import { json } from '@sveltejs/kit';
import { CHARTS } from '../../../lib/inspector/charts.ts';
import { draw } from '../../../lib/inspector/layout.ts';

export const prerender = true;

export async function GET(): Promise<Response> {
  const drawings = await Promise.all(
    Object.entries(CHARTS).map(async ([kind, machine]) => [kind, await draw(machine)] as const),
  );
  return json(Object.fromEntries(drawings));
}
