// The files of a request beside the slots of a model: which goes where, and whether they fit.
import type { InputSlot, ModelOffer } from '../machines/contract/models.ts';
import { ANY_ROLE } from '../machines/contract/requests.ts';

export interface InputFile {
  readonly role: string;
  readonly blob: string;
  readonly mediaType: string;
  readonly bytes: number;
  /** Of a recording, as far as it can be told. */
  readonly seconds: number | null;
}

type Kind = InputSlot['kind'];

/** A recording made in a browser lies in a container for films, and its first bytes say no more than that. */
const FITS: Readonly<Record<Kind, RegExp>> = {
  image: /^image\//,
  video: /^(video\/|image\/gif$)/,
  audio: /^(audio|video)\//,
  text: /^(text\/|application\/json$)/,
};
const WORDS: Readonly<Record<Kind, string>> = {
  image: 'a picture',
  video: 'a film',
  audio: 'a sound',
  text: 'a text',
};

/** Gives each file that was sent without a role the first slot of its kind that is still free. */
export function placed(files: readonly InputFile[], { inputs = [] }: ModelOffer): InputFile[] {
  const free = inputs.filter(({ role }) => !files.some((file) => file.role === role));
  return files.map((file) => {
    if (file.role !== ANY_ROLE || inputs.some(({ role }) => role === ANY_ROLE)) return file;
    const n = free.findIndex(({ kind }) => FITS[kind].test(file.mediaType));
    return n < 0 ? file : { ...file, role: free.splice(n, 1)[0]!.role };
  });
}

/** @param files as `placed` */
export function whyFilesDoNotFit(
  files: readonly InputFile[],
  { inputs = [] }: ModelOffer,
): string | null {
  if (files.length > 0 && inputs.length === 0) return 'it takes no files';
  for (const { role, mediaType } of files) {
    const slot = inputs.find((each) => each.role === role);
    if (!slot)
      return role === ANY_ROLE
        ? `it takes ${listed(inputs)}, and has no place for one more file that is ${mediaType}`
        : `it takes ${listed(inputs)}, and nothing as "${role}"`;
    if (!FITS[slot.kind].test(mediaType))
      return `its input "${role}" is ${WORDS[slot.kind]}, and the file is ${mediaType}`;
  }
  const missing = inputs.find(
    ({ isRequired, role }) => isRequired && !files.some((file) => file.role === role),
  );
  return missing ? `it needs ${WORDS[missing.kind]} as its input "${missing.role}"` : null;
}

const listed = (slots: readonly InputSlot[]): string =>
  slots.map(({ role, kind }) => `${WORDS[kind]} as "${role}"`).join(' and ');
