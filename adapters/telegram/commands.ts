// The commands of a bot and what it says of itself, in every language. Told to Telegram only where they differ.
import type { Api } from 'grammy';
import type { BotCommand, BotCommandScope } from 'grammy/types';
import type { Persona } from '../bots/persona.ts';
import { LANGUAGES, textsFor, type Language } from '../bots/texts/texts.ts';

const PRIVATE = ['settings', 'jobs', 'balance', 'receipts', 'plans', 'link', 'language', 'help'];
const GROUP = ['settings', 'balance', 'help'];

const SCOPES: readonly { readonly scope: BotCommandScope; readonly names: readonly string[] }[] = [
  { scope: { type: 'default' }, names: PRIVATE },
  { scope: { type: 'all_private_chats' }, names: PRIVATE },
  { scope: { type: 'all_group_chats' }, names: GROUP },
];

function commandsOf(
  { modality }: Persona,
  names: readonly string[],
  language: Language,
): BotCommand[] {
  const texts = textsFor(language);
  const make = modality === 'image' ? 'imagine' : 'video';
  return [make, ...names].map((command) => ({
    command,
    description: texts.say(`command-${command}`),
  }));
}

interface Wanted {
  readonly what: string;
  readonly isSo: () => Promise<boolean>;
  readonly make: () => Promise<unknown>;
}

/** English also stands for all languages that there are no texts in. */
const CODES = LANGUAGES.map((language) => ({ language, code: language === 'en' ? '' : language }));

function wantedOf(api: Api, persona: Persona): Wanted[] {
  const commands = SCOPES.flatMap(({ scope, names }) =>
    CODES.map(({ language, code }): Wanted => {
      const list = commandsOf(persona, names, language);
      const options = { scope, ...(code === '' ? {} : { language_code: code as 'de' }) };
      return {
        what: `commands for ${scope.type}${code === '' ? '' : ` in ${code}`}`,
        isSo: async () => sameAs(await api.getMyCommands(options), list),
        make: () => api.setMyCommands(list, options),
      };
    }),
  );
  const words = CODES.map(({ language, code }): Wanted => {
    const short_description = textsFor(language).say(persona.about);
    const of = code === '' ? {} : { language_code: code as 'de' };
    return {
      what: `short description${code === '' ? '' : ` in ${code}`}`,
      isSo: async () =>
        (await api.getMyShortDescription(of)).short_description === short_description,
      make: () => api.setMyShortDescription(short_description, of),
    };
  });
  return [...commands, ...words];
}

const sameAs = (there: readonly BotCommand[], wanted: readonly BotCommand[]): boolean =>
  there.length === wanted.length &&
  wanted.every(({ command, description }, n) => {
    const other = there[n];
    return other?.command === command && other.description === description;
  });

/** What Telegram does not have yet, in words. */
export async function missingCommands(api: Api, persona: Persona): Promise<string[]> {
  const missing: string[] = [];
  for (const { what, isSo } of wantedOf(api, persona)) if (!(await isSo())) missing.push(what);
  return missing;
}

export async function pushCommands(api: Api, persona: Persona): Promise<void> {
  for (const { isSo, make } of wantedOf(api, persona)) if (!(await isSo())) await make();
}
