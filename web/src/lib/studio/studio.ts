// Brings the stores to life: signs the visitor in, follows the stream, and carries out wishes.
// One studio per page; components find it through the context.
import { createContext } from 'svelte';
import type { LiveStream } from '../../../../adapters/client/live.ts';
import { TesseraProblem } from '../../../../adapters/client/problem.ts';
import type { JobView } from '../../../../machines/contract/views.ts';
import { openStream, sentenceOf, tessera } from '../api.ts';
import { coalesce } from './coalesce.ts';
import { draftAgain, missing, modelFor, requestOf } from './draft.ts';
import { keepDraft } from './draft-keeper.ts';
import { createJobsStore } from './jobs.ts';
import { followPrice } from './quotes.ts';
import { followReset } from './reset-alarm.ts';
import { createDraftStore, createQuoteStore, createSiteStore } from './stores.ts';
import { createSubmission } from './submission.ts';

const ENTRY_RETRY_MS = 4_000;

export type Studio = ReturnType<typeof createStudio>;
export const [useStudio, provideStudio] = createContext<Studio>();

export function createStudio() {
  const site = createSiteStore();
  const draft = createDraftStore();
  const quote = createQuoteStore();
  const jobs = createJobsStore();
  const submission = createSubmission(tessera.createJob);
  let stream: LiveStream | null = null;
  let entryTimer: ReturnType<typeof setTimeout> | undefined;

  const hindered = (error: unknown) => site.trigger.hindered({ sentence: sentenceOf(error) });

  const refreshAccount = coalesce(async () => {
    site.trigger.accountFetched({ account: await accountOrSession() });
  });

  async function refreshAll(): Promise<void> {
    const [list] = await Promise.all([tessera.jobs(), refreshModels(), refreshAccount()]);
    jobs.trigger.listFetched({ list, at: Date.now() });
  }

  const refreshModels = coalesce(async () => {
    site.trigger.modelsFetched({ models: (await tessera.models()).data });
  });

  async function refreshStyles(): Promise<void> {
    const { data: styles } = await tessera.styles();
    site.trigger.stylesFetched({ styles });
    draft.trigger.stylesKnown({ styles });
  }

  /** Signs in, then follows. Until the server answers, it tries again and says so. */
  async function enter(): Promise<void> {
    try {
      await refreshAccount();
    } catch (error) {
      if (error instanceof TesseraProblem && error.status === 401) {
        return site.trigger.refused({ sentence: 'Sign in to make something of your own.' });
      }
      if (error instanceof TesseraProblem && error.status === 403) {
        return site.trigger.refused({ sentence: error.message });
      }
      hindered(error);
      site.trigger.lineChanged({ line: 'lost' });
      entryTimer = setTimeout(() => void enter(), ENTRY_RETRY_MS);
      return;
    }
    refreshModels().catch(hindered);
    refreshStyles().catch(hindered);
    stream ??= follow();
  }

  const follow = () =>
    openStream({
      onSubscribed: () => void refreshAll().catch(hindered),
      onJob: (job) => {
        jobs.trigger.jobChanged({ job, at: Date.now() });
        // Holds, charges and releases change with the job, and a worker may have come or gone.
        refreshAccount().catch(hindered);
        if (job.finished_at !== null) refreshModels().catch(hindered);
      },
      onJobFailed: hindered,
      onProgress: (frame) => jobs.trigger.progressed({ frame }),
      onText: (frame) => jobs.trigger.written({ frame }),
      onPosition: (frame) => jobs.trigger.placed({ frame, at: Date.now() }),
      onProblem: hindered,
      onState: (state) => {
        site.trigger.lineChanged({ line: state === 'live' ? 'live' : 'lost' });
        // A session may have ended while the line was down; the socket cannot tell.
        if (state === 'waiting') refreshAccount().catch(() => {});
        if (state === 'closed') restart();
      },
    });

  /** The stream gave up for good: sign in anew. */
  function restart(): void {
    if (stream === null) return;
    stream = null;
    entryTimer = setTimeout(() => void enter(), ENTRY_RETRY_MS);
  }

  async function submit(): Promise<JobView | null> {
    const { context } = draft.get();
    const model = modelFor(context, site.get().context.models ?? []);
    const lacking = missing(context, model);
    if (quote.get().context.sending) return null;
    if (lacking !== null) {
      quote.trigger.turnedDown({ sentence: lacking });
      return null;
    }
    quote.trigger.sent();
    try {
      const job = await submission(requestOf(context, model));
      quote.trigger.accepted();
      jobs.trigger.jobChanged({ job, at: Date.now() });
      refreshAccount().catch(hindered);
      return job;
    } catch (error) {
      quote.trigger.turnedDown({ sentence: sentenceOf(error) });
      // The commonest reason is a balance that changed meanwhile.
      refreshAccount().catch(hindered);
      return null;
    }
  }

  async function cancel(id: string): Promise<void> {
    jobs.trigger.jobChanged({ job: await tessera.cancelJob(id), at: Date.now() });
    refreshAccount().catch(hindered);
  }

  async function showMore(): Promise<void> {
    const cursor = jobs.get().context.nextCursor;
    if (cursor === null) return;
    jobs.trigger.moreFetched({ list: await tessera.jobs({ cursor }), at: Date.now() });
  }

  const useAgain = (job: JobView) =>
    draft.trigger.replaced({ draft: draftAgain(draft.get().context, job) });

  /** Starts everything; answers how to stop it. */
  function start(): () => void {
    const forgetDraft = keepDraft(draft);
    const stopPricing = followPrice({ site, draft, quote });
    const stopAlarm = followReset(site, () => void refreshAccount().catch(hindered));
    const online = () => (stream ? stream.reconnect() : void enter());
    const offline = () => site.trigger.lineChanged({ line: 'lost' });
    // Who comes back to the page should not wait for a backoff that was set while away.
    const seen = () => {
      if (document.visibilityState === 'visible' && stream?.state === 'waiting') stream.reconnect();
    };
    addEventListener('online', online);
    addEventListener('offline', offline);
    document.addEventListener('visibilitychange', seen);
    void enter();
    return () => {
      clearTimeout(entryTimer);
      const closing = stream;
      stream = null;
      closing?.close();
      stopPricing();
      stopAlarm();
      forgetDraft();
      removeEventListener('online', online);
      removeEventListener('offline', offline);
      document.removeEventListener('visibilitychange', seen);
    };
  }

  return { site, draft, quote, jobs, start, submit, cancel, showMore, useAgain, refreshAccount };
}

/** Signs in on this machine, or finds that somebody is signed in already. */
async function accountOrSession() {
  try {
    return await tessera.openSession();
  } catch (error) {
    // A public Tessera opens no session for whoever comes by: who am I, then?
    if (error instanceof TesseraProblem && error.code === 'sign_in_required')
      return tessera.account();
    throw error;
  }
}
