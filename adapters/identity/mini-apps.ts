// Telegram's init data: what a Mini App's page is handed, signed by Telegram. With a bot's token it is an HMAC that
// only the bot can check; with its number alone it is checked against Telegram's own public key.
import { createHmac, createPublicKey, timingSafeEqual, verify, type KeyObject } from 'node:crypto';
import { SignInFailed, type MiniApps, type Person } from '../../machines/contract/sign-in.ts';

const MAX_AGE_MS = 3_600_000;
/** Clocks differ. */
const AHEAD_MS = 60_000;

const TELEGRAM_KEY = 'e7bf03a2fa4602af4580703d88dda5bb59f32ed8b02a56c187fe7d34caed242d';
/** What comes before a raw Ed25519 key in DER. */
const DER_PREFIX = '302a300506032b6570032100';

export const ed25519Key = (hex: string): KeyObject =>
  createPublicKey({ key: Buffer.from(DER_PREFIX + hex, 'hex'), format: 'der', type: 'spki' });

/**
 * @param bots numbers, or tokens (`123:ABC`), of the bots whose Mini Apps may sign in here
 * @param telegramKey Telegram's own; tests sign with another
 */
export function miniApps(
  bots: readonly string[],
  telegramKey: KeyObject = ed25519Key(TELEGRAM_KEY),
): MiniApps {
  const isSigned = (fields: ReadonlyMap<string, string>): boolean =>
    bots.some((bot) =>
      bot.includes(':') ? hasHash(fields, bot) : hasSignature(fields, bot, telegramKey),
    );
  return {
    maxAgeMs: MAX_AGE_MS,
    verify(initData, now) {
      const fields = fieldsOf(initData);
      if (!isSigned(fields)) throw new SignInFailed('No bot of ours signed it.');
      const madeAt = Number(/^\d{1,12}$/.exec(fields.get('auth_date') ?? '')?.[0] ?? NaN) * 1000;
      if (!(madeAt <= now + AHEAD_MS)) throw new SignInFailed('It has no date, or a future one.');
      if (now - madeAt > MAX_AGE_MS) throw new SignInFailed('It is older than an hour.');
      // What was signed in either way: whichever of the two was checked, the other could be exchanged.
      return { person: personIn(fields), proof: linesOf(fields, ['hash', 'signature']) };
    },
  };
}

/** Decoded once; a name that comes twice could be read in two ways. */
function fieldsOf(initData: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(initData)) {
    if (fields.has(name)) throw new SignInFailed(`It says ${name} twice.`);
    fields.set(name, value);
  }
  return fields;
}

const linesOf = (fields: ReadonlyMap<string, string>, without: readonly string[]): string =>
  [...fields]
    .filter(([name]) => !without.includes(name))
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join('\n');

function hasHash(fields: ReadonlyMap<string, string>, token: string): boolean {
  const told = fields.get('hash') ?? '';
  if (!/^[0-9a-f]{64}$/.test(told)) return false;
  const secret = createHmac('sha256', 'WebAppData').update(token).digest();
  const expected = createHmac('sha256', secret)
    .update(linesOf(fields, ['hash']))
    .digest();
  return timingSafeEqual(expected, Buffer.from(told, 'hex'));
}

function hasSignature(fields: ReadonlyMap<string, string>, botId: string, key: KeyObject): boolean {
  const told = fields.get('signature') ?? '';
  if (!/^[\w-]{86}(==)?$/.test(told)) return false;
  const text = `${botId}:WebAppData\n${linesOf(fields, ['hash', 'signature'])}`;
  return verify(null, Buffer.from(text), key, Buffer.from(told, 'base64url'));
}

function personIn(fields: ReadonlyMap<string, string>): Person {
  try {
    const user = JSON.parse(fields.get('user') ?? '') as Record<string, unknown>;
    const { id, first_name: first, is_bot: isBot } = user;
    if (Number.isSafeInteger(id) && (id as number) > 0 && isBot !== true)
      return { subject: String(id), name: typeof first === 'string' ? first.slice(0, 80) : null };
  } catch {
    // told below
  }
  throw new SignInFailed('It names no person.');
}
