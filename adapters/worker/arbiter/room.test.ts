// Who leaves the card.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decayed, roomFor, valueOf, type Resident } from './room.ts';

const GB = 1024 ** 3;
const resident = (model: string, change: Partial<Resident> = {}): Resident => ({
  model,
  bytes: 4 * GB,
  isBusy: false,
  isPinned: false,
  isRival: false,
  loadMs: 10_000,
  uses: 1,
  ...change,
});
const wanted = { model: 'new', bytes: 8 * GB };
const evict = (...models: string[]) => ({ kind: 'evict', models, rivals: [] as string[] });

describe('room for a model', () => {
  it('is there when it just fits', () => {
    expect(roomFor(wanted, [resident('a'), resident('b')], 16 * GB)).toEqual(evict());
  });

  it('is made by the least valuable: cheap to bring back, seldom wanted, large', () => {
    const card = 16 * GB;
    const others = (odd: Partial<Resident>) => [resident('a'), resident('b', odd), resident('c')];
    expect(roomFor(wanted, others({ loadMs: 1_000 }), card)).toEqual(evict('b'));
    expect(roomFor(wanted, others({ uses: 0.2 }), card)).toEqual(evict('b'));
    expect(roomFor(wanted, others({ bytes: 5 * GB }), card)).toEqual(evict('b'));
    expect(roomFor(wanted, others({ loadMs: 90_000 }), card)).toEqual(evict('a'));
  });

  it('spares small ones that did not have to go', () => {
    const residents = [
      resident('small', { bytes: GB, uses: 0.1 }),
      resident('large', { bytes: 12 * GB }),
    ];
    expect(roomFor(wanted, residents, 16 * GB)).toEqual(evict('large'));
  });

  it('waits for what is busy, and says so when only what is pinned is in the way', () => {
    expect(roomFor(wanted, [resident('a', { bytes: 12 * GB, isBusy: true })], 16 * GB)).toEqual({
      kind: 'wait',
    });
    expect(roomFor(wanted, [resident('a', { bytes: 12 * GB, isPinned: true })], 16 * GB)).toEqual({
      kind: 'never',
      sentence:
        'There is no room on the graphics card: new needs 8.0 GB, and what is pinned (a) leaves 4.0 GB. Unpin it.',
    });
  });

  it('counts without what the engine drops by itself, and not while that is busy or pinned', () => {
    const rival = (change: Partial<Resident> = {}) =>
      resident('rival', { bytes: 10 * GB, isRival: true, ...change });
    const beside = resident('beside');
    expect(roomFor(wanted, [rival(), beside], 16 * GB)).toEqual({
      ...evict(),
      rivals: ['rival'],
    });
    expect(roomFor(wanted, [rival({ isBusy: true }), beside], 64 * GB)).toEqual({ kind: 'wait' });
    expect(roomFor(wanted, [rival({ isPinned: true }), beside], 64 * GB)).toMatchObject({
      kind: 'never',
      sentence: expect.stringContaining('has no room for rival beside it'),
    });
  });

  it('is never there for what is larger than the card', () => {
    expect(roomFor({ model: 'new', bytes: 20 * GB }, [], 16 * GB)).toMatchObject({
      kind: 'never',
      sentence: expect.stringContaining('new needs 20.0 GB, the graphics card has 16.0 GB'),
    });
  });

  it('is the whole card where a size is unknown', () => {
    const small = resident('a', { bytes: 1 });
    expect(roomFor({ model: 'new', bytes: null }, [small], 16 * GB)).toEqual(evict('a'));
    expect(roomFor({ model: 'new', bytes: 1 }, [small], null)).toEqual(evict('a'));
    const unknown = resident('a', { bytes: null });
    expect(roomFor({ model: 'new', bytes: 1 }, [unknown], 16 * GB)).toEqual(evict('a'));
  });
});

it('a use counts half after half an hour', () => {
  expect(decayed(4, 30 * 60_000)).toBeCloseTo(2);
  expect(decayed(4, 0)).toBe(4);
});

const residents = fc
  .array(
    fc.record({
      bytes: fc.option(fc.integer({ min: 0, max: 16 }), { freq: 8 }),
      isBusy: fc.boolean(),
      isPinned: fc.boolean(),
      isRival: fc.boolean(),
      loadMs: fc.integer({ min: 0, max: 60_000 }),
      uses: fc.double({ min: 0, max: 20, noNaN: true }),
    }),
    { maxLength: 8 },
  )
  .map((all) => all.map((each, index): Resident => ({ model: `m${index}`, ...each })));
const sizes = fc.option(fc.integer({ min: 0, max: 20 }), { freq: 8 });

it('never goes over the card, never evicts what is busy or pinned, evicts nothing in vain', () => {
  fc.assert(
    fc.property(residents, sizes, sizes, (all, bytes, cardBytes) => {
      const room = roomFor({ model: 'new', bytes }, all, cardBytes);
      if (room.kind !== 'evict') return;
      const gone = all.filter(({ model }) => room.models.includes(model));
      expect(gone.filter(({ isBusy, isPinned }) => isBusy || isPinned)).toEqual([]);
      const fits = (stay: readonly Resident[]) => {
        const known = [bytes, cardBytes, ...stay.map((each) => each.bytes)];
        if (stay.length === 0) return cardBytes === null || (bytes ?? 0) <= cardBytes;
        if (known.includes(null)) return false;
        return stay.reduce((sum, each) => sum + each.bytes!, bytes!) <= cardBytes!;
      };
      expect(room.rivals).toEqual(all.filter((each) => each.isRival).map(({ model }) => model));
      expect(all.filter((each) => each.isRival && (each.isBusy || each.isPinned))).toEqual([]);
      const stay = all.filter((each) => !gone.includes(each) && !each.isRival);
      expect(fits(stay)).toBe(true);
      for (const each of gone) expect(fits([...stay, each])).toBe(false);
    }),
    { seed: 20_260_101, numRuns: 2000 },
  );
});

it('what is worth less than what stays goes first', () => {
  const order = ['a', 'b', 'c'].map((model, index) => resident(model, { uses: 3 - index }));
  const room = roomFor({ model: 'new', bytes: 8 * GB }, order, 12 * GB);
  expect(room).toEqual(evict('c', 'b'));
  expect(valueOf(order[0]!)).toBeGreaterThan(valueOf(order[1]!));
});
