import { expect, test } from 'vitest';
import { dispatchWhy } from './dispatch-why.ts';

const why = {
  ...{ score: 1.23456, waitedMs: 1000.4, lateMs: 10.6, servedMs: 99.5, runMs: 7000.2, loadMs: 0.4 },
  ...{ behind: 2, runnerUp: { model: 'flux', score: 0.98765 }, words: 'sdxl is in memory' },
};

test('the parts are kept, rounded: they are written with every job', () => {
  expect(dispatchWhy(why, null)).toEqual({
    ...{ score: 1.23, waitedMs: 1000, lateMs: 11, servedMs: 100, runMs: 7000, loadMs: 0 },
    ...{ behind: 2, runnerUp: { model: 'flux', score: 0.988 }, words: 'sdxl is in memory' },
  });
  expect(JSON.stringify(dispatchWhy(why, null)).length).toBeLessThan(200);
});

test('a job that goes along says with whom, and how long it waited itself', () => {
  expect(dispatchWhy(why, { along: { id: 'job_1' }, waitedMs: 5 })).toMatchObject({
    waitedMs: 5,
    words: 'goes along with job_1: sdxl is in memory',
  });
});
