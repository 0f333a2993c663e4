// Which node comes next, and when a result of before will do.
import { createHash } from 'node:crypto';
import { isLink, type PromptGraph } from './validation.ts';

/** As the real one picks: what is ready, results and their next of kin first. */
export function* orderOf(
  graph: PromptGraph,
  wanted: readonly string[],
  isOutputNode: (classType: string) => boolean,
  isCached: (node: string) => boolean,
): Generator<string> {
  const waiting: string[] = [];
  for (const output of wanted) {
    const stack = [output];
    while (stack.length > 0) {
      const node = stack.pop()!;
      if (waiting.includes(node)) continue;
      waiting.push(node);
      for (const value of Object.values(graph[node]!.inputs ?? {}))
        if (isLink(value) && !isCached(value[0])) stack.push(value[0]);
    }
  }
  const needs = (node: string) =>
    Object.values(graph[node]!.inputs ?? {}).flatMap((value) => (isLink(value) ? [value[0]] : []));
  const isOutput = (node: string) => isOutputNode(graph[node]!.class_type!);
  const users = (node: string) => waiting.filter((other) => needs(other).includes(node));
  while (waiting.length > 0) {
    const ready = waiting.filter((node) => !needs(node).some((other) => waiting.includes(other)));
    const next =
      ready.find(isOutput) ??
      ready.find((node) => users(node).some(isOutput)) ??
      ready.find((node) => users(node).some((user) => users(user).some(isOutput))) ??
      ready[0]!;
    waiting.splice(waiting.indexOf(next), 1);
    yield next;
  }
}

/** Of all a node's result depends on. */
export function signatureOf(graph: PromptGraph, node: string): string {
  const { class_type, inputs = {} } = graph[node]!;
  const parts = Object.entries(inputs).map(([name, value]) =>
    isLink(value) && graph[value[0]]
      ? [name, signatureOf(graph, value[0]), value[1]]
      : [name, value],
  );
  return createHash('sha1')
    .update(JSON.stringify([class_type, parts]))
    .digest('hex');
}
