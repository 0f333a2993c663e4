// Test equipment: a worker's agent and a reader of the stream who do not give up.
import type { Store } from '../db/store.ts';
import type { AgentFrame, RuntimeFrame } from '../machines/contract/worker-protocol.ts';
import type { Clock } from './clock.ts';
import type { Core } from './core.ts';
import { ACCOUNT, AGAIN_MS, type SmallWorld } from './faults-testing.ts';
import { personSubject, StreamSession } from './http/stream-session.ts';
import { BLOB, offer } from './testing.ts';

const RUN_MS = 300;

/** Where the agent finds a runtime. */
export interface Place {
  readonly clock: Clock;
  readonly current: Core | null;
}

/** Does what `adapters/worker` does: obeys, repeats an end until it is settled, connects again. */
export class FaithfulAgent {
  readonly #world: Place;
  readonly #file: { readonly blob: string; readonly bytes: number };
  readonly #loaded = new Set<string>();
  /** By job and attempt; the end it came to, once it has. */
  readonly #attempts = new Map<string, { job: string; attempt: number; end: AgentFrame | null }>();
  /** Every attempt that began to run. */
  readonly ran: string[] = [];
  #wire: { receive(text: string): void; closed(): void } | null = null;
  #isDone = false;

  /** @param file what it makes; it has to be stored where the runtime looks for it */
  constructor(world: Place, file = { blob: BLOB, bytes: 10 }) {
    this.#world = world;
    this.#file = file;
    void this.#connect();
    void this.#beat();
  }

  async #connect(): Promise<void> {
    const { clock } = this.#world;
    while (!this.#isDone && !this.#wire) {
      const core = this.#world.current;
      if (core) {
        let isOpen = true;
        const wire = core.sessions.accept(
          {
            send: (text) => {
              if (isOpen) this.#hear(JSON.parse(text) as RuntimeFrame);
            },
            close: () => {
              if (isOpen) this.#closed();
              isOpen = false;
            },
            bufferedBytes: () => 0,
          },
          'wrk_1',
        );
        this.#wire = wire;
        this.#say({
          type: 'hello',
          ...{ protocol: 1, epoch: 'boot-1', name: 'faithful', version: '1', gpu: null, slots: 1 },
          models: [offer()],
          loaded: [...this.#loaded],
          attempts: [...this.#attempts.values()].map(({ job, attempt }) => ({ job, attempt })),
        });
      } else await clock.sleep(AGAIN_MS);
    }
  }

  #closed(): void {
    this.#wire = null;
    void this.#world.clock.sleep(AGAIN_MS).then(() => this.#connect());
  }

  async #beat(): Promise<void> {
    while (!this.#isDone) {
      await this.#world.clock.sleep(10_000);
      this.#say({ type: 'heartbeat' });
    }
  }

  #say(frame: AgentFrame): void {
    this.#wire?.receive(JSON.stringify(frame));
  }

  #hear(frame: RuntimeFrame): void {
    // A real socket has its turn of the event loop in between, too.
    queueMicrotask(() => {
      if ('id' in frame) this.#say({ type: 'acknowledged', command: frame.id });
      if (frame.type === 'welcome')
        for (const { end } of this.#attempts.values()) if (end) this.#say(end);
      if (frame.type === 'settled') this.#attempts.delete(`${frame.job} ${frame.attempt}`);
      if (frame.type === 'load') {
        this.#loaded.add(frame.model);
        this.#say({ type: 'loaded', model: frame.model, loadMs: 5, vramBytes: 1 });
      }
      if (frame.type === 'run') void this.#run(frame);
      if (frame.type === 'cancel') this.#end({ ...named(frame), type: 'cancelled' });
    });
  }

  async #run(order: { job: string; attempt: number }): Promise<void> {
    const key = `${order.job} ${order.attempt}`;
    const known = this.#attempts.get(key);
    if (known?.end) this.#say(known.end);
    if (known) return;
    this.#attempts.set(key, { ...named(order), end: null });
    this.ran.push(key);
    this.#say({ ...named(order), type: 'started' });
    await this.#world.clock.sleep(RUN_MS);
    const outputs = [{ ...this.#file, mediaType: 'image/png', facts: {} }];
    this.#end({ ...named(order), type: 'finished', outputs, runMs: RUN_MS });
  }

  #end(end: AgentFrame & { job: string; attempt: number }): void {
    const key = `${end.job} ${end.attempt}`;
    const known = this.#attempts.get(key);
    const kept = known?.end ?? end;
    if (known) this.#attempts.set(key, { ...known, end: kept });
    this.#say(kept);
  }

  /** Goes away for good. */
  leave(): void {
    this.#isDone = true;
    this.#wire?.closed();
    this.#wire = null;
  }

  get isIdle(): boolean {
    return this.#attempts.size === 0;
  }
}

const named = ({ job, attempt }: { job: string; attempt: number }) => ({ job, attempt });

/** Watches the account's stream, and goes on after its last `seq` when it was cut off. */
export class FaithfulReader {
  readonly #world: SmallWorld;
  readonly #store: Store;
  readonly seqs: number[] = [];
  /** By job, the state shown last. */
  readonly shown = new Map<string, string>();
  #hangUp: () => void = () => undefined;

  constructor(world: SmallWorld, store: Store) {
    this.#world = world;
    this.#store = store;
    void this.#connect();
  }

  async #connect(): Promise<void> {
    while (!this.#world.current) await this.#world.clock.sleep(AGAIN_MS);
    const { live } = this.#world.current;
    const subject = personSubject(this.#store, live, ACCOUNT);
    const seams = { store: this.#store, subject, requestId: 'req' };
    const failed = (error: unknown) => void this.#world.log.push(String(error));
    let isOpen = true;
    this.#hangUp = () => {
      if (!isOpen) return;
      isOpen = false;
      session.closed();
      void this.#world.clock.sleep(AGAIN_MS).then(() => this.#connect());
    };
    const session = new StreamSession(
      { ...seams, dropped: () => undefined, failed },
      {
        bufferedAmount: 0,
        send: (text, sent) => {
          if (isOpen) this.#read(JSON.parse(text) as Frame);
          sent?.();
        },
        close: this.#hangUp,
      },
    );
    session.receive(JSON.stringify({ subscribe: { after: this.seqs.at(-1) ?? 0 } }));
  }

  reconnect(): void {
    this.#hangUp();
  }

  #read(frame: Frame): void {
    if (frame.type !== 'job') return;
    this.seqs.push(frame.seq);
    this.shown.set(frame.job.id, frame.job.state);
  }
}

interface Frame {
  readonly type: string;
  readonly seq: number;
  readonly job: { readonly id: string; readonly state: string };
}
