// What an operator wants kept in memory, against SPEC.md (I12): who is told, and what is fetched for it.
import { describe, expect, it } from 'vitest';
import { effectsOf } from '../testing.ts';
import { after, at, claim, EVENTS, hello, run, stateOf, step, ordersOf } from './testing.ts';

const pin = (model: string) => at({ type: 'model.pinRequested', model });
const unpin = (model: string) => at({ type: 'model.unpinRequested', model });
const pinsToldBy = (...events: readonly object[]) =>
  effectsOf(after(...events).said, 'worker.order').flatMap(({ order }) =>
    order.type === 'pin' ? [order.models] : [],
  );

describe('a pin (I12)', () => {
  it('is told to the agent, all pins at once, and what is missing is fetched by an idle one', () => {
    const { snapshot, said } = step('idle', pin('paint'));
    expect(ordersOf(said)).toEqual(['pin', 'load paint']);
    expect(stateOf(snapshot)).toBe('swapping');
    expect(snapshot.context.run).toMatchObject({ pinned: ['paint'], loading: 'paint' });
    expect(pinsToldBy(hello(), pin('sketch'), pin('film'))).toEqual([
      ['sketch'],
      ['sketch', 'film'],
    ]);
  });

  it('of a model in memory fetches nothing; said twice, it is said once', () => {
    expect(ordersOf(step('idle', pin('sketch')).said)).toEqual(['pin']);
    expect(pinsToldBy(hello(), pin('sketch'), pin('sketch'))).toEqual([['sketch']]);
  });

  it('disturbs no work under way', () => {
    expect(ordersOf(step('executing', pin('film')).said)).toEqual(['pin']);
    expect(run(hello(), claim('job_1'), pin('film'))).toMatchObject({ loading: null });
    expect(ordersOf(step('draining', pin('film')).said)).toEqual(['pin']);
  });

  it('of a model that the worker does not have is none', () => {
    expect(step('idle', pin('opera')).isIgnored).toBe(true);
  });

  it('outlives the boot: an agent that has other pins is told, and fetches them', () => {
    const again = after(hello(), pin('film'), hello([], { epoch: 'e2' }));
    expect(ordersOf(again.said)).toEqual([
      ...['pin', 'load film'], // of the first boot
      ...['pin', 'load film'],
    ]);
    const kept = { ...hello([], { loaded: ['film'] }), pinned: ['film'] };
    expect(pinsToldBy(hello(), pin('film'), kept)).toEqual([['film']]);
    // Unpinned while nobody was there.
    const away = [hello(), pin('film'), EVENTS['lease.expired'], unpin('film')];
    expect(pinsToldBy(...away, kept)).toEqual([['film'], []]);
  });

  it('that cannot be loaded is not tried again for its own sake', () => {
    const failed = after(hello(), pin('film'), EVENTS['model.loadFailed']);
    expect(stateOf(failed.snapshot)).toBe('idle');
    expect(ordersOf(failed.said).filter((order) => order === 'load film')).toHaveLength(1);
    expect(failed.snapshot.context.run.pinned).toEqual(['film']);
  });

  it('is over when it is taken back', () => {
    expect(run(hello(), pin('film'), unpin('film')).pinned).toEqual([]);
    expect(step('idle', unpin('film')).isIgnored).toBe(true);
  });
});
