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
  readonly pace?: Partial<Pace & SwitchPace>;
}

/** A switch, about fifty times as fast as the real one. */
interface SwitchPace {
  /** The old process answers on, and takes work that it will not do. */
  agonyMs: number;
  goneMs: number;
  /** Until the launch model is back in the place of what could not be loaded. */
  fallbackMs: number;
}

const PACE = {
  wordMs: 1,
  streamMs: 8,
  pieceMs: 10,
  abortMs: 3,
  agonyMs: 20,
  goneMs: 25,
  fallbackMs: 120,
};
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
  #server: Simulator | null = null;
  #switching: Promise<void> = Promise.resolve();
  #isClosed = false;
  #file = 'initial_model';

  constructor(options: KoboldSimulatorOptions) {
    this.options = options;
    this.pace = { ...PACE, ...options.pace };
    this.wire = { isProxied: options.isRouter === true };
    this.process = new SimulatedProcess(options.launch, this.pace);
  }

  static async start(options: KoboldSimulatorOptions): Promise<KoboldSimulator> {
    const simulator = new KoboldSimulator(options);
    simulator.#server = await Simulator.start({
      answer: (request, response) => {
        simulator.arrived += 1;
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
      await this.process.rest(agonyMs);
      if (this.#isClosed) return;
      // In router mode the port stays: the proxy lives on.
      this.process.isDead = true;
      if (!this.wire.isProxied) await this.server.kill();
      await this.process.rest(found === 'missing' ? fallbackMs : goneMs);
      this.#become(next);
      this.#file = found === 'missing' ? 'initial_model' : file;
      if (!this.#isClosed && !this.wire.isProxied) await this.server.restart();
    });
    return true;
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
