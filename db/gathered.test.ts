import { describe, expect, it } from 'vitest';
import { gathered } from './gathered.ts';

/** A query that is answered when the test says so. */
function slowAsk() {
  const queries: { keys: readonly number[]; answer: PromiseWithResolvers<readonly string[]> }[] =
    [];
  const ask = (keys: readonly number[]): Promise<readonly string[]> => {
    const answer = Promise.withResolvers<readonly string[]>();
    queries.push({ keys, answer });
    return answer.promise;
  };
  const answer = (n: number): void =>
    queries[n]!.answer.resolve(queries[n]!.keys.map((key) => `answer ${key}`));
  return { queries, ask, answer, asked: () => queries.map(({ keys }) => keys) };
}

describe('questions that are gathered', () => {
  it('go out at once while there is room, and together after that', async () => {
    const { ask, answer, asked } = slowAsk();
    const one = gathered(ask);
    const answers = [1, 2, 3, 4, 5].map(one);
    expect(asked()).toEqual([[1], [2]]);
    answer(0);
    expect(await answers[0]).toBe('answer 1');
    expect(asked()).toEqual([[1], [2], [3, 4, 5]]);
    answer(1);
    answer(2);
    expect(await Promise.all(answers)).toEqual([1, 2, 3, 4, 5].map((n) => `answer ${n}`));
  });

  it('never join a query that has been sent already', async () => {
    const { ask, answer, asked } = slowAsk();
    const one = gathered(ask);
    void one(1);
    void one(1);
    void one(1);
    expect(asked()).toEqual([[1], [1]]);
    answer(0);
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked()).toEqual([[1], [1], [1]]);
  });

  it('are cut into queries of bounded size', async () => {
    const { ask, answer, asked } = slowAsk();
    const one = gathered(ask, 2);
    const answers = [1, 2, 3, 4, 5].map(one);
    answer(0);
    await answers[0];
    expect(asked()).toEqual([[1], [2], [3, 4]]);
  });

  it('fail together, and those after them are answered', async () => {
    const { queries, ask, answer } = slowAsk();
    const one = gathered(ask);
    const [first, second, third] = [1, 2, 3].map(one);
    queries[0]!.answer.reject(new Error('the database is away'));
    await expect(first).rejects.toThrow('the database is away');
    answer(1);
    expect(await second).toBe('answer 2');
    answer(2);
    expect(await third).toBe('answer 3');
  });

  it('fail when the question itself cannot be put', async () => {
    const one = gathered(() => {
      throw new Error('no such table');
    });
    await expect(one(1)).rejects.toThrow('no such table');
    await expect(one(2)).rejects.toThrow('no such table');
  });
});
