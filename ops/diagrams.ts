// Draws the charts: Mermaid state diagrams, made from the machines themselves and written between their
// markers in machines/README.md. Run `node ops/diagrams.ts` after a change of a chart.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { AnyStateMachine } from 'xstate';
import {
  childrenOf,
  eventName,
  guardName,
  idOf,
  isInside,
  isWithin,
  moves,
  nameOf,
  nodesBelow,
  transitionsOf,
  type Node,
  type Transition,
} from '../machines/chart-reading.ts';
import { jobMachine } from '../machines/job/machine.ts';
import { quotaMachine } from '../machines/quota/machine.ts';
import { subscriptionMachine } from '../machines/subscription/machine.ts';
import { workerMachine } from '../machines/worker/machine.ts';

const MACHINES: readonly AnyStateMachine[] = [
  jobMachine,
  workerMachine,
  quotaMachine,
  subscriptionMachine,
];
export const README = fileURLToPath(new URL('../machines/README.md', import.meta.url));

/** What leads along one arrow: the events with one guard share a line. */
function label(transitions: readonly Transition[]): string {
  const events = new Map<string, string[]>();
  for (const transition of transitions) {
    const guard = transition.guard === undefined ? '' : `[${guardName(transition.guard)}]`;
    events.set(guard, [...(events.get(guard) ?? []), eventName(transition)]);
  }
  const lines = [...events].map(([guard, names]) => `${names.join(', ')} ${guard}`.trim());
  return lines.join('<br/>') || 'at once';
}

/** The innermost box around both. An arrow drawn further in would pull its target in with it. */
function boxAround(source: Node, target: Node): Node {
  let box = isWithin(source, target) ? source : source.parent;
  while (box?.parent && !isInside(target, box)) box = box.parent;
  return box ?? source;
}

function box(node: Node, indent: string): string[] {
  const title = `${indent}state "${node.key}" as ${idOf(node)}`;
  if (childrenOf(node).length === 0) return [title];
  return [`${title} {`, ...inside(node, `${indent}  `), `${indent}}`];
}

function inside(node: Node, indent: string): string[] {
  const children = childrenOf(node);
  if (node.type === 'parallel')
    return children.flatMap((region, index) => [
      ...(index === 0 ? [] : [`${indent}--`]),
      ...box(region, indent),
    ]);
  const ends = children.filter(({ type }) => type === 'final');
  return [
    ...children.flatMap((child) => box(child, indent)),
    ...node.initial.target.map((target) => `${indent}[*] --> ${idOf(target)}`),
    ...nodesBelow(node).flatMap((source) => arrows(source, node, indent)),
    ...ends.map((end) => `${indent}${idOf(end)} --> [*]`),
  ];
}

/** The arrows of one state that belong into this box, one for each target. */
function arrows(source: Node, box: Node, indent: string): string[] {
  const byTarget = new Map<Node, Transition[]>();
  for (const transition of transitionsOf(source))
    for (const target of transition.target ?? [])
      if (boxAround(source, target) === box)
        byTarget.set(target, [...(byTarget.get(target) ?? []), transition]);
  const isAny = source === box;
  const from = isAny ? `${idOf(source)}_any` : idOf(source);
  return [
    ...(isAny && byTarget.size > 0 ? [`${indent}state "in any state" as ${from}`] : []),
    ...[...byTarget].map(
      ([target, transitions]) => `${indent}${from} --> ${idOf(target)}: ${label(transitions)}`,
    ),
  ];
}

const picture = (machine: AnyStateMachine): string[] => {
  const { root } = machine;
  // Regions need a box around them.
  const lines = root.type === 'parallel' ? box(root, '  ') : inside(root, '  ');
  return ['```mermaid', 'stateDiagram-v2', ...lines, '```'];
};

// --- what moves nothing, so that the picture cannot show it -------------------------------------------

const rows = (node: Node): string[] =>
  transitionsOf(node)
    .filter((transition) => !moves(transition))
    .map((transition) => {
      const where = node.parent === undefined ? 'any state' : `\`${nameOf(node)}\``;
      const guard = transition.guard === undefined ? '' : guardName(transition.guard);
      const does = transition.actions.map((action) => `\`${actionName(action)}\``).join(', ');
      return `| ${where} | \`${eventName(transition)}\` | ${guard} | ${does || 'nothing'} |`;
    });

const actionName = (action: unknown): string =>
  typeof action === 'string' ? action : (action as { readonly type: string }).type;

const inPlace = (machine: AnyStateMachine): string[] => {
  const all = nodesBelow(machine.root).flatMap(rows);
  return all.length === 0 ? [] : ['', '| stays in | on | if | does |', '|---|---|---|---|', ...all];
};

/** A picture of every move of the chart, and a table of all that it does without moving. */
export const diagramOf = (machine: AnyStateMachine): string =>
  [...picture(machine), ...inPlace(machine)].join('\n');

/** The text with every diagram brought up to date. */
export function withDiagrams(
  text: string,
  machines: readonly AnyStateMachine[] = MACHINES,
): string {
  return machines.reduce((before, machine) => {
    const [begin, end] = [`<!-- diagram of ${machine.id} -->`, `<!-- end of ${machine.id} -->`];
    const [head, ...more] = before.split(begin);
    const tail = more.join(begin).split(end).slice(1).join(end);
    if (head === undefined || more.length === 0 || !before.includes(end))
      throw new Error(`The text needs the lines "${begin}" and "${end}".`);
    return `${head}${begin}\n\n${diagramOf(machine)}\n\n${end}${tail}`;
  }, text);
}

if (import.meta.main) {
  writeFileSync(README, withDiagrams(readFileSync(README, 'utf8')));
  console.log('machines/README.md shows the charts as they are now.');
}
