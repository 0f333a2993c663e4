// The styles that are there where the operator has no file of their own.
import type { NamedStyle } from '../../machines/contract/styles.ts';

const CLUMSY = 'low quality, blurry, watermark, text';

export const HOUSE_STYLES: readonly NamedStyle[] = [
  {
    id: 'photograph',
    name: 'Photograph',
    description: 'As if somebody had been there with a good camera.',
    recipes: {
      image: {
        prompt: 'photograph of {prompt}, natural light, 50 mm lens, shallow depth of field',
        negative_prompt: `drawing, painting, render, ${CLUMSY}`,
      },
      video: { prompt: '{prompt}, filmed with a handheld camera, natural light' },
    },
  },
  {
    id: 'cinematic',
    name: 'Cinematic',
    description: 'A still from a film: dramatic light, and a story behind it.',
    recipes: {
      image: {
        prompt: 'cinematic still of {prompt}, dramatic light, film grain, wide shot',
        negative_prompt: CLUMSY,
      },
      video: { prompt: 'cinematic shot of {prompt}, slow camera, dramatic light' },
    },
  },
  {
    id: 'watercolor',
    name: 'Watercolor',
    description: 'Soft edges and paper that shines through.',
    recipes: {
      image: {
        prompt: '{prompt}, watercolor painting, soft edges, textured paper',
        negative_prompt: `photograph, ${CLUMSY}`,
      },
    },
  },
  {
    id: 'line-art',
    name: 'Line art',
    description: 'Ink on white, and nothing more than it takes.',
    recipes: {
      image: {
        prompt: 'line art of {prompt}, black ink on white, clean lines',
        negative_prompt: `color, shading, ${CLUMSY}`,
      },
    },
  },
  {
    id: 'storybook',
    name: 'Storybook',
    description: 'Warm and told to children; of texts, too.',
    recipes: {
      image: {
        prompt: '{prompt}, storybook illustration, warm colors, gentle light',
        negative_prompt: CLUMSY,
      },
      text: { prompt: 'Tell it gently, as a bedtime story: {prompt}' },
    },
  },
  {
    id: 'concise',
    name: 'Concise',
    description: 'Short answers without ornaments.',
    recipes: {
      text: { prompt: 'Answer in few, plain words. {prompt}', params: { temperature: 0.3 } },
    },
  },
];
