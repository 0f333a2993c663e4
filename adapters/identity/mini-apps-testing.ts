// Init data as Telegram makes it, signed in both ways. The key pair stands for Telegram's own.
import { createHmac, generateKeyPairSync, sign } from 'node:crypto';

export const TELEGRAM = generateKeyPairSync('ed25519');
export const BOT_ID = '7000000001';
export const BOT_TOKEN = `${BOT_ID}:${'A'.repeat(35)}`;

export interface InitData {
  readonly user?: object;
  readonly at: number;
  readonly token?: string;
  readonly botId?: string;
  /** The key of the login widget, which is derived otherwise. */
  readonly asWidget?: boolean;
}

export function initData({ user, at, token = BOT_TOKEN, botId = BOT_ID, asWidget }: InitData) {
  const fields: Record<string, string> = {
    auth_date: String(Math.floor(at / 1000)),
    query_id: 'AAF',
    user: JSON.stringify(user ?? { id: 42, first_name: 'Ann & Co', username: 'ann' }),
  };
  const lines = () =>
    Object.entries(fields)
      .map(([name, value]) => `${name}=${value}`)
      .sort()
      .join('\n');
  const signed = sign(null, Buffer.from(`${botId}:WebAppData\n${lines()}`), TELEGRAM.privateKey);
  fields['signature'] = signed.toString('base64url');
  const secret = asWidget
    ? createHmac('sha256', token).update('WebAppData').digest()
    : createHmac('sha256', 'WebAppData').update(token).digest();
  fields['hash'] = createHmac('sha256', secret).update(lines()).digest('hex');
  return String(new URLSearchParams(fields));
}
