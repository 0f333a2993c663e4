// What leaves first, against a platform that says no. Nothing here has a network or a real clock.
import { describe, expect, it } from 'vitest';
import { settled } from './clock-testing.ts';
import { VirtualClock } from './clock-testing.ts';
import { AGAIN, DONE, Governor, type Lane, type Outcome } from './governor.ts';

function start(inFlightMax = 20) {
  const clock = new VirtualClock();
  const failures: unknown[] = [];
  const governor = new Governor({ clock, inFlightMax, failed: (error) => failures.push(error) });
  const sent: string[] = [];
  const offer = (
    key: string,
    lane: Lane,
    answer: () => Outcome | Promise<Outcome> = () => DONE,
    { chat = key, gapMs = 0 } = {},
  ) =>
    governor.offer({
      ...{ key, chat, lane, gapMs },
      send: async () => {
        sent.push(`${lane} ${key}`);
        return answer();
      },
    });
  return { clock, governor, sent, offer, failures };
}

/** Not answered until told. */
function held() {
  let release: () => void = () => undefined;
  const answer = () => new Promise<Outcome>((resolve) => (release = () => resolve(DONE)));
  return { answer, release: () => release() };
}

describe('what leaves', () => {
  it('is results first, then answers, then what is on its way', async () => {
    const { offer, sent, governor } = start(1);
    const first = held();
    offer('a', 'answer', first.answer);
    offer('b', 'progress');
    offer('c', 'status');
    offer('d', 'answer');
    offer('e', 'final');
    expect(governor.size).toEqual({ final: 1, answer: 1, status: 1, progress: 1 });
    first.release();
    await settled();
    expect(sent).toEqual(['answer a', 'final e', 'answer d', 'status c', 'progress b']);
  });

  it('of one message is only the newest, and never two at once', async () => {
    const { offer, sent } = start();
    const first = held();
    offer('a', 'progress', first.answer);
    const said: number[] = [];
    for (const percent of [10, 20, 30])
      offer('a', 'progress', () => {
        said.push(percent);
        return DONE;
      });
    expect(sent).toEqual(['progress a']);
    first.release();
    await settled();
    expect(said).toEqual([30]);
  });

  it('keeps its distance from the last change of that message, but for a result', async () => {
    const { offer, sent, clock } = start();
    offer('a', 'status', undefined, { gapMs: 3_000 });
    await settled();
    offer('a', 'progress', undefined, { gapMs: 3_000 });
    await clock.advance(2_999);
    expect(sent).toEqual(['status a']);
    await clock.advance(1);
    expect(sent).toEqual(['status a', 'progress a']);
    offer('a', 'final', undefined, { gapMs: 3_000 });
    await settled();
    expect(sent.at(-1)).toBe('final a');
  });

  it('is nothing about the way once the result is there', async () => {
    const { offer, sent } = start(1);
    const first = held();
    offer('z', 'final', first.answer);
    offer('a', 'status');
    offer('a', 'progress');
    offer('a', 'final');
    first.release();
    await settled();
    expect(sent).toEqual(['final z', 'final a']);
  });

  it('keeps room for results, however much is on its way', async () => {
    const { offer, sent } = start(4);
    for (let n = 0; n < 10; n++) offer(`p${n}`, 'progress', held().answer);
    expect(sent).toHaveLength(2);
    offer('a', 'final');
    expect(sent.at(-1)).toBe('final a');
  });
});

describe('a platform that asks to wait', () => {
  it('is obeyed in that chat, while others go on', async () => {
    const { offer, sent, clock } = start();
    const answers: Outcome[] = [{ kind: 'wait', ms: 5_000, everywhere: false }];
    offer('a', 'final', () => answers.shift() ?? DONE);
    await settled();
    offer('a2', 'answer', undefined, { chat: 'a' });
    offer('b', 'final');
    await settled();
    expect(sent).toEqual(['final a', 'final b']);
    await clock.advance(4_999);
    expect(sent).toHaveLength(2);
    await clock.advance(1);
    expect(sent.slice(2).sort()).toEqual(['answer a2', 'final a']);
  });

  it('everywhere is obeyed everywhere', async () => {
    const { offer, sent, clock } = start();
    const answers: Outcome[] = [{ kind: 'wait', ms: 5_000, everywhere: true }];
    offer('a', 'final', () => answers.shift() ?? DONE);
    await settled();
    offer('b', 'answer');
    await clock.advance(4_999);
    expect(sent).toEqual(['final a']);
    await clock.advance(2_000);
    expect(new Set(sent.slice(1))).toEqual(new Set(['final a', 'answer b']));
  });

  it('drops progress and loses no result of 500, nor asks while it must not', async () => {
    const { offer, sent, clock } = start();
    // Thirty within a second, as a platform counts; who asks while it waits is counted, too.
    let window = 0;
    let count = 0;
    let blockedUntil = 0;
    let tooSoon = 0;
    const delivered = new Set<string>();
    const answer = (key: string) => (): Outcome => {
      const now = clock.now();
      if (now < blockedUntil) tooSoon += 1;
      if (Math.floor(now / 1000) !== window) [window, count] = [Math.floor(now / 1000), 0];
      if (++count > 30 || now < blockedUntil) {
        blockedUntil = Math.max(blockedUntil, now + 3_000);
        return { kind: 'wait', ms: 3_000, everywhere: false };
      }
      delivered.add(key);
      return DONE;
    };
    for (let n = 0; n < 500; n++) offer(`r${n}`, 'final', answer(`r${n}`));
    for (let n = 0; n < 100; n++) offer(`p${n}`, 'progress', answer(`p${n}`));
    await clock.advance(600_000);
    const finals = [...delivered].filter((key) => key.startsWith('r'));
    expect(finals).toHaveLength(500);
    const firstProgress = sent.findIndex((each) => each.startsWith('progress'));
    const lastFinal = sent.findLastIndex((each) => each.startsWith('final'));
    expect(firstProgress === -1 || firstProgress > lastFinal).toBe(true);
    // What was on its way when it said no, and not one more.
    expect(tooSoon).toBeLessThan(40);
  });
});

describe('what does not work', () => {
  it('is tried again, later and later, if it is a result', async () => {
    const { offer, clock } = start();
    const at: number[] = [];
    offer('a', 'final', () => {
      at.push(clock.now());
      return at.length < 5 ? AGAIN : DONE;
    });
    await clock.advance(60_000);
    expect(at.map((each) => each - at[0]!)).toEqual([0, 1_000, 3_000, 7_000, 15_000]);
  });

  it('is dropped if it was about the way', async () => {
    const { offer, sent, clock } = start();
    offer('a', 'progress', () => AGAIN);
    await clock.advance(120_000);
    expect(sent).toEqual(['progress a']);
  });

  it('by an error of ours is reported and holds up nobody', async () => {
    const { offer, sent, failures } = start(1);
    offer('a', 'final', () => {
      throw new Error('ours');
    });
    offer('b', 'final');
    await settled();
    expect(failures).toEqual([new Error('ours')]);
    expect(sent).toEqual(['final a', 'final b']);
  });
});

it('stops when what is on its way has arrived, and starts nothing more', async () => {
  const { offer, governor, sent } = start(1);
  const first = held();
  offer('a', 'final', first.answer);
  offer('b', 'final');
  let isStopped = false;
  const stopped = governor.stop().then(() => (isStopped = true));
  await settled();
  expect(isStopped).toBe(false);
  first.release();
  await stopped;
  expect(sent).toEqual(['final a']);
});
