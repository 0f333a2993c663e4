// What is stored with every turn stays small: the largest actor that the contracts allow is below 64 KiB.
// An account with all its holds is tried in quota/machine.test.ts.
import { expect, it } from 'vitest';
import { agentFrame, output, type AgentFrameOf } from './contract/worker-protocol.ts';
import { imageParams, jobRequest } from './contract/requests.ts';
import { at, EVENTS as JOB, key, spec } from './job/testing.ts';
import { jobMachine } from './job/machine.ts';
import { begin, takeAll } from './testing.ts';
import { workerMachine } from './worker/machine.ts';
import { claimInBatch, hello, offer } from './worker/testing.ts';

const LIMIT = 64 * 1024;
const bytesOf = (value: unknown) => Buffer.byteLength(JSON.stringify(value));
const blob = `sha256:${'f'.repeat(64)}`;
/** Three bytes each in UTF-8: more than any other character costs for its length. */
const wide = (length: number) => '画'.repeat(length);

it('the largest job', () => {
  const request = jobRequest.parse({
    modality: 'image',
    model: 'm'.repeat(64),
    prompt: wide(8000),
    inputs: Array.from({ length: 8 }, () => ({ blob, role: wide(32) })),
    origin: wide(200),
  });
  const params = imageParams.parse({ style: wide(64), negative_prompt: wide(4000) });
  const facts = Object.fromEntries(
    Array.from({ length: 40 }, (_, n) => [`fact ${n}`, 'x'.repeat(500)]),
  );
  const made = output.parse({
    blob,
    bytes: 1e12,
    mediaType: 'image/png',
    width: 8192,
    height: 8192,
    facts,
  });
  const ids = { id: `job_${'0'.repeat(26)}`, accountId: `acc_${'0'.repeat(26)}` };
  const { prompt, inputs, origin, model } = request;
  const largest = {
    ...{ ...spec, ...ids, model: model!, prompt: prompt!, inputs, params, origin: origin! },
    bodyHash: 'f'.repeat(64),
  };
  const step = takeAll(jobMachine, begin(jobMachine, largest).snapshot, [
    { ...JOB['job.submitRequested'], spec: largest },
    JOB['hold.granted'],
    JOB['job.dispatched'],
    at({ type: 'run.finished', ...key, outputs: Array(16).fill(made), runMs: 1 }),
  ]);
  expect(step.snapshot.context.run.outputs).toHaveLength(16);
  expect(bytesOf(step.snapshot.context)).toBeLessThan(LIMIT);
});

it.each(['\u0001', '\u001b', '\u0000'])('a prompt has no control character such as %j', (odd) => {
  expect(jobRequest.safeParse({ modality: 'image', prompt: `a${odd}b` }).success).toBe(false);
});

it('a prompt may have lines and tabs', () => {
  expect(jobRequest.safeParse({ modality: 'image', prompt: 'a\n\tb\r\n' }).success).toBe(true);
});

it('of the facts about an output as many are kept as fit', () => {
  const facts = { seed: 7, long: 'x'.repeat(500), longer: 'y'.repeat(490), style: 'oil' };
  const made = output.parse({ blob, bytes: 1, mediaType: 'image/png', facts });
  expect(made.facts).toEqual({ seed: 7, long: facts.long });
});

it('the largest worker', () => {
  const frame = (models: number) => ({
    type: 'hello',
    protocol: 1,
    epoch: 'e1',
    name: wide(100),
    version: '1'.repeat(50),
    gpu: { name: wide(200), vramBytes: 1e12 },
    slots: 64,
    models: Array.from({ length: models }, (_, n) => ({
      ...offer.models[0]!,
      id: `model-${n}`,
      description: 'd'.repeat(250),
    })),
    loaded: Array.from({ length: 50 }, () => 'm'.repeat(64)),
    attempts: [],
  });
  expect(agentFrame.safeParse(frame(200)).error?.issues[0]?.message).toContain('offer fewer');
  const said = agentFrame.parse(frame(106)) as AgentFrameOf<'hello'>;
  const { name, version, gpu, slots, models, loaded } = said;
  const met = { ...hello([], { loaded }), offer: { name, version, gpu, slots, models } };
  const ids = Array.from({ length: 64 }, (_, n) => `job_${String(n).padStart(26, '0')}`);
  const claimed = ids.map((id, n) => {
    const place = { id: 'b'.repeat(30) + Math.floor(n / 3), size: 3, model: 'model-1' };
    return claimInBatch(id, place);
  });
  const { snapshot } = takeAll(workerMachine, begin(workerMachine, { id: 'w1' }).snapshot, [
    met,
    ...claimed,
  ]);
  expect(Object.keys(snapshot.context.run.slots)).toHaveLength(64);
  expect(JSON.stringify(models).length).toBeGreaterThan(45 * 1024);
  expect(bytesOf(snapshot.context)).toBeLessThan(LIMIT);
});
