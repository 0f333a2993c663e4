// Who may say who somebody is: settings of providers, and what they need besides.
import { z } from 'zod';

const DISCORD_ID = /^\d{15,21}$/;
const BOT_ID = /^\d{5,15}$/;
const IDENTITY = /^(discord|telegram):[1-9]\d{0,19}$/;
const BOT = /^\d{5,15}(:[\w-]{30,60})?$/;

const secret = (message: string) =>
  z
    .string()
    .regex(/^[\w.~-]{8,200}$/, message)
    .optional();

export const signInSettings = {
  DISCORD_CLIENT_ID: z
    .string()
    .regex(DISCORD_ID, "must be the application's number, as Discord's developer portal shows it")
    .optional(),
  DISCORD_CLIENT_SECRET: secret("must be the client secret of Discord's developer portal"),
  TELEGRAM_CLIENT_ID: z
    .string()
    .regex(BOT_ID, 'must be the client ID that @BotFather shows, a number')
    .optional(),
  TELEGRAM_CLIENT_SECRET: secret('must be the client secret that @BotFather shows'),
  TELEGRAM_MINI_APP_BOTS: z
    .string()
    .transform((text) => text.split(',').map((each) => each.trim()))
    .refine(
      (all) => all.every((each) => BOT.test(each)),
      'must be numbers or tokens of bots with commas between them',
    )
    .default([]),
  TESSERA_OPERATORS: z
    .string()
    .transform((text) => text.split(',').map((each) => each.trim()))
    .refine(
      (all) => all.every((each) => IDENTITY.test(each)),
      'must be people with commas between them, such as discord:80351110224678912,telegram:4711',
    )
    .default([]),
};

type Settings = z.infer<z.ZodObject<typeof signInSettings>>;

export interface SignInConfig {
  readonly discord: { readonly clientId: string; readonly clientSecret: string } | null;
  readonly telegram: { readonly clientId: string; readonly clientSecret: string } | null;
  /** Numbers, or tokens, of bots whose Mini Apps may sign in. */
  readonly miniAppBots: readonly string[];
  /** `discord:42`: whoever signs in as one of these may do on the site what an administrator's key may. */
  readonly operators: readonly string[];
}

const pair = (clientId: string | undefined, clientSecret: string | undefined) =>
  clientId === undefined || clientSecret === undefined ? null : { clientId, clientSecret };

export const signInConfig = (data: Settings): SignInConfig => ({
  discord: pair(data.DISCORD_CLIENT_ID, data.DISCORD_CLIENT_SECRET),
  telegram: pair(data.TELEGRAM_CLIENT_ID, data.TELEGRAM_CLIENT_SECRET),
  miniAppBots: data.TELEGRAM_MINI_APP_BOTS,
  operators: data.TESSERA_OPERATORS,
});

export const hasSignIn = ({ discord, telegram, miniAppBots }: SignInConfig): boolean =>
  discord !== null || telegram !== null || miniAppBots.length > 0;

/** What lacks where people sign in; sentences. */
export function signInLacks(
  data: Settings,
  publicUrl: string | undefined,
  isLoopback: (host: string) => boolean,
): string[] {
  const halves = (['DISCORD', 'TELEGRAM'] as const).flatMap((name) => {
    const [id, secret] = [`${name}_CLIENT_ID`, `${name}_CLIENT_SECRET`] as const;
    if ((data[id] === undefined) === (data[secret] === undefined)) return [];
    const [there, lacks] = data[id] === undefined ? [secret, id] : [id, secret];
    return [`${lacks} must be set, too, where ${there} is.`];
  });
  if (!hasSignIn(signInConfig(data))) return halves;
  if (publicUrl === undefined)
    return [
      ...halves,
      'PUBLIC_URL must be set where people sign in: that is where they are sent back to.',
    ];
  const { protocol, hostname } = new URL(publicUrl);
  if (protocol === 'https:' || isLoopback(hostname)) return halves;
  return [...halves, 'PUBLIC_URL must begin with https where people sign in.'];
}
