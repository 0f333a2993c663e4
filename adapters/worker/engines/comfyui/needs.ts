// What a server lacks for a workflow: nodes and model files. Said in sentences that tell what to do.
import type { Client } from './client.ts';
import type { Workflow } from './workflow.ts';

export interface Inventory {
  readonly nodes: ReadonlySet<string>;
  /** Folder -> files. */
  readonly files: ReadonlyMap<string, ReadonlySet<string>>;
}

export async function takeInventory(
  client: Client,
  workflows: readonly Pick<Workflow, 'needs'>[],
  loras: readonly { readonly file: string }[] = [],
): Promise<Inventory> {
  const folders = new Set(workflows.flatMap(({ needs }) => needs.map(({ folder }) => folder)));
  if (loras.length > 0) folders.add('loras');
  const files = new Map<string, ReadonlySet<string>>();
  for (const folder of folders)
    files.set(folder, new Set((await client.filesIn(folder)).map(withSlashes)));
  return { nodes: new Set(Object.keys(await client.objectInfo())), files };
}

export function missingFor(file: Workflow, { nodes, files }: Inventory): string[] {
  const used = [
    ...Object.values(file.graph),
    ...Object.values(file.formats?.choices ?? {}),
    ...Object.values(file.safe),
  ].map(({ class_type }) => class_type);
  return [
    ...[...new Set(used)]
      .filter((name) => !nodes.has(name))
      .map(
        (name) =>
          `${file.name} (${file.id}) needs the node ${name}, which this ComfyUI does not have. Update ComfyUI or install the custom node.`,
      ),
    ...file.needs
      .filter((need) => !hasFile(files, need.folder, need.file))
      .map(
        (need) =>
          `${file.name} (${file.id}) needs the file ${need.file}. Put it into ComfyUI's folder models/${need.folder}, or say under "files" what it is called there.`,
      ),
  ];
}

export const hasFile = (files: Inventory['files'], folder: string, file: string) =>
  files.get(folder)?.has(withSlashes(file)) ?? false;

/** A server on Windows writes subfolders with backslashes. */
const withSlashes = (file: string) => file.replaceAll('\\', '/');
