// The models that a server holds for us: who is there, and what loading it was measured to take. For engines
// whose server makes sound, and may be unable to let a model go.
import { EngineFailure, type EngineJob } from '../../../machines/contract/engine.ts';
import type { Timers } from '../seams.ts';

interface Model {
  readonly id: string;
  readonly name: string;
  readonly vramBytes: number;
}

interface Measured {
  readonly loadMs: number;
  readonly vramBytes: number;
}

export class LoadedModels<Kind extends Model> {
  readonly #models: readonly Kind[];
  readonly #server: string;
  readonly #timers: Timers;
  readonly #loaded = new Map<string, Measured>();

  /** @param server for sentences: `sound server` */
  constructor(models: readonly Kind[], server: string, timers: Timers) {
    this.#models = models;
    this.#server = server;
    this.#timers = timers;
  }

  /** What the job is to be made with. */
  forJob({ model: id, modality }: EngineJob): Kind {
    const model = this.#called(id);
    if (modality !== 'audio')
      throw new EngineFailure('unsupported', `${model.name} makes audio, not ${modality}.`);
    if (!this.#loaded.has(id))
      throw new EngineFailure('modelMissing', `${model.name} is not loaded.`);
    return model;
  }

  async load(id: string, bring: (model: Kind) => Promise<void>): Promise<Measured> {
    const model = this.#called(id);
    const known = this.#loaded.get(id);
    if (known !== undefined) return known;
    const startedAt = this.#timers.now();
    await bring(model);
    const loadMs = Math.round(this.#timers.now() - startedAt);
    const measured = { loadMs, vramBytes: model.vramBytes };
    this.#loaded.set(id, measured);
    return measured;
  }

  /** @param free says whether the memory is free afterwards */
  async unload(id: string, free: (model: Kind) => Promise<boolean>): Promise<void> {
    const model = this.#called(id);
    if (!this.#loaded.has(id)) return;
    const isFree = (await free(model)) || model.vramBytes === 0;
    if (!isFree)
      throw new EngineFailure(
        'unsupported',
        `The server of ${model.name} cannot give its memory back. Pin the model, or let the worker start and stop the server.`,
      );
    this.#loaded.delete(id);
  }

  #called(id: string): Kind {
    const model = this.#models.find((each) => each.id === id);
    if (model) return model;
    const sentence = `This ${this.#server} has no model ${id.slice(0, 64)}.`;
    throw new EngineFailure('modelMissing', sentence);
  }
}
