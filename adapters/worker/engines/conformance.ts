// The suite that every engine passes. It knows only the port: what an engine promises there is checked
// here, with jobs the engine's own test file chooses.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  EngineFailure,
  type Engine,
  type EngineJob,
  type EngineOutput,
  type EngineUpdate,
} from '../../../machines/contract/engine.ts';
import { modelOffer } from '../../../machines/contract/models.ts';
import { PARAMS, type JobParams } from '../../../machines/contract/requests.ts';
import { decode, type Decoded } from './decoding-testing.ts';

type Fields = Readonly<Record<string, unknown>>;

export interface ConformanceCase {
  readonly model: string;
  readonly modality: EngineJob['modality'];
  readonly prompt: string;
  /** A quick job. */
  readonly params: Fields;
  /** The files of the quick job, and of the others where they name none. */
  readonly inputs?: EngineJob['inputs'];
  /** What the decoded output must be. */
  readonly expected: Decoded;
  /** A job that would outlast the test, to be cancelled. */
  readonly long: {
    readonly prompt?: string;
    readonly params: Fields;
    readonly inputs?: EngineJob['inputs'];
  };
  /** Jobs the engine must refuse with `invalidInput`. */
  readonly invalid: readonly {
    readonly prompt?: string;
    readonly params: Fields;
    readonly inputs?: EngineJob['inputs'];
  }[];
  /** Equal seeds give equal bytes, and another seed does not. `false` where nothing is promised. */
  readonly seeded: boolean;
}

export interface ConformanceOptions {
  readonly name: string;
  readonly open: () => Engine | Promise<Engine>;
  readonly cases: readonly ConformanceCase[];
}

const never = new AbortController().signal;

export function describeEngine(options: ConformanceOptions): void {
  describe(`engine ${options.name}`, () => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await options.open();
    });
    afterAll(() => engine.close());

    test('answers a probe and offers models of the agreed shape', async () => {
      await engine.probe();
      const offers = await engine.models();
      for (const offer of offers) expect(modelOffer.parse(offer)).toEqual(offer);
      expect(new Set(offers.map(({ id }) => id)).size).toBe(offers.length);
      const offered = offers.map(({ id, modality }) => `${id} ${modality}`);
      expect(offered).toEqual(
        expect.arrayContaining(options.cases.map(({ model, modality }) => `${model} ${modality}`)),
      );
    });

    test('says modelMissing for a model it does not have', async () => {
      await expect(engine.load('no-such-model', never)).rejects.toMatchObject({
        code: 'modelMissing',
      });
      const stranger = jobOf(options.cases[0]!, { model: 'no-such-model' });
      await expect(engine.run(stranger, () => {}, never)).rejects.toMatchObject({
        code: 'modelMissing',
      });
    });

    for (const each of options.cases) describe(each.model, () => testModel(() => engine, each));
  });
}

function testModel(engineOf: () => Engine, each: ConformanceCase): void {
  const run = async (change: Partial<EngineJob> = {}) => {
    const updates: EngineUpdate[] = [];
    const outputs = await engineOf().run(
      jobOf(each, change),
      (update) => updates.push(update),
      never,
    );
    return { updates, outputs };
  };

  test('does not run before it is loaded', async () => {
    await expect(run()).rejects.toMatchObject({ code: 'modelMissing' });
  });

  test('loads twice as well as once, and says what was measured', async () => {
    const first = await engineOf().load(each.model, never);
    expect(first.loadMs).toBeGreaterThanOrEqual(0);
    expect(Number.isInteger(first.vramBytes) && first.vramBytes >= 0).toBe(true);
    expect(await engineOf().load(each.model, never)).toEqual(first);
  });

  test('reports in order and delivers what was asked', async () => {
    const { updates, outputs } = await run();
    expect(updates[0]).toEqual({ type: 'started' });
    await checkUpdates(updates);
    expect(outputs).toHaveLength(1);
    await checkOutput(outputs[0]!, each.expected);
    const written = updates.flatMap((update) => (update.type === 'text' ? [update.text] : []));
    if (each.modality === 'text') expect(written.join('')).toBe(textOf(outputs[0]!));
  });

  test('makes as many as were asked, within its offer', async () => {
    const offer = (await engineOf().models()).find(({ id }) => id === each.model)!;
    const count = Math.min(2, offer.limits.countMax ?? 2);
    const { outputs } = await run({ count });
    expect(outputs).toHaveLength(count);
    for (const output of outputs) await checkOutput(output, each.expected);
    if (count > 1 && each.seeded) expect(isSame(outputs[0]!, outputs[1]!)).toBe(false);
  });

  if (each.seeded)
    test('gives equal bytes for equal seeds, others for others', async () => {
      const withSeed = (seed: number) => run({ params: paramsOf(each, { ...each.params, seed }) });
      const [first, second, other] = [await withSeed(7), await withSeed(7), await withSeed(8)];
      expect(isSame(first.outputs[0]!, second.outputs[0]!)).toBe(true);
      expect(isSame(first.outputs[0]!, other.outputs[0]!)).toBe(false);
    });

  test('stops with the reason of its signal, and works on afterwards', async () => {
    const stop = new AbortController();
    const reason = new Error('no longer wanted');
    const job = jobOf(each, {
      prompt: each.long.prompt ?? each.prompt,
      params: paramsOf(each, each.long.params),
      ...(each.long.inputs && { inputs: each.long.inputs }),
    });
    const stopAtWork = (update: EngineUpdate) => {
      if (update.type !== 'started') stop.abort(reason);
    };
    await expect(engineOf().run(job, stopAtWork, stop.signal)).rejects.toBe(reason);
    await expect(engineOf().run(job, () => {}, stop.signal)).rejects.toBe(reason);
    expect((await run()).outputs).toHaveLength(1);
  });

  const members = (count: number) =>
    Array.from({ length: count }, (_, index) => {
      const stop = new AbortController();
      const seed = each.seeded ? { seed: 20 + index } : {};
      const job = jobOf(each, {
        ...{ id: `job_conformance_${index}`, params: paramsOf(each, { ...each.params, ...seed }) },
      });
      const updates: EngineUpdate[] = [];
      return {
        ...{ job, updates, stop, signal: stop.signal },
        report: (update: EngineUpdate) => void updates.push(update),
      };
    });
  const offersBatch = async () =>
    (await engineOf().models()).find(({ id }) => id === each.model)!.batch !== undefined;

  test('gives each of a shared call what it gets alone, where it offers that', async () => {
    if (!(await offersBatch())) return;
    const both = members(2);
    const outputs = await engineOf().runBatch!(both, never);
    expect(outputs).toHaveLength(2);
    for (const [index, { job, updates }] of both.entries()) {
      expect(updates[0]).toEqual({ type: 'started' });
      await checkUpdates(updates);
      expect(outputs[index]).toHaveLength(1);
      await checkOutput(outputs[index]![0]!, each.expected);
      const alone = await engineOf().run(job, () => {}, never);
      if (each.seeded) expect(isSame(outputs[index]![0]!, alone[0]!)).toBe(true);
    }
  });

  test('a shared call goes on without one, stops when nobody wants it, fails as a whole', async () => {
    if (!(await offersBatch())) return;
    const [one, other] = members(2) as [
      ReturnType<typeof members>[0],
      ReturnType<typeof members>[0],
    ];
    one.stop.abort(new Error('called off'));
    const outputs = await engineOf().runBatch!([one, other], never);
    await checkOutput(outputs[1]![0]!, each.expected);

    const stop = new AbortController();
    const reason = new Error('no longer wanted');
    const long = members(2).map((member) => ({
      ...member,
      job: { ...member.job, params: paramsOf(each, each.long.params) },
      report: (update: EngineUpdate) => void (update.type !== 'started' && stop.abort(reason)),
    }));
    await expect(engineOf().runBatch!(long, stop.signal)).rejects.toBe(reason);

    const [bad] = each.invalid;
    const wrong = { ...other.job, params: bad!.params as unknown as JobParams };
    const failing = [members(1)[0]!, { ...other, job: wrong }];
    await expect(engineOf().runBatch!(failing, never)).rejects.toMatchObject({
      code: 'invalidInput',
    });
    expect((await run()).outputs).toHaveLength(1);
  });

  test.each(each.invalid.map((job) => [JSON.stringify(job).slice(0, 80), job] as const))(
    'refuses with invalidInput: %s',
    async (_name, { prompt = each.prompt, params, inputs = each.inputs ?? [] }) => {
      // Not through the schema: the engine itself must notice.
      const job = jobOf(each, { prompt, params: params as unknown as JobParams, inputs });
      const failure = await engineOf()
        .run(job, () => {}, never)
        .then(
          () => null,
          (error: unknown) => error,
        );
      expect(failure).toBeInstanceOf(EngineFailure);
      expect(failure).toMatchObject({ code: 'invalidInput' });
    },
  );

  test('refuses another modality as unsupported', async () => {
    const modality = each.modality === 'transcript' ? 'image' : 'transcript';
    await expect(run({ modality, params: PARAMS[modality].parse({}) })).rejects.toMatchObject({
      code: 'unsupported',
    });
  });

  test('unloads twice as well as once, and does not run afterwards', async () => {
    await engineOf().unload(each.model);
    await engineOf().unload(each.model);
    await expect(run()).rejects.toMatchObject({ code: 'modelMissing' });
  });
}

async function checkUpdates(updates: readonly EngineUpdate[]): Promise<void> {
  const progress = updates.filter((update) => update.type === 'progress');
  expect(progress.length).toBeGreaterThan(0);
  let last = 0;
  for (const { fraction, preview } of progress) {
    expect(fraction).toBeGreaterThanOrEqual(last);
    last = fraction;
    if (preview !== undefined) await decode({ ...preview, facts: {} });
  }
  expect(last).toBe(1);
  const texts = updates.filter((update) => update.type === 'text');
  expect(texts.map(({ index }) => index)).toEqual(texts.map((_, index) => index));
}

async function checkOutput(output: EngineOutput, expected: Decoded): Promise<void> {
  const decoded = await decode(output);
  expect(decoded).toMatchObject(expected);
  if (output.width !== undefined) expect(decoded.width).toBe(output.width);
  if (output.height !== undefined) expect(decoded.height).toBe(output.height);
  if (output.seconds !== undefined) expect(decoded.seconds).toBeCloseTo(output.seconds, 2);
  if (decoded.peak !== undefined) expect(decoded.peak).toBeGreaterThan(0.05);
  if (decoded.text !== undefined) expect(decoded.text.trim()).not.toBe('');
}

function jobOf(each: ConformanceCase, change: Partial<EngineJob> = {}): EngineJob {
  const { model, modality, prompt } = each;
  return {
    id: 'job_conformance',
    attempt: 1,
    model,
    modality,
    prompt,
    params: paramsOf(each, each.params),
    count: 1,
    inputs: each.inputs ?? [],
    ...change,
  };
}

const paramsOf = (each: ConformanceCase, fields: Fields): JobParams =>
  PARAMS[each.modality].parse(fields);
const isSame = (a: EngineOutput, b: EngineOutput) =>
  Buffer.from(a.bytes).equals(Buffer.from(b.bytes));
const textOf = (output: EngineOutput) => new TextDecoder().decode(output.bytes);
