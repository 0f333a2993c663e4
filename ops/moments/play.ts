// One job, and one death at one moment of it. Afterwards: what became of the job, of the money and of the engine.
import { setTimeout as delay } from 'node:timers/promises';
import type { JobView } from '../../machines/contract/views.ts';
import type { Moment, Subject } from './moments.ts';
import type { Scene } from './scene.ts';

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
}

export async function play(
  scene: Scene,
  subject: Subject,
  moment: Moment,
  input: string,
): Promise<Verdict> {
  const { client, tap, engine } = scene;
  const before = await client.account();
  if (moment.isLoad) await forgetLoaded(scene, input);
  const begun = engine.begun();
  const struck = strikeAt(scene, subject, moment);
  const { id } = await client.createJob({
    modality: 'image',
    model: engine.models[0],
    prompt: `${subject} dies when ${moment.name}`,
    params: { width: 512, height: 512, steps: 20 },
    inputs: [{ role: 'image', blob: input }],
    deadline_s: 300,
  });
  if (moment.isCancelled) await cancelOnceRunning(scene, id);
  const job = await settled(scene, id);
  const wasReached = await Promise.race([struck.then(() => true), delay(STRUCK_MS, false)]);
  tap.listener = engine.listener = () => undefined;
  const faults = wasReached ? [] : ['the moment never came'];
  // A line that breaks must not cost the engine a second run.
  if (subject === 'line' && engine.begun() - begun > 1)
    faults.push(`the engine was asked ${engine.begun() - begun} times`);
  faults.push(...(await faultsOf(scene, { subject, moment, job, before })));
  return { job, faults };
}

/** Resolves when the deed is done and undone. */
function strikeAt(scene: Scene, subject: Subject, { name, nth }: Moment): Promise<void> {
  const struck = Promise.withResolvers<void>();
  let seen = 0;
  const listener = async (said: string): Promise<void> => {
    if (said !== name || ++seen !== nth) return;
    const { back } = await strike(scene, subject);
    void back.then(struck.resolve, struck.reject);
  };
  scene.tap.listener = scene.engine.listener = listener;
  return struck.promise;
}

/** Resolves when it is dead, with its return to come: what waits for the listener goes on in between. */
async function strike(scene: Scene, subject: Subject): Promise<{ back: Promise<void> }> {
  const { tap, worker, engine } = scene;
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

async function settled({ client }: Scene, id: string): Promise<JobView> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const job = await client.job(id);
    if (job.phase === 'settled' || performance.now() > until) return job;
    await delay(LOOK_MS);
  }
}

async function cancelOnceRunning({ client }: Scene, id: string): Promise<void> {
  while ((await client.job(id)).phase !== 'executing') await delay(LOOK_MS);
  await client.cancelJob(id);
}

/** The other model takes the card, so that this one has to be loaded. */
async function forgetLoaded({ client, engine }: Scene, input: string): Promise<void> {
  const other = await client.createJob({
    modality: 'image',
    model: engine.models[1],
    prompt: 'something else',
    params: { width: 512, height: 512, steps: 20 },
    inputs: [{ role: 'image', blob: input }],
  });
  while ((await client.job(other.id)).phase !== 'settled') await delay(LOOK_MS);
}

interface Played {
  readonly subject: Subject;
  readonly moment: Moment;
  readonly job: JobView;
  readonly before: { readonly available_millitokens: number; readonly held_millitokens: number };
}

async function faultsOf(scene: Scene, { subject, moment, job, before }: Played): Promise<string[]> {
  const { client, engine } = scene;
  const faults: string[] = [];
  const must = (isSo: boolean, sentence: string) => void (isSo || faults.push(sentence));
  const end = moment.isCancelled ? 'cancelled' : 'succeeded';
  must(
    job.state === end,
    `it ended ${job.state}/${job.phase} (${job.failure?.code ?? 'no failure'})`,
  );
  if (!moment.isCancelled)
    must(job.attempt === moment.attempts[subject], `it took ${job.attempt} attempts`);
  const account = await client.account();
  const charged = moment.isCancelled ? 0 : job.cost.millitokens;
  const extra = moment.isLoad ? job.cost.millitokens : 0;
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
