// One job, and one death at one moment of it. Afterwards: what became of the job, of the money and of the engine.
import { setTimeout as delay } from 'node:timers/promises';
import type { TesseraClient } from '../../adapters/client/http.ts';
import type { JobView } from '../../machines/contract/views.ts';
import { isTooLate, type Moment, type Subject } from './moments.ts';
import type { Scene, SceneEngine } from './scene.ts';

/** Longer than any wait that the protocol allows for: a lease, a back-off, a start of the agent. */
const PATIENCE_MS = 90_000;
const AWAY_MS = 300;
/** A job counts as cancelled before its engine has let go of it, and an agent takes a while to be back. */
const STRUCK_MS = 20_000;
const LOOK_MS = 50;

export interface Verdict {
  readonly job: JobView;
  /** What is not as it must be; empty where all is well. */
  readonly faults: readonly string[];
  /** From calling it off to an engine that is free or at the next job; null where nobody did. */
  readonly freedMs: number | null;
}

/** With the person whose job it is. */
interface Stage extends Scene {
  readonly client: TesseraClient;
}

export async function play(
  scene: Stage,
  subject: Subject,
  moment: Moment,
  input: string,
): Promise<Verdict> {
  const { client, tap, engine } = scene;
  const before = await client.account();
  if (moment.isLoad) await forgetLoaded(scene, input);
  const begun = engine.begun();
  const known = Promise.withResolvers<string>();
  const struck = strikeAt(scene, subject, moment, known.promise);
  const { id } = await client.createJob(picture(engine.models[0], input));
  known.resolve(id);
  const neighbour =
    subject === 'person' ? await client.createJob(picture(engine.models[0], input)) : null;
  if (moment.isCancelled) await cancelOnceRunning(scene, id);
  const job = await settled(scene, id);
  const wasReached = await Promise.race([struck.then(() => true), delay(STRUCK_MS, false)]);
  tap.listener = engine.listener = () => undefined;
  const faults = wasReached ? [] : ['the moment never came'];
  // A line that breaks must not cost the engine a second run.
  if (subject === 'line' && engine.begun() - begun > 1)
    faults.push(`the engine was asked ${engine.begun() - begun} times`);
  if (neighbour) {
    const other = await settled(scene, neighbour.id);
    if (other.state !== 'succeeded' || other.attempt !== 1)
      faults.push(`its neighbour ended ${other.state}, attempt ${other.attempt}`);
  }
  faults.push(...(await faultsOf(scene, { subject, moment, job, before })));
  const freedMs = subject === 'person' && wasReached ? await struck : null;
  return { job, faults, freedMs };
}

const picture = (model: string, input: string) => ({
  ...{ modality: 'image' as const, model, prompt: 'a lighthouse', deadline_s: 300 },
  params: { width: 512, height: 512, steps: 20 },
  inputs: [{ role: 'image', blob: input }],
});

/** Resolves when the deed is done and undone. */
function strikeAt(
  scene: Stage,
  subject: Subject,
  { name, nth }: Moment,
  job: Promise<string>,
): Promise<number> {
  const struck = Promise.withResolvers<number>();
  let seen = 0;
  const listener = async (said: string): Promise<void> => {
    if (said !== name || ++seen !== nth) return;
    const from = performance.now();
    const { back } = await strike(scene, subject, job);
    void back.then(() => struck.resolve(performance.now() - from), struck.reject);
  };
  scene.tap.listener = scene.engine.listener = listener;
  return struck.promise;
}

/** Resolves when it is dead, with its return to come: what waits for the listener goes on in between. */
async function strike(
  scene: Stage,
  subject: Subject,
  job: Promise<string>,
): Promise<{ back: Promise<void> }> {
  const { client, tap, worker, engine } = scene;
  if (subject === 'person') {
    const begun = engine.begun();
    await client.cancelJob(await job);
    return { back: whenFree(engine, begun) };
  }
  if (subject === 'agent') {
    await worker.kill();
    return { back: worker.whenUp() };
  }
  if (subject === 'engine') {
    await engine.kill();
    return { back: delay(AWAY_MS).then(() => engine.restart()) };
  }
  tap.cut();
  return { back: delay(AWAY_MS).then(() => tap.mend()) };
}

async function whenFree(engine: SceneEngine, begun: number): Promise<void> {
  while (!engine.isIdle() && engine.begun() === begun) await delay(5);
}

async function settled({ client }: Stage, id: string): Promise<JobView> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const job = await client.job(id);
    if (job.phase === 'settled' || performance.now() > until) return job;
    await delay(LOOK_MS);
  }
}

async function cancelOnceRunning({ client }: Stage, id: string): Promise<void> {
  while ((await client.job(id)).phase !== 'executing') await delay(LOOK_MS);
  await client.cancelJob(id);
}

/** The other model takes the card, so that this one has to be loaded. */
async function forgetLoaded({ client, engine }: Stage, input: string): Promise<void> {
  const other = await client.createJob(picture(engine.models[1], input));
  while ((await client.job(other.id)).phase !== 'settled') await delay(LOOK_MS);
}

interface Played {
  readonly subject: Subject;
  readonly moment: Moment;
  readonly job: JobView;
  readonly before: { readonly available_millitokens: number; readonly held_millitokens: number };
}

async function faultsOf(scene: Stage, { subject, moment, job, before }: Played): Promise<string[]> {
  const { client, engine } = scene;
  const faults: string[] = [];
  const must = (isSo: boolean, sentence: string) => void (isSo || faults.push(sentence));
  const isCancelled = moment.isCancelled === true || (subject === 'person' && !isTooLate(moment));
  const end = isCancelled ? 'cancelled' : 'succeeded';
  must(
    job.state === end,
    `it ended ${job.state}/${job.phase} (${job.failure?.code ?? 'no failure'})`,
  );
  if (!isCancelled)
    must(job.attempt === moment.attempts[subject], `it took ${job.attempt} attempts`);
  const account = await client.account();
  const charged = isCancelled ? 0 : job.cost.millitokens;
  const others = (moment.isLoad ? 1 : 0) + (subject === 'person' ? 1 : 0);
  const extra = others * job.cost.millitokens;
  const paid = before.available_millitokens - account.available_millitokens;
  must(paid === charged + extra, `${paid} millitokens are gone, not ${charged + extra}`);
  must(account.held_millitokens === 0, `${account.held_millitokens} millitokens are still held`);
  for (const { url, bytes } of job.outputs) {
    const { byteLength } = await (await client.output(url)).arrayBuffer();
    must(byteLength === bytes, `an output has ${byteLength} bytes, not ${bytes}`);
  }
  const until = performance.now() + 5_000;
  while (!engine.isIdle() && performance.now() < until) await delay(LOOK_MS);
  must(engine.isIdle(), 'the engine still works on something');
  return faults;
}
