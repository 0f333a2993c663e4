// What slonik leaves unbounded: it waits for ever for an answer on a connection that is half open, and whoever
// finds all connections in use waits in its queue for as long as nobody gives one back.
import {
  BackendTerminatedError,
  ConnectionError,
  type DatabasePool,
  type DriverFactory,
} from 'slonik';

/** Past its deadline a statement fails, and the pool destroys its connection, as after any error. */
export function withDeadline(factory: DriverFactory, answerTimeoutMs: number): DriverFactory {
  const error = () => new BackendTerminatedError(new Error('The database did not answer in time.'));
  return async (configuration) => {
    const driver = await factory(configuration);
    return {
      createClient: async () => {
        const client = await driver.createClient();
        const query: typeof client.query = (...asked) =>
          within(answerTimeoutMs, client.query(...asked), error);
        return { ...client, query };
      },
    };
  };
}

function within<T>(ms: number, answer: Promise<T>, error: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(error()), ms);
    // Whichever comes second finds the promise settled and changes nothing.
    answer.then(resolve, reject).finally(() => clearTimeout(late));
  });
}

/** Methods that take a connection of the pool for themselves. */
const TAKING: ReadonlySet<string | symbol> = new Set([
  ...['any', 'anyFirst', 'connect', 'exists', 'many', 'manyFirst', 'maybeOne', 'maybeOneFirst'],
  ...['one', 'oneFirst', 'query', 'record', 'stream', 'transaction'],
]);

/** The same pool; with all places taken, a call waits its turn, but no longer than this. */
export function withPlaces(pool: DatabasePool, places: number, waitMs: number): DatabasePool {
  const gate = new Gate(places, waitMs);
  return new Proxy(pool, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function' || !TAKING.has(name)) return member;
      const call = member.bind(target) as (...parameters: unknown[]) => Promise<unknown>;
      return async (...parameters: unknown[]) => {
        await gate.enter();
        try {
          return await call(...parameters);
        } finally {
          gate.leave();
        }
      };
    },
  });
}

class Gate {
  #free: number;
  readonly #waiting = new Set<() => void>();
  readonly #waitMs: number;

  constructor(places: number, waitMs: number) {
    this.#free = places;
    this.#waitMs = waitMs;
  }

  async enter(): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    const turn = Promise.withResolvers<void>();
    this.#waiting.add(turn.resolve);
    const late = setTimeout(() => {
      this.#waiting.delete(turn.resolve);
      turn.reject(new ConnectionError('All connections to the database are in use.'));
    }, this.#waitMs);
    await turn.promise.finally(() => clearTimeout(late));
  }

  /** The place goes to who has waited longest. */
  leave(): void {
    const [next] = this.#waiting;
    if (!next) {
      this.#free += 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
