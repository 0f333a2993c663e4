import { expect, it } from 'vitest';
import { jobRequest, type JobRequestInput } from '../../machines/contract/requests.ts';
import { BadConfig } from '../config.ts';
import { houseStyles, parseStyles, readStyles } from './styles.ts';

const noir = {
  id: 'noir',
  name: 'Film noir',
  recipes: {
    image: { prompt: 'noir {prompt}, rain', negative_prompt: 'color', params: { steps: 40 } },
  },
};
const styles = parseStyles(JSON.stringify([noir]), 'styles.json');
const asked = (change: Partial<JobRequestInput> = {}) =>
  jobRequest.parse({ modality: 'image', prompt: 'a heron', style: 'noir', ...change });

it('puts the words in their place, and its own beside them', () => {
  expect(styles.applied(asked())).toEqual({
    prompt: 'noir a heron, rain',
    params: { steps: 40, negative_prompt: 'color' },
  });
});

it('gives way to what the person says', () => {
  const params = { steps: 8, negative_prompt: 'people', width: 512 };
  expect(styles.applied(asked({ params }))).toEqual({
    prompt: 'noir a heron, rain',
    params: { steps: 8, width: 512, negative_prompt: 'people, color' },
  });
});

it('adds nothing to what it has added before', () => {
  const again = { negative_prompt: 'people, color' };
  expect(styles.applied(asked({ params: again })).params).toMatchObject(again);
});

it('takes words for words, whatever they are', () => {
  expect(styles.applied(asked({ prompt: '$& $1 {prompt}' })).prompt).toBe(
    'noir $& $1 {prompt}, rain',
  );
});

it('changes nothing where none is asked for', () => {
  expect(styles.applied(jobRequest.parse({ modality: 'image', prompt: 'a heron' }))).toEqual({
    prompt: 'a heron',
    params: {},
  });
});

it.each([{ style: 'sepia' }, { modality: 'video' as const }])(
  'refuses %j, and says what there is',
  (change) => {
    expect(() => styles.applied(asked(change))).toThrow(/There is no style/);
  },
);

it('of the house fit their own schema', () => {
  const { data } = houseStyles.view();
  const again = data.map(({ object: _, description, ...style }) => ({
    ...style,
    ...(description === null ? {} : { description }),
  }));
  expect(parseStyles(JSON.stringify(again), 'house').view()).toEqual(houseStyles.view());
});

it.each([
  ['{', 'is not JSON'],
  ['{}', 'must be a list of styles'],
  [JSON.stringify([noir, noir]), '"noir" is there twice'],
  [JSON.stringify([{ ...noir, recipes: {} }]), 'must hold one recipe at least'],
  [
    JSON.stringify([{ ...noir, recipes: { image: { prompt: 'noir' } } }]),
    'must hold {prompt} once',
  ],
  [JSON.stringify([{ ...noir, id: 'Film Noir' }]), '0.id: must be small letters'],
])('a file that says %s is refused with a sentence', (text, sentence) => {
  expect(() => parseStyles(text, 'styles.json')).toThrow(BadConfig);
  expect(() => parseStyles(text, 'styles.json')).toThrow(sentence);
});

it('a file that was named has to be there', () => {
  expect(() => readStyles('/nowhere/styles.json', true)).toThrow('TESSERA_STYLES');
  expect(readStyles('/nowhere/styles.json', false)).toBe(houseStyles);
});
