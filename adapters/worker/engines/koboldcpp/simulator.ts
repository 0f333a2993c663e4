// A server that behaves as KoboldCPP 1.116.1 was seen to behave: one lock, one remembered abort key, processes
// that die and come back, 200 for nearly everything.
import { Simulator, type SimulatedRequest } from '../simulator-testing.ts';
import { constantPages, type Page, type Wire } from './simulator-answers.ts';
import { SimulatedProcess, type Pace, type SimulatedModel } from './simulator-process.ts';
import { answer } from './simulator-routes.ts';

export interface KoboldSimulatorOptions {
  /** What it was started with. */
  readonly launch: SimulatedModel;
  /** Its admin folder: what a file loads, or that it cannot be loaded. */
  readonly files?: Readonly<Record<string, SimulatedModel | 'missing' | 'notJson'>>;
  /** Without it no switching. */
  readonly hasAdmin?: boolean;
  readonly password?: string;
  readonly adminPassword?: string;
  readonly isRouter?: boolean;
  /** Each stage of a switch waits for `release`. */
  readonly isLedByHand?: boolean;
  readonly pace?: Partial<Pace & SwitchPace>;
}

type Stage = 'agony' | 'gone';

/** A switch, about fifty times as fast as the real one. */
interface SwitchPace {
  /** The old process answers on, and takes work that it will not do. */
  agonyMs: number;
  goneMs: number;
  /** Until the launch model is back in the place of what could not be loaded. */
  fallbackMs: number;
}

const PACE = {
  promptMs: 0,
  wordMs: 1,
  streamMs: 8,
  pieceMs: 10,
  abortMs: 3,
  agonyMs: 20,
  goneMs: 25,
  fallbackMs: 120,
};
const REQUESTS_KEPT = 1000;
const AGE_MS = 3_600_000;
const NO_MODEL: SimulatedModel = { name: 'inactive', contextTokens: 4096 };

export class KoboldSimulator {
  readonly options: KoboldSimulatorOptions;
  readonly pace: Pace & SwitchPace;
  readonly pages: ReadonlyMap<string, Page> = constantPages();
  readonly wire: Wire;
  process: SimulatedProcess;
  /** Requests that have arrived, ever. */
  arrived = 0;
  /** The next texts run into a full card: the process dies. */
  isOutOfMemory = false;
  /** Streams say nothing more after some words, and the job goes on. */
  isMute = false;
  /** Streams end after some words as if that were all. */
  isCutShort = false;
  /** Texts are over before their first word. */
  isWordless = false;
  #server: Simulator | null = null;
  #switching: Promise<void> = Promise.resolve();
  #isClosed = false;
  #file = 'initial_model';
  #gate: { stage: Stage; open: PromiseWithResolvers<void> } | null = null;

  constructor(options: KoboldSimulatorOptions) {
    this.options = options;
    this.pace = { ...PACE, ...options.pace };
    this.wire = { isProxied: options.isRouter === true };
    this.process = new SimulatedProcess(options.launch, this.pace);
    // It was there long before anybody asked: one that is younger is another one.
    this.process.startedAt -= AGE_MS;
  }

  static async start(options: KoboldSimulatorOptions): Promise<KoboldSimulator> {
    const simulator = new KoboldSimulator(options);
    simulator.#server = await Simulator.start({
      answer: (request, response) => {
        simulator.arrived += 1;
        // It may stand for a whole day: what was asked long ago is let go.
        if (simulator.server.requests.length > REQUESTS_KEPT) simulator.server.requests.shift();
        return answer(simulator, request, response);
      },
      forget: () => simulator.#become(options.launch),
    });
    return simulator;
  }

  get server(): Simulator {
    return this.#server!;
  }

  get url(): string {
    return this.server.url;
  }

  get files(): string[] {
    if (this.options.hasAdmin === false) return [];
    return [...Object.keys(this.options.files ?? {}).sort(), 'initial_model', 'unload_model'];
  }

  /** Resolves when no switch is under way. */
  settled(): Promise<void> {
    return this.#switching;
  }

  /** Accepted, not done: the answer leaves before anything happens. */
  switchTo(file: string): boolean {
    if (!this.files.includes(file)) return false;
    const { agonyMs, goneMs, fallbackMs } = this.pace;
    const found = this.options.files?.[file];
    const next =
      file === 'unload_model' || found === 'notJson'
        ? NO_MODEL
        : file === 'initial_model' || found === 'missing' || found === undefined
          ? this.options.launch
          : found;
    this.#switching = this.#switching.then(async () => {
      await this.#stage('agony', agonyMs);
      // Seen once: what ran behind the proxy came to its end first.
      while (this.wire.isProxied && this.process.isBusy) await this.process.rest(1);
      if (this.#isClosed) return;
      // In router mode the port stays: the proxy lives on.
      this.process.isDead = true;
      if (!this.wire.isProxied) await this.server.kill();
      await this.#stage('gone', found === 'missing' ? fallbackMs : goneMs);
      this.#become(next);
      this.#file = found === 'missing' ? 'initial_model' : file;
      if (!this.#isClosed && !this.wire.isProxied) await this.server.restart();
    });
    return true;
  }

  /** A switch that is led by hand goes one stage on. */
  release(stage: Stage): void {
    if (this.#gate?.stage === stage) this.#gate.open.resolve();
  }

  async #stage(stage: Stage, ms: number): Promise<void> {
    if (!this.options.isLedByHand) return this.process.rest(ms);
    const open = Promise.withResolvers<void>();
    this.#gate = { stage, open };
    if (!this.#isClosed) await open.promise;
  }

  /** Of a router: a job that names a file switches to it first, and whatever answers then counts as it. */
  async bring(name: unknown): Promise<void> {
    const isFile = this.options.isRouter && typeof name === 'string' && this.files.includes(name);
    if (!isFile || name === this.#file) return;
    this.switchTo(name);
    await this.#switching;
  }

  #become(model: SimulatedModel): void {
    this.process.isDead = true;
    this.process = new SimulatedProcess(model, this.pace);
  }

  /** The process is killed while it works; a supervisor brings it back as it was launched. */
  async crash(): Promise<void> {
    await this.server.kill();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#gate?.open.resolve();
    this.process.isDead = true;
    await this.#switching;
    await this.server.close();
  }
}

/** Its owner's key opens everything; the users' key what is not for admins. */
export function isAllowed(
  { options: { password, adminPassword } }: KoboldSimulator,
  { headers }: SimulatedRequest,
  asAdmin: boolean,
): boolean {
  const key = /^Bearer (.*)$/.exec(headers.authorization ?? '')?.[1]?.trim();
  if (asAdmin) return adminPassword === undefined || key === adminPassword;
  return password === undefined || key === password || (key !== undefined && key === adminPassword);
}
