// What a runtime says to the others, and when it keeps silent.
import { describe, expect, test } from 'vitest';
import { workerRef } from '../machines/contract/ids.ts';
import type { Component } from './component.ts';
import { ChannelHub } from './channel-hub.ts';
import { Signals, type News } from './signals.ts';
import { ManualClock, settled } from './testing.ts';

const componentOf = (...workers: string[]) =>
  ({
    turned: new Map(workers.map((id) => [id, { before: null, after: { ref: workerRef(id) } }])),
  }) as unknown as Component;

function pair({ alone = false } = {}) {
  const clock = new ManualClock();
  const hub = new ChannelHub();
  const [ours, theirs] = [hub.channel(), hub.channel()];
  const seams = { clock, isAlone: () => alone };
  const signals = new Signals({ ...seams, channel: ours, runtimeId: 'a' });
  const other = new Signals({ ...seams, channel: theirs, runtimeId: 'b' });
  const heard: News[] = [];
  const said: string[] = [];
  for (const [channel, reader] of [[ours, signals] as const, [theirs, other] as const]) {
    reader.start();
    channel.open({
      received: (topic, text) => {
        const news = reader.read(topic, text);
        if (channel === theirs) said.push(text);
        if (news) heard.push(news);
      },
      connected: () => undefined,
      broken: () => undefined,
    });
  }
  return { clock, signals, heard, said, other };
}

describe('a commit', () => {
  test('is told at once; those of the next 5 ms are told together', async () => {
    const { clock, signals, heard } = pair();
    signals.committed(componentOf('wrk_1'));
    signals.committed(componentOf('wrk_2', 'wrk_1'));
    await settled();
    expect(heard).toMatchObject([{ from: 'a', workers: ['wrk_1', 'wrk_2'], leases: false }]);
    for (let n = 0; n < 1_000; n++) signals.committed(componentOf(`wrk_${n % 10}`));
    await settled();
    expect(heard).toHaveLength(1);
    await clock.advance(5);
    expect(heard).toHaveLength(2);
    expect(heard[1]?.workers).toHaveLength(10);
    await clock.advance(1_000);
    expect(heard).toHaveLength(2);
  });

  test('is told even if it concerns no worker: there are new rows to read', async () => {
    const { signals, heard } = pair();
    signals.committed(componentOf());
    await settled();
    expect(heard).toMatchObject([{ workers: [] }]);
  });

  test('is not told by a runtime that is alone', async () => {
    const { clock, signals, said } = pair({ alone: true });
    signals.committed(componentOf('wrk_1'));
    await signals.leasesReleased();
    await clock.advance(1_000);
    expect(said).toEqual([]);
  });
});

test('what is ours, damaged, or of another kind is passed over; what is newer is understood', () => {
  const { other } = pair();
  const texts = ['', '{', 'null', '{"workers":[]}', '{"from":"b","workers":["wrk_1"]}'];
  for (const text of texts) expect(other.read('turns', text)).toBeNull();
  expect(other.read('live:acc_a', '{"from":"a"}')).toBeNull();
  const newer = '{"from":"a","workers":["wrk_1"],"moods":["cheerful"]}';
  expect(other.read('turns', newer)).toEqual({ from: 'a', workers: ['wrk_1'], leases: false });
});
