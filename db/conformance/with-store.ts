import type { StoreFactory, StoreUnderTest } from '../conformance.ts';

/** Wraps a test body: a store of its own, closed whatever happens. */
export const withStore =
  (factory: StoreFactory) => (body: (under: StoreUnderTest) => Promise<void>) => async () => {
    const under = await factory();
    try {
      await body(under);
    } finally {
      await under.close();
    }
  };
