// What a text model is told before it rewrites a prompt, and what is taken of its answer.
import type { Modality } from '../../machines/contract/models.ts';
import type { ChatMessages } from '../../machines/contract/requests.ts';

const GOALS: Readonly<Record<Modality, string>> = {
  image:
    'a text-to-image model. Name the subject first, then what it does, where, the light, the composition and the medium',
  video:
    'a text-to-video model. Say what is seen first, how it moves, how the camera moves, and the light',
  text: 'a language model. Say plainly what is wanted, for whom, in which form and how long',
  audio:
    'a text-to-speech model. Keep every word that is to be spoken; mend spelling, punctuation and numbers so that it is spoken well',
  transcript: 'a transcription model',
};

/** A small example says more to a small model than a long rule. */
const EXAMPLES: Readonly<Partial<Record<Modality, readonly [said: string, rewritten: string]>>> = {
  image: [
    'a cat in the rain',
    'A grey cat sits under a dripping awning in a narrow street at night, neon reflected in puddles, soft backlight, ' +
      'shallow depth of field, 35 mm photograph',
  ],
  video: [
    'waves',
    'Long slow waves roll onto a dark beach at dusk, foam slides back over wet sand, the camera drifts low along the ' +
      'waterline, warm light from the side',
  ],
};

export function instructionFor(modality: Modality): ChatMessages {
  const example = EXAMPLES[modality];
  return [
    {
      role: 'system',
      content:
        `You rewrite prompts for ${GOALS[modality]}. Keep all that was asked for and contradict none of it. ` +
        'Write in the language of the prompt, one paragraph of at most 80 words. ' +
        'Answer with the new prompt and nothing else: no title, no quotation marks, no explanation.',
    },
    ...(example
      ? ([
          { role: 'user', content: example[0] },
          { role: 'assistant', content: example[1] },
        ] as const)
      : []),
  ];
}

const LENGTH_MAX = 2_000;
/** What models put before it though they were asked not to. */
const HEADING =
  /^(?:(?:here(?:'s| is)[^\n:]{0,80}|(?:new|improved|rewritten|revised)? ?prompt) ?:)\s*/i;
const QUOTED = /^(["'“«„`]+)([\s\S]*?)(["'”»“`]+)$/;

/** The prompt in the answer; null where there is none. */
export function readRewritten(answer: string): string | null {
  const bare = answer
    .trim()
    .replace(/^\*\*|\*\*$/g, '')
    .replace(HEADING, '')
    .trim();
  const [, , inner] = QUOTED.exec(bare) ?? [];
  const whole = (inner ?? bare).replace(/\s+/g, ' ').trim();
  const text = whole.length > LENGTH_MAX ? whole.slice(0, LENGTH_MAX).replace(/\s\S*$/, '') : whole;
  return text === '' ? null : text;
}
