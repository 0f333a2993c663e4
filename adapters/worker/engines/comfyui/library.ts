// The workflows of this server: those that come with Tessera and the operator's own, read once at start. A file
// that is wrong stops the start with a sentence that names the file and the field.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ComfyuiSettings } from './settings.ts';
import { workflow, type Graph, type GraphNode, type Workflow } from './workflow.ts';

const BUILT_IN = fileURLToPath(new URL('workflows', import.meta.url));

export async function readWorkflows(
  settings: Pick<ComfyuiSettings, 'workflowsFolder' | 'workflows' | 'files' | 'loras'>,
): Promise<ReadonlyMap<string, Workflow>> {
  const { workflowsFolder, files, loras } = settings;
  const all = new Map<string, Workflow>();
  for (const folder of [BUILT_IN, ...(workflowsFolder === undefined ? [] : [workflowsFolder])])
    for (const read of await readFolder(folder)) all.set(read.id, renameFiles(read, files));
  const unknown = [...(settings.workflows ?? []), ...loras.flatMap((lora) => lora.workflows)].find(
    (id) => !all.has(id),
  );
  if (unknown !== undefined)
    throw new Error(`The settings of ComfyUI name a workflow ${unknown}, which no file defines.`);
  const offered = settings.workflows ?? [...all.keys()];
  return new Map(offered.map((id) => [id, all.get(id)!]));
}

async function readFolder(folder: string): Promise<Workflow[]> {
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new Error(`The folder of workflows ${folder} cannot be read.`, { cause });
  });
  const read: Workflow[] = [];
  for (const name of names.filter((each) => each.endsWith('.json')).sort()) {
    const file = parseWorkflow(name, await readFile(join(folder, name), 'utf8'));
    const twin = read.find(({ id }) => id === file.id);
    if (twin) throw new Error(`The workflow file ${name}: id ${file.id} is taken by another file.`);
    read.push(file);
  }
  return read;
}

export function parseWorkflow(name: string, text: string): Workflow {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new Error(`The workflow file ${name} is not JSON.`, { cause });
  }
  const { data, error } = workflow.safeParse(json);
  if (error === undefined) return data;
  const wrong = error.issues.slice(0, 3);
  const told = wrong.map(({ path, message }) => `${path.join('.') || 'the file'}: ${message}`);
  throw new Error(`The workflow file ${name} is not valid. ${told.join('; ')}.`);
}

/** An operator's file may be called otherwise; nothing but the names of needed files is touched. */
function renameFiles(file: Workflow, names: Readonly<Record<string, string>>): Workflow {
  const renamed = (value: string) => names[value] ?? value;
  const needed = new Set(file.needs.map((need) => need.file));
  const renameIn = (node: GraphNode): GraphNode => ({
    ...node,
    inputs: Object.fromEntries(
      Object.entries(node.inputs).map(([input, value]) => [
        input,
        typeof value === 'string' && needed.has(value) ? renamed(value) : value,
      ]),
    ),
  });
  const graph: Graph = Object.fromEntries(
    Object.entries(file.graph).map(([id, node]) => [id, renameIn(node)]),
  );
  const needs = file.needs.map((need) => ({ ...need, file: renamed(need.file) }));
  return { ...file, needs, graph };
}
