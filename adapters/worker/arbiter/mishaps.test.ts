// One mishap at a time, on a simulated card: what the arbiter makes of it, and that the neighbours live.
import { describe, expect, it } from 'vitest';
import { GB, model, setBench } from './bench-testing.ts';
import type { Mishap } from './card-testing.ts';

const small = { name: 'small', models: [model('a', 4), model('b', 4)] };
const other = { name: 'other', models: [model('c', 4)] };

/** The mishaps of the first runs and loads; then nothing befalls anybody. */
const inTurn = (...mishaps: (Mishap | null)[]) => {
  const left = [...mishaps];
  return (what: 'load' | 'run') => {
    const next = left[0];
    if (next === undefined || (what === 'load') !== (next === 'loadHang')) return null;
    return left.shift() ?? null;
  };
};

describe('room', () => {
  it('is made by the agent: what leaves is told before what comes', async () => {
    const { arbiter, run, pass, told, howOf } = setBench([
      { name: 'one', models: [model('a', 10), model('b', 10)] },
    ]);
    arbiter.load('a');
    run('j1', 'a');
    arbiter.load('b');
    run('j2', 'b');
    await pass(60_000);
    expect(told).toEqual(['loaded a', 'start j1', 'unloaded a', 'loaded b', 'start j2']);
    expect([howOf('j1'), howOf('j2')]).toEqual([['finished'], ['finished']]);
  });

  it('is refused with a sentence where nothing can make it', async () => {
    const { arbiter, pass, told, howOf, run } = setBench([
      { name: 'one', models: [model('a', 10), model('b', 10), model('huge', 40)], pinned: ['a'] },
    ]);
    arbiter.load('a');
    arbiter.load('b');
    run('j1', 'b');
    arbiter.load('huge');
    await pass(60_000);
    expect(told).toEqual(['loaded a', 'loadFailed b outOfMemory', 'loadFailed huge outOfMemory']);
    expect(howOf('j1')).toEqual(['outOfMemory']);
  });

  it('is not made by what the operator pinned, until that is unpinned', async () => {
    const { arbiter, pass, told } = setBench([
      { name: 'one', models: [model('a', 6), model('b', 6), model('c', 6)] },
    ]);
    arbiter.load('a');
    arbiter.pin(['a']);
    for (const id of ['b', 'c', 'b']) arbiter.load(id);
    await pass(60_000);
    // `a` is the oldest and was wanted as often: without the pin it would be the first to go.
    const turns = ['loaded b', 'unloaded b', 'loaded c', 'unloaded c', 'loaded b'];
    expect(told).toEqual(['loaded a', ...turns]);
    expect(arbiter.pinned()).toEqual(['a']);
    arbiter.pin([]);
    arbiter.load('c');
    await pass(60_000);
    expect(told.slice(6)).toEqual(['unloaded a', 'loaded c']);
  });

  it('is measured where the operator wrote nothing', async () => {
    const { arbiter, pass, measurements, told } = setBench([
      {
        name: 'one',
        models: [model('a', 4, { offeredBytes: 0 }), model('b', 4, { offeredBytes: 0 })],
      },
    ]);
    arbiter.load('a');
    arbiter.load('b');
    arbiter.load('a');
    await pass(60_000);
    expect(told).toEqual(['loaded a', 'unloaded a', 'loaded b', 'loaded a']);
    expect(measurements.of('a')).toMatchObject({ vramBytes: 4 * GB, loadMs: { count: 2 } });
  });

  it('holds two engines whose models both fit, and their runs overlap', async () => {
    const { arbiter, run, pass, told } = setBench([small, other]);
    arbiter.load('a');
    arbiter.load('c');
    run('j1', 'a');
    run('j2', 'c');
    await pass(21_000);
    expect(told).toEqual(['loaded a', 'loaded c', 'start j1', 'start j2']);
  });

  it('lets an engine do no more at once than it can, without holding up another', async () => {
    const { arbiter, run, pass, told } = setBench(
      [{ ...small, concurrency: 1 }, other],
      undefined,
      {
        slots: 3,
      },
    );
    for (const id of ['a', 'c']) arbiter.load(id);
    for (const [key, id] of [
      ['j1', 'a'],
      ['j2', 'a'],
      ['j3', 'c'],
    ] as const)
      run(key, id);
    await pass(21_000);
    expect(told.slice(2)).toEqual(['start j1', 'start j3']);
  });
});

describe('out of memory', () => {
  const greedy = {
    name: 'greedy',
    models: [model('a', 4, { workBytes: 14 * GB, offeredBytes: 4 * GB })],
  };

  it('makes room, tries once more at safe settings, and succeeds', async () => {
    const { arbiter, run, pass, card, told, howOf, hosts } = setBench([greedy, other]);
    for (const id of ['c', 'a']) arbiter.load(id);
    run('j1', 'a');
    await pass(60_000);
    expect(howOf('j1')).toEqual(['finished']);
    expect(card.happened.get('safe run')).toBe(1);
    expect(told.slice(2)).toEqual(['start j1', 'unloaded c', 'unloaded a', 'loaded a']);
    expect(hosts[0]!.restarts).toEqual([]);
  });

  it('twice in a row puts the model on safe settings from the start', async () => {
    const { run, pass, card, howOf, logged } = setBench([greedy]);
    run('j1', 'a');
    run('j2', 'a');
    run('j3', 'a');
    await pass(120_000);
    expect(['j1', 'j2', 'j3'].map(howOf)).toEqual([['finished'], ['finished'], ['finished']]);
    // The first two are tried at normal settings as well; the third is not.
    expect(card.happened.get('out of memory')).toBe(2);
    expect(logged.some((said) => said.includes('twice in a row'))).toBe(true);
  });

  it('that does not go away restarts the engine, fails the job, and leaves the neighbour alone', async () => {
    const hopeless = {
      name: 'greedy',
      models: [model('a', 4, { workBytes: 40 * GB, offeredBytes: 4 * GB })],
    };
    const { arbiter, run, pass, howOf, hosts, card } = setBench([hopeless, other]);
    for (const id of ['c', 'a']) arbiter.load(id);
    run('j2', 'c');
    run('j1', 'a');
    await pass(60_000);
    expect(howOf('j1')).toEqual(['outOfMemory']);
    expect(howOf('j2')).toEqual(['finished']);
    expect(hosts.map(({ restarts }) => restarts.length)).toEqual([1, 0]);
    expect(card.broken).toEqual([]);
  });

  it('of a load unloads what is idle and tries once more', async () => {
    const liar = { name: 'liar', models: [model('a', 14, { offeredBytes: 4 * GB })] };
    const { arbiter, pass, told, card } = setBench([liar, other]);
    for (const id of ['c', 'a']) arbiter.load(id);
    await pass(60_000);
    expect(told).toEqual(['loaded c', 'unloaded c', 'loaded a']);
    expect(card.happened.get('out of memory')).toBe(1);
  });
});

describe('an engine that hangs', () => {
  it('is interrupted after a minute without progress', async () => {
    const { run, pass, howOf, hosts, ends } = setBench([small], inTurn('hang'));
    run('j1', 'a');
    await pass(120_000);
    expect(howOf('j1')).toEqual(['engineCrashed']);
    expect(ends[0]!.at).toBeLessThanOrEqual(10_000 + 60_000 + 1_000);
    expect(hosts[0]!.restarts).toEqual([]);
  });

  it('and is deaf is restarted; the card is free within 90 s, and the next job runs', async () => {
    const { run, pass, howOf, hosts, ends, card, told } = setBench(
      [small, other],
      inTurn('deafHang'),
    );
    run('j1', 'a');
    run('j2', 'c');
    await pass(105_000);
    expect([howOf('j1'), howOf('j2')]).toEqual([['engineCrashed'], ['finished']]);
    expect(ends.find(({ key }) => key === 'j1')!.at).toBeLessThanOrEqual(20_000 + 90_000);
    expect(hosts[0]!.restarts).toHaveLength(1);
    expect(card.used).toBe(4 * GB);
    expect(told).toContain('unloaded a');
    run('j3', 'a');
    await pass(60_000);
    expect(howOf('j3')).toEqual(['finished']);
  });

  it('while it loads fails the load, however deaf it is', async () => {
    const { arbiter, run, pass, told, howOf } = setBench([small], inTurn('loadHang'));
    arbiter.load('a');
    run('j1', 'a');
    await pass(330_000);
    expect(told).toEqual(['loadFailed a engineCrashed']);
    expect(howOf('j1')).toEqual(['engineCrashed']);
    arbiter.load('a');
    await pass(30_000);
    expect(told.at(-1)).toBe('loaded a');
  });
});

describe('an engine that crashes', () => {
  it('fails its runs, tells what is gone, and serves again; the neighbour does not notice', async () => {
    const { arbiter, run, pass, told, howOf, hosts } = setBench([small, other], inTurn('crash'));
    for (const id of ['a', 'c']) arbiter.load(id);
    run('j1', 'a');
    run('j2', 'c');
    await pass(40_000);
    expect([howOf('j1'), howOf('j2')]).toEqual([['engineCrashed'], ['finished']]);
    expect(told.slice(4)).toEqual(['unloaded a']);
    run('j3', 'a');
    await pass(40_000);
    expect(howOf('j3')).toEqual(['finished']);
    expect(hosts[0]!.restarts).toEqual([]);
  });

  it('takes the load with it that was under way', async () => {
    const { arbiter, pass, told, hosts } = setBench([small]);
    arbiter.load('a');
    await pass(2_000);
    hosts[0]!.crash('killed');
    await pass(2_000);
    expect(told).toEqual(['loadFailed a engineCrashed']);
  });
});

describe('a cancel', () => {
  it.each([1_000, 12_000])('after %i ms ends that job only, within the step', async (atMs) => {
    const { run, pass, cancel, howOf, ends } = setBench([small]);
    run('j1', 'a');
    run('j2', 'a');
    await pass(atMs);
    cancel('j1');
    await pass(60_000);
    expect([howOf('j1'), howOf('j2')]).toEqual([['cancelled'], ['finished']]);
    expect(ends[0]!.at - atMs).toBeLessThanOrEqual(250);
  });

  it('between two tries after running out of memory ends the job', async () => {
    const greedy = {
      name: 'greedy',
      models: [model('a', 4, { workBytes: 14 * GB, offeredBytes: 4 * GB })],
    };
    const { run, pass, cancel, howOf, card } = setBench([greedy]);
    run('j1', 'a');
    await pass(13_000);
    expect(card.happened.get('out of memory')).toBe(1);
    cancel('j1');
    await pass(5_000);
    expect(howOf('j1')).toEqual(['cancelled']);
    expect(card.happened.get('safe run')).toBeUndefined();
  });
});
