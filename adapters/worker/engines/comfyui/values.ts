// A person's request, as values for the slots of one workflow. What does not fit is refused here, in words.
import type { EngineJob } from '../../../../machines/contract/engine.ts';
import { EngineFailure } from '../../../../machines/contract/engine.ts';
import { PARAMS } from '../../../../machines/contract/requests.ts';
import type { ComfyuiSettings } from './settings.ts';
import {
  FILE_SLOTS,
  INTEGER_SLOTS,
  NUMBER_SLOTS,
  type NumberSlot,
  type Workflow,
} from './workflow.ts';

export interface LoraUse {
  readonly file: string;
  readonly weight: number;
}

export interface Values {
  readonly slots: Readonly<Record<string, string | number>>;
  readonly loras: readonly LoraUse[];
  readonly format: string | undefined;
  readonly seed: number;
  /** What a person may want to know again. */
  readonly facts: Readonly<Record<string, string | number>>;
}

type Fields = Readonly<Record<string, unknown>>;
const SEEDS = 2 ** 32;

const refuse = (sentence: string): never => {
  throw new EngineFailure('invalidInput', sentence);
};

export function valuesFor(
  file: Workflow,
  job: EngineJob,
  loras: ComfyuiSettings['loras'],
  random: () => number,
): Values {
  const params = paramsOf(job);
  checkLimits(file, job, params);
  const slots = { ...textsOf(file, job, params), ...numbersOf(file, params) };
  const seed = typeof params['seed'] === 'number' ? params['seed'] : Math.floor(random() * SEEDS);
  const style = params['style'] as string | undefined;
  const steps = slots['steps'];
  return {
    slots,
    loras: lorasOf(file, params, loras),
    format: formatOf(file, params),
    seed,
    facts: { workflow: file.id, ...(steps !== undefined && { steps }), ...(style && { style }) },
  };
}

/** Asked again although the runtime has asked: an engine must not rely on who calls it. */
function paramsOf(job: EngineJob): Fields {
  const { data, error } = PARAMS[job.modality].safeParse(job.params);
  if (error === undefined) return data;
  const [{ path, message } = { path: [], message: '' }] = error.issues;
  return refuse(`The parameter ${path.join('.')} is not valid: ${message}.`.slice(0, 300));
}

function checkLimits({ name, limits }: Workflow, job: EngineJob, params: Fields): void {
  const number = (field: string) => params[field] as number | undefined;
  const pixels = (number('width') ?? 0) * (number('height') ?? 0);
  const tooMuch = (what: string, max: number) => refuse(`${name} makes at most ${max} ${what}.`);
  if (pixels > (limits.pixelsMax ?? Infinity)) tooMuch('pixels', limits.pixelsMax!);
  if ((number('steps') ?? 0) > (limits.stepsMax ?? Infinity)) tooMuch('steps', limits.stepsMax!);
  if ((number('seconds') ?? 0) > (limits.secondsMax ?? Infinity))
    tooMuch('seconds', limits.secondsMax!);
  if (job.count > (limits.countMax ?? Infinity)) tooMuch('results', limits.countMax!);
  if (job.prompt.length > (limits.charactersMax ?? Infinity))
    refuse(`${name} takes at most ${limits.charactersMax} characters.`);
}

/** Text stays text: ComfyUI reads links from arrays only, and the names of files from other inputs only. */
function textsOf(file: Workflow, { prompt }: EngineJob, params: Fields): Record<string, string> {
  const { slots, styles, name } = file;
  const wanted = params['style'] as string | undefined;
  if (wanted !== undefined && !Object.hasOwn(styles, wanted))
    refuse(`${name} has no style of that name.`);
  const style = wanted === undefined ? { before: '', after: '', negative: '' } : styles[wanted]!;
  const negative =
    (params['negative_prompt'] as string | undefined) ?? slots.negative_prompt?.default;
  const lyrics = (params['lyrics'] as string | undefined) ?? slots.lyrics?.default ?? '';
  return {
    ...(slots.prompt && { prompt: `${style.before}${prompt}${style.after}` }),
    ...(slots.negative_prompt && {
      negative_prompt: [negative, style.negative].filter(Boolean).join(', '),
    }),
    ...(slots.lyrics && { lyrics }),
  };
}

function numbersOf({ slots, name }: Workflow, params: Fields): Record<string, number> {
  const seconds = (params['seconds'] as number | undefined) ?? slots.seconds?.default;
  const fps = (params['fps'] as number | undefined) ?? slots.fps?.default;
  const asked: Fields = {
    ...params,
    // A film's length in frames follows from its seconds.
    frames: seconds !== undefined && fps !== undefined ? seconds * fps : undefined,
  };
  const values: Record<string, number> = {};
  for (const slotName of [...INTEGER_SLOTS, ...NUMBER_SLOTS]) {
    const slot = slots[slotName];
    if (slot === undefined || slotName === 'seed') continue;
    const value = (asked[slotName] as number | undefined) ?? slot.default;
    if (value !== undefined) values[slotName] = fitted(slot, slotName, value, name);
  }
  return values;
}

function fitted(slot: NumberSlot, slotName: string, value: number, name: string): number {
  const { min, max, multipleOf, offset = 0, times = 1 } = slot;
  if (value < min || value > max)
    refuse(`${name} takes ${slotName} from ${min} to ${max}, not ${value}.`);
  const isWhole = (INTEGER_SLOTS as readonly string[]).includes(slotName);
  const stepped =
    multipleOf === undefined
      ? value
      : Math.max(Math.floor(value / multipleOf), Math.ceil(min / multipleOf)) * multipleOf + offset;
  return (isWhole ? Math.round(stepped) : stepped) * times;
}

/** What a name stands for is the operator's to say; a person never names a file. */
function lorasOf(file: Workflow, params: Fields, known: ComfyuiSettings['loras']): LoraUse[] {
  const wanted = (params['loras'] as { name: string; weight: number }[] | undefined) ?? [];
  return wanted.map(({ name, weight }) => {
    const lora = known.find((each) => each.name === name && each.workflows.includes(file.id));
    if (file.loras === undefined || lora === undefined)
      return refuse(`${file.name} has no adaptation of that name.`);
    return { file: lora.file, weight };
  });
}

function formatOf({ formats }: Workflow, params: Fields): string | undefined {
  if (formats === undefined) return undefined;
  const wanted = params['format'] as string;
  if (Object.hasOwn(formats.choices, wanted)) return wanted;
  // Nobody chose wav, it is only what is said where nothing is said.
  return wanted === 'wav' ? Object.keys(formats.choices)[0] : refuse('This format is not offered.');
}

/** Roles that the workflow takes, each at most once, with the required ones among them. */
export function inputsFor({ slots, name }: Workflow, job: EngineJob): Map<string, Uint8Array> {
  const given = new Map<string, Uint8Array>();
  for (const { role, bytes } of job.inputs) {
    const slot = FILE_SLOTS.find((each) => each === role);
    if (slot === undefined || slots[slot] === undefined)
      refuse(`${name} takes no such input file.`);
    if (given.has(role)) refuse(`${name} takes one ${role}, not several.`);
    given.set(role, bytes);
  }
  for (const role of FILE_SLOTS)
    if (slots[role]?.isRequired === true && !given.has(role))
      refuse(`${name} needs the input ${role}.`);
  return given;
}
