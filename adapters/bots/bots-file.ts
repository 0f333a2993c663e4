// Which bots run, from the bots file: a JSON list, a line for each. Read once; whatever is wrong is told at once, each as
// a sentence naming the line and the field. Tokens are secrets, so a line may name the variable that holds one.
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { BOT, personaOf, type Persona } from './persona.ts';

export interface BotEntry {
  readonly persona: Persona;
  readonly token: string;
  /** Of a platform's server of one's own; null: the public one. */
  readonly apiUrl: string | null;
  /** Null: the bot asks for updates itself. */
  readonly webhook: Webhook | null;
}

export interface Webhook {
  /** Where the platform sends updates, as it reaches us. */
  readonly url: string;
  readonly secret: string;
  /** Where we listen, behind the proxy. */
  readonly host: string;
  readonly port: number;
}

/** Its message has one sentence a line. */
export class BadBots extends Error {
  override readonly name = 'BadBots';
  constructor(sentences: readonly string[]) {
    super(sentences.join('\n'));
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

const httpUrl = (protocol: RegExp, words: string) => z.url({ protocol, error: words });
const entry = z.strictObject({
  bot: z.string().regex(BOT, 'must be <platform>-<kind>-<number>, such as telegram-image-1'),
  token: z.string().min(1).optional(),
  tokenEnv: z.string().min(1).optional(),
  name: z.string().min(1).max(40).optional(),
  models: z.array(z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}\*?$/)).optional(),
  model: z.string().optional(),
  count: z.number().int().min(1).max(4).optional(),
  params: z.record(z.string(), z.unknown()).optional(),
  hears: z.boolean().optional(),
  apiUrl: httpUrl(/^https?$/, 'must be an http(s) address').optional(),
  webhook: z
    .strictObject({
      url: httpUrl(/^https$/, 'must be an https address: the platform sends nothing to others'),
      secret: z.string().optional(),
      secretEnv: z.string().min(1).optional(),
      host: z.string().min(1).default('127.0.0.1'),
      port: z.number().int().min(1).max(65_535),
    })
    .optional(),
});
type Entry = z.infer<typeof entry>;

/** What a platform takes as a secret token, and long enough not to be guessed. */
const SECRET = /^[\w-]{16,256}$/;

/** @throws BadBots */
export function readBots(file: string, env: Environment): readonly BotEntry[] {
  const wrong: string[] = [];
  const bots = listOf(file).flatMap((input, index) => {
    const where = `${file}: line ${index + 1}`;
    const parsed = entry.safeParse(input);
    if (!parsed.success) {
      for (const { path, message } of parsed.error.issues)
        wrong.push(`${where}: ${path.length === 0 ? 'the line' : path.join('.')}: ${message}.`);
      return [];
    }
    const say = (sentence: string) => wrong.push(`${where} (${parsed.data.bot}): ${sentence}`);
    const bot = botOf(parsed.data, env, say);
    return bot === null ? [] : [bot];
  });
  const names = bots.map(({ persona }) => persona.bot);
  const tokens = bots.map(({ token }) => token);
  for (const [index, { persona, token }] of bots.entries()) {
    if (names.indexOf(persona.bot) < index) wrong.push(`${file}: ${persona.bot} is listed twice.`);
    else if (tokens.indexOf(token) < index)
      wrong.push(`${file}: ${persona.bot} has the token of ${names[tokens.indexOf(token)]}.`);
  }
  if (wrong.length > 0) throw new BadBots(wrong);
  return bots;
}

function botOf(line: Entry, env: Environment, say: (sentence: string) => void): BotEntry | null {
  const { bot, webhook: hook } = line;
  const token = secretOf(line.token, line.tokenEnv, env);
  if (token === null)
    say('it has no token: write `token`, or name the variable that holds it in `tokenEnv`.');
  const secret = hook === undefined ? '' : secretOf(hook.secret, hook.secretEnv, env);
  if (secret === null || (hook !== undefined && !SECRET.test(secret)))
    say(
      'its webhook needs a `secret` (or `secretEnv`) of 16 to 256 of A-Z, a-z, 0-9, _ and -: without one ' +
        'anybody could send it updates.',
    );
  if (token === null || secret === null) return null;
  return {
    persona: personaOf(bot, line)!,
    token,
    apiUrl: line.apiUrl ?? null,
    webhook:
      hook === undefined ? null : { url: hook.url, secret, host: hook.host, port: hook.port },
  };
}

const secretOf = (
  value: string | undefined,
  variable: string | undefined,
  env: Environment,
): string | null => value ?? (variable === undefined ? undefined : env[variable]) ?? null;

function listOf(file: string): readonly unknown[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new BadBots([
      `${file} cannot be read. It lists the bots: [{"bot": "telegram-image-1", "tokenEnv": "MY_TOKEN"}].`,
    ]);
  }
  try {
    const list: unknown = JSON.parse(text);
    if (Array.isArray(list) && list.length > 0) return list;
  } catch (error) {
    throw new BadBots([`${file} is not JSON: ${(error as Error).message}.`]);
  }
  throw new BadBots([`${file} must be a list of bots, with at least one.`]);
}
