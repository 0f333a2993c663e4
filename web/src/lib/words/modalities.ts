// What each modality is called, what its prompt asks for, and what to connect when no worker offers it.
import type { Modality } from '../../../../machines/contract/models.ts';

export interface ModalityWords {
  readonly id: Modality;
  readonly label: string;
  /** One result: "an image". */
  readonly one: string;
  readonly promptLabel: string;
  readonly placeholder: string;
  readonly connect: string;
}

export const MODALITY_WORDS: readonly ModalityWords[] = [
  {
    id: 'image',
    label: 'Image',
    one: 'an image',
    promptLabel: 'What should the picture show?',
    placeholder: 'A heron in the reeds at dawn',
    connect: 'Connect a worker with ComfyUI, or start the built-in one, to make images.',
  },
  {
    id: 'video',
    label: 'Video',
    one: 'a video',
    promptLabel: 'What should happen?',
    placeholder: 'Slow waves of ink in clear water',
    connect: 'Connect a worker with ComfyUI and a video model to make videos.',
  },
  {
    id: 'audio',
    label: 'Speech',
    one: 'a recording',
    promptLabel: 'What should be said?',
    placeholder: 'The last ferry leaves at nine.',
    connect: 'Connect a worker with a speech server to turn text into speech.',
  },
  {
    id: 'text',
    label: 'Text',
    one: 'a text',
    promptLabel: 'What should be written?',
    placeholder: 'A letter from a keeper to the sea',
    connect: 'Connect a worker with KoboldCPP and a language model to write text.',
  },
  {
    id: 'transcript',
    label: 'Transcript',
    one: 'a transcript',
    promptLabel: 'Which recording should be written down?',
    placeholder: '',
    connect: 'Connect a worker with a Whisper server to turn recordings into text.',
  },
];

export const wordsFor = (modality: Modality): ModalityWords =>
  MODALITY_WORDS.find((words) => words.id === modality) ?? (MODALITY_WORDS[0] as ModalityWords);
