import { expect, it } from 'vitest';
import { isLookedAt, mayBeShown, pictureBounds } from './looks.ts';

const looking = (more: object) => ({
  ...{ drawing: 0, hentai: 0, neutral: 0, porn: 0, sexy: 0, ...more },
});
const usual = pictureBounds.parse({});

it('shows to each what is for them', () => {
  const seen = [
    looking({ neutral: 1 }),
    looking({ sexy: 0.7, neutral: 0.3 }),
    looking({ porn: 0.4, neutral: 0.6 }),
    looking({ porn: 0.4, hentai: 0.3 }),
  ];
  const shown = (['family', 'general', 'adult'] as const).map((audience) =>
    seen.map((each) => mayBeShown(each, audience, usual)),
  );
  expect(shown).toEqual([
    [true, false, false, false],
    [true, true, true, false],
    [true, true, true, true],
  ]);
});

it('goes by what the operator says', () => {
  const strict = pictureBounds.parse({ general: { explicit: 0.1 } });
  expect(mayBeShown(looking({ porn: 0.2 }), 'general', strict)).toBe(false);
  expect(mayBeShown(looking({ sexy: 1 }), 'general', strict)).toBe(true);
  expect(isLookedAt(strict, 'general')).toBe(true);
  expect(isLookedAt(usual, 'adult')).toBe(false);
  expect(isLookedAt(pictureBounds.parse({ general: {} }), 'general')).toBe(false);
  expect(() => pictureBounds.parse({ everyone: {} })).toThrow();
});
