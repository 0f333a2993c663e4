// Every metric there is, declared once. Only this module knows the metrics library.
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { StoreUnavailable, UnknownOutcome, type Store, type StoredActor } from '../db/store.ts';
import type { StatusView } from '../machines/contract/views.ts';
import type { JobContext } from '../machines/job/context.ts';
import { isSettled, stateName } from './actor.ts';
import type { Component } from './component.ts';
import type { Swept } from './housekeeping.ts';
import { contextOf } from './views.ts';

export interface MetricsOptions {
  /** Memory, event loop and garbage collection of this process. */
  readonly withProcess?: boolean;
}

export class Metrics {
  readonly #registry = new Registry();
  readonly #with = { registers: [this.#registry] };

  readonly #turns = new Counter({
    name: 'tessera_turns_total',
    help: 'Committed turns.',
    labelNames: ['kind'] as const,
    ...this.#with,
  });
  readonly #commits = new Counter({
    name: 'tessera_commits_total',
    help: 'Commits by what became of them.',
    labelNames: ['outcome'] as const,
    ...this.#with,
  });
  readonly #componentsLost = new Counter({
    name: 'tessera_components_lost_total',
    help: 'Components left out of a commit because somebody else changed their actors.',
    ...this.#with,
  });
  readonly #commitComponents = new Histogram({
    name: 'tessera_commit_components',
    help: 'Components in one commit.',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
    ...this.#with,
  });
  readonly #commitSeconds = new Histogram({
    name: 'tessera_commit_seconds',
    help: 'Time of one commit, as the runtime waits for it.',
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5],
    ...this.#with,
  });
  readonly #jobsSettled = new Counter({
    name: 'tessera_jobs_settled_total',
    help: 'Jobs that ended, by how.',
    labelNames: ['state', 'modality'] as const,
    ...this.#with,
  });
  readonly #parked = new Counter({
    name: 'tessera_parked_total',
    help: 'Events that could not be applied; each wants an operator.',
    labelNames: ['kind'] as const,
    ...this.#with,
  });
  readonly #leftAlone = new Counter({
    name: 'tessera_actors_left_alone_total',
    help: 'Actors met that another version of the code wrote; this runtime does not touch them.',
    labelNames: ['kind', 'version'] as const,
    ...this.#with,
  });
  readonly #swept = new Counter({
    name: 'tessera_housekeeping_total',
    help: 'What housekeeping archived, dropped and removed.',
    labelNames: ['what'] as const,
    ...this.#with,
  });
  readonly httpSeconds = new Histogram({
    name: 'tessera_http_request_seconds',
    help: 'Time to answer a request, by route.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    ...this.#with,
  });
  readonly refusals = new Counter({
    name: 'tessera_refusals_total',
    help: 'Requests that were turned down, by code.',
    labelNames: ['code'] as const,
    ...this.#with,
  });
  readonly contentRefused = new Counter({
    name: 'tessera_content_refused_total',
    help: 'Requests that were against the rules for content, by rule.',
    labelNames: ['rule'] as const,
    ...this.#with,
  });
  readonly picturesChecked = new Counter({
    name: 'tessera_pictures_checked_total',
    help: 'Sets of pictures that were looked at, by what became of them.',
    labelNames: ['outcome'] as const,
    ...this.#with,
  });
  readonly streams = new Gauge({
    name: 'tessera_streams',
    help: 'Open WebSockets.',
    labelNames: ['kind'] as const,
    ...this.#with,
  });
  readonly framesDropped = new Counter({
    name: 'tessera_stream_frames_dropped_total',
    help: 'Lossy frames that a slow reader did not get.',
    ...this.#with,
  });

  constructor({ withProcess = true }: MetricsOptions = {}) {
    if (withProcess) collectDefaultMetrics({ register: this.#registry });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The page that Prometheus reads. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Told of every committed component. */
  observe(component: Component): void {
    for (const { before, after } of component.turned.values()) {
      this.#turns.inc({ kind: after.ref.kind }, after.revision - (before?.revision ?? 0));
      if (after.ref.kind !== 'job' || !isSettled(after)) continue;
      const { modality } = contextOf<JobContext>(after).spec;
      this.#jobsSettled.inc({ state: stateName(after.snapshot.value), modality });
    }
    for (const { ref } of component.parked) this.#parked.inc({ kind: ref.kind });
  }

  leftAlone({ ref, version }: StoredActor): void {
    this.#leftAlone.inc({ kind: ref.kind, version });
  }

  swept(what: Swept, rows: number): void {
    this.#swept.inc({ what }, rows);
  }

  /** The same store, its commits counted and timed. */
  measured(store: Store): Store {
    const commit: Store['commit'] = async (batch) => {
      const end = this.#commitSeconds.startTimer();
      this.#commitComponents.observe(batch.components);
      try {
        const result = await store.commit(batch);
        this.#commits.inc({ outcome: 'committed' });
        this.#componentsLost.inc(result.lost.length);
        return result;
      } catch (error) {
        this.#commits.inc({ outcome: outcomeOf(error) });
        throw error;
      } finally {
        end();
      }
    };
    return new Proxy(store, {
      get(target, name) {
        if (name === 'commit') return commit;
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === 'function' ? (member.bind(target) as unknown) : member;
      },
    });
  }

  /** Queue and fleet, asked for when somebody reads the page. */
  watch(status: () => StatusView): void {
    const gauge = <Label extends string>(
      name: string,
      help: string,
      labelNames: readonly Label[],
      collect: (gauge: Gauge<Label>) => void,
    ) =>
      new Gauge({
        name,
        help,
        labelNames,
        ...this.#with,
        collect() {
          this.reset();
          collect(this);
        },
      });
    gauge('tessera_jobs', 'Open jobs.', ['state'], (jobs) => {
      const { waiting, running } = status().queue;
      jobs.set({ state: 'waiting' }, waiting);
      jobs.set({ state: 'running' }, running);
    });
    gauge('tessera_queue_depth', 'Open jobs, by what they make.', ['modality'], (depth) => {
      for (const [modality, count] of Object.entries(status().queue.by_modality))
        depth.set({ modality }, count);
    });
    gauge('tessera_workers', 'Workers, by state.', ['state'], (workers) => {
      for (const { state } of status().workers) workers.inc({ state });
    });
  }
}

const outcomeOf = (error: unknown): string => {
  if (error instanceof UnknownOutcome) return 'unknown';
  return error instanceof StoreUnavailable ? 'unavailable' : 'refused';
};
