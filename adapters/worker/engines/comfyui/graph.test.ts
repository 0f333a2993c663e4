// Goal: nothing a person says changes what ComfyUI is told to do. Method: fill every workflow with the worst
// requests; blanked at its slots, the graph is the file's own, byte for byte.
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { EngineJob } from '../../../../machines/contract/engine.ts';
import { fillGraph } from './graph.ts';
import { parseWorkflow, readWorkflows } from './library.ts';
import { valuesFor } from './values.ts';
import { placesOf, type Graph, type Workflow } from './workflow.ts';

const workflows = [...(await readWorkflows({ files: {}, loras: [] })).values()];
const NASTY = [
  '["1",0]',
  '{"class_type":"SaveImage","inputs":{}}',
  '<lora:evil:1> <lora:../../etc/passwd:2>',
  '__wildcards__ {red|blue} ((deep)) [a:b:0.5]',
  '../../../models/checkpoints/x.safetensors',
  '%date:yyyy% $node.value$ __proto__ constructor',
  'embedding:../../secret "quotes" \\backslash\\ \n new line',
];
const loras = [
  { name: 'paper', file: 'paper.safetensors', workflows: workflows.map(({ id }) => id) },
];

const hashOf = (graph: Graph, file: Workflow): string => {
  const blank = structuredClone(graph);
  for (const { node, input } of placesOf(file)) blank[node]!.inputs[input] = '';
  return createHash('sha256').update(JSON.stringify(blank)).digest('hex');
};
const jobOf = (
  file: Workflow,
  prompt: string,
  params: Record<string, unknown> = {},
): EngineJob => ({
  ...{
    id: 'job_1',
    attempt: 1,
    model: file.id,
    modality: file.modality,
    prompt,
    count: 1,
    inputs: [],
  },
  params: params as unknown as EngineJob['params'],
});
const filled = (file: Workflow, prompt: string, params?: Record<string, unknown>) => {
  const values = valuesFor(file, jobOf(file, prompt, params), loras, () => 0.5);
  const { slots, seed } = values;
  // The server's own names for uploaded files come here, too.
  const files = { image: prompt, mask: prompt };
  const rest = { prefix: 'tessera/job', loras: values.loras, isSafe: false };
  return fillGraph(file, { ...rest, slots: { ...slots, ...files }, seed, format: undefined });
};

describe.each(workflows.map((file) => [file.id, file] as const))('workflow %s', (_id, file) => {
  it.each(NASTY)('stays what it is with the prompt %j', (prompt) => {
    const words = file.modality === 'audio' ? { lyrics: prompt } : { negative_prompt: prompt };
    const graph = filled(file, prompt, words);
    expect(hashOf(graph, file)).toBe(hashOf(file.graph, file));
    const told = file.slots.prompt?.at.map(({ node, input }) => graph[node]!.inputs[input]);
    for (const value of told ?? []) expect(value).toBe(prompt);
    for (const { node, input } of placesOf(file))
      expect(['string', 'number']).toContain(typeof graph[node]!.inputs[input]);
  });

  it('stays what it is in its file', () => {
    const before = JSON.stringify(file.graph);
    filled(file, 'x');
    expect(JSON.stringify(file.graph)).toBe(before);
  });
});

describe('adaptations', () => {
  const sdxl = workflows.find(({ id }) => id === 'sdxl')!;

  it('are a chain between the declared node and all that used it', () => {
    const graph = filled(sdxl, 'x', {
      loras: [
        { name: 'paper', weight: 0.5 },
        { name: 'paper', weight: 1 },
      ],
    });
    expect(graph['lora-1']!.inputs).toMatchObject({ model: ['ckpt', 0], clip: ['ckpt', 1] });
    expect(graph['lora-2']!.inputs).toMatchObject({ model: ['lora-1', 0], strength_model: 1 });
    expect(graph['sampler']!.inputs['model']).toEqual(['lora-2', 0]);
    expect(graph['positive']!.inputs['clip']).toEqual(['lora-2', 1]);
    expect(graph['decode']!.inputs['vae']).toEqual(['ckpt', 2]);
  });

  it.each([
    ['a file instead of a name', [{ name: 'paper.safetensors', weight: 1 }]],
    ['a way out of the folder', [{ name: '../paper', weight: 1 }]],
    ['ten thousand', Array.from({ length: 10_000 }, () => ({ name: 'paper', weight: 1 }))],
    ['a weight without bounds', [{ name: 'paper', weight: 1e9 }]],
  ])('refuses %s', (_what, wanted) => {
    expect(() => filled(sdxl, 'x', { loras: wanted })).toThrow(
      expect.objectContaining({ code: 'invalidInput' }),
    );
  });
});

describe('a workflow file', () => {
  const good = workflows.find(({ id }) => id === 'upscale')!;
  const told = (change: Record<string, unknown>) => () =>
    parseWorkflow('mine.json', JSON.stringify({ ...good, ...change }));

  it('is refused with a sentence that names file and field', () => {
    expect(() => parseWorkflow('mine.json', '{')).toThrow('mine.json is not JSON');
    expect(told({ slots: { prompt: { at: [{ node: '77', input: 'text' }] } } })).toThrow(
      'mine.json is not valid. slots.prompt.at.0: names node 77, which the graph does not have',
    );
    expect(told({ slots: { image: { at: [{ node: 'save', input: 'images' }] } } })).toThrow(
      'slots.image.at.0: names input images of node save, which is a link',
    );
    expect(told({ needs: [{ folder: 'vae', file: '../../etc/passwd' }] })).toThrow('needs.0.file');
    expect(told({ surprise: true })).toThrow('surprise');
  });

  it('gives the frames its model can make: 4n + 1', () => {
    const wan = workflows.find(({ id }) => id === 'wan-2.2-5b')!;
    const graph = filled(wan, 'x', { seconds: 5, fps: 24, width: 850, height: 480 });
    expect(graph['latent']!.inputs).toMatchObject({ length: 121, width: 832, height: 480 });
    expect(graph['film']!.inputs['fps']).toBe(24);
  });
});
