// Gives every state and arrow of a chart a place. Runs while the site is built, never in a browser: the
// charts change with the code, and a page that only shows coordinates opens at once.
import ELK, { type ElkEdgeSection, type ElkExtendedEdge, type ElkNode } from 'elkjs';
import type { AnyStateMachine } from 'xstate';
import {
  childrenOf,
  eventName,
  guardName,
  isWithin,
  nodesBelow,
  transitionsOf,
  type Node,
} from '../../../../machines/chart-reading.ts';
import {
  linesOf,
  type DrawnArrow,
  type DrawnEvent,
  type DrawnState,
  type Drawing,
} from './drawing.ts';

/** Of the page's small monospaced text; a little more than it needs. */
const CHARACTER = 6.7;
const LINE = 15;
const STATE_HEIGHT = 38;
const CORNER = 7;

const pathOf = (node: Node): string => node.path.join('.');
const anyOf = (node: Node): string => `${pathOf(node)}*`;

interface Arrow {
  readonly from: Node;
  readonly to: Node;
  readonly isFromAny: boolean;
  readonly events: DrawnEvent[];
}

const OPTIONS = {
  'elk.algorithm': 'layered',
  'elk.direction': 'DOWN',
  'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
  'elk.edgeRouting': 'ORTHOGONAL',
  'elk.layered.spacing.nodeNodeBetweenLayers': '34',
  'elk.layered.spacing.edgeNodeBetweenLayers': '18',
  'elk.spacing.nodeNode': '30',
  'elk.spacing.edgeNode': '16',
  'elk.spacing.edgeEdge': '12',
  'elk.spacing.edgeLabel': '5',
  'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
  // The charts are written in the order in which things go well.
  'elk.layered.cycleBreaking.strategy': 'MODEL_ORDER',
  'elk.json.shapeCoords': 'ROOT',
  'elk.json.edgeCoords': 'ROOT',
};

export async function draw(machine: AnyStateMachine): Promise<Drawing> {
  const { root } = machine;
  const arrows = arrowsOf(root);
  const bubbles = new Set(arrows.filter(({ isFromAny }) => isFromAny).map(({ from }) => from));
  const graph: ElkNode = {
    id: 'chart',
    layoutOptions: OPTIONS,
    children: inside(root, bubbles),
    edges: arrows.map(edge),
  };
  const placed: ElkNode = await new ELK().layout(graph);
  const boxes = new Map(allBelow(placed).map((box) => [box.id, box]));
  return {
    machine: machine.id,
    width: Math.ceil(placed.width ?? 0),
    height: Math.ceil(placed.height ?? 0),
    states: [
      ...nodesBelow(root)
        .slice(1)
        .map((node) => drawnState(node, boxes.get(pathOf(node))!)),
      ...[...bubbles].map((node) => bubble(node, boxes.get(anyOf(node))!)),
    ],
    arrows: arrows.map((arrow, index) => drawnArrow(arrow, placed.edges![index]!)),
  };
}

/** One for each pair of states; what does not move cannot be shown as an arrow. */
function arrowsOf(root: Node): Arrow[] {
  const arrows = new Map<string, Arrow>();
  for (const from of nodesBelow(root))
    for (const transition of transitionsOf(from))
      for (const to of transition.target ?? []) {
        const key = `${pathOf(from)} > ${pathOf(to)}`;
        const isFromAny = isWithin(from, to);
        const arrow = arrows.get(key) ?? { from, to, isFromAny, events: [] };
        arrow.events.push({
          type: transition.eventType,
          name: eventName(transition),
          guard: transition.guard === undefined ? null : guardName(transition.guard),
        });
        arrows.set(key, arrow);
      }
  return [...arrows.values()];
}

const inside = (node: Node, bubbles: ReadonlySet<Node>): ElkNode[] => [
  ...(bubbles.has(node) ? [{ id: anyOf(node), width: 96, height: 26 }] : []),
  ...childrenOf(node).map((child): ElkNode => {
    const size = { width: Math.max(92, child.key.length * 8.4 + 34), height: STATE_HEIGHT };
    const below = childrenOf(child);
    if (below.length === 0) return { id: pathOf(child), ...size };
    return {
      id: pathOf(child),
      layoutOptions: {
        'elk.padding': '[top=46,left=18,bottom=18,right=18]',
        'elk.nodeSize.constraints': 'MINIMUM_SIZE',
        'elk.nodeSize.minimum': `(${size.width}, ${size.height})`,
      },
      children: inside(child, bubbles),
    };
  }),
];

const edge = ({ from, to, isFromAny, events }: Arrow, index: number): ElkExtendedEdge => {
  const lines = linesOf(events);
  const width = Math.max(...lines.map(({ length }) => length)) * CHARACTER + 8;
  return {
    id: `arrow${index}`,
    sources: [isFromAny ? anyOf(from) : pathOf(from)],
    targets: [pathOf(to)],
    labels: [{ text: lines.join('\n'), width, height: lines.length * LINE + 4 }],
  };
};

const allBelow = (box: ElkNode): ElkNode[] =>
  (box.children ?? []).flatMap((each) => [each, ...allBelow(each)]);

const placeOf = ({ x = 0, y = 0, width = 0, height = 0 }: ElkNode) => ({
  ...{ x: round(x), y: round(y), width: round(width), height: round(height) },
});

const drawnState = (node: Node, box: ElkNode): DrawnState => ({
  path: pathOf(node),
  name: node.key,
  kind: node.type as DrawnState['kind'],
  isInitial: node.parent?.type !== 'parallel' && (node.parent?.initial.target ?? []).includes(node),
  description: node.description ?? '',
  tags: [...node.tags],
  ...placeOf(box),
});

const bubble = (node: Node, box: ElkNode): DrawnState => ({
  path: anyOf(node),
  name: 'in any state',
  kind: 'any',
  isInitial: false,
  description:
    node.path.length === 0 ? 'Holds in every state.' : `Holds everywhere in ${pathOf(node)}.`,
  tags: [],
  ...placeOf(box),
});

function drawnArrow({ from, to, isFromAny, events }: Arrow, placed: ElkExtendedEdge): DrawnArrow {
  const [label] = placed.labels ?? [];
  return {
    from: isFromAny ? anyOf(from) : pathOf(from),
    to: pathOf(to),
    events,
    line: (placed.sections ?? []).map(lineOf).join(' '),
    label: { x: round((label?.x ?? 0) + (label?.width ?? 0) / 2), y: round(label?.y ?? 0) },
  };
}

const round = (length: number): number => Math.round(length * 10) / 10;

/** Straight pieces with round corners. */
function lineOf({ startPoint, bendPoints = [], endPoint }: ElkEdgeSection): string {
  const points = [startPoint, ...bendPoints, endPoint];
  const parts = [`M${round(startPoint.x)} ${round(startPoint.y)}`];
  for (let at = 1; at < points.length - 1; at++) {
    const [before, corner, after] = points.slice(at - 1, at + 2) as [Point, Point, Point];
    const [into, out] = [towards(corner, before), towards(corner, after)];
    parts.push(`L${into} Q${round(corner.x)} ${round(corner.y)} ${out}`);
  }
  return [...parts, `L${round(endPoint.x)} ${round(endPoint.y)}`].join(' ');
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** A corner's width from the corner, and never past the middle. */
function towards(corner: Point, other: Point): string {
  const length = Math.hypot(other.x - corner.x, other.y - corner.y) || 1;
  const part = Math.min(CORNER, length / 2) / length;
  return `${round(corner.x + (other.x - corner.x) * part)} ${round(corner.y + (other.y - corner.y) * part)}`;
}
