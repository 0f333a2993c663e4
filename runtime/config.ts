// Every setting there is: read once from the environment, checked, frozen. A bad value is refused with
// a sentence that names the variable, because a guessed setting is found out much later.
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { Plan } from '../machines/contract/events.ts';
import {
  paymentsConfig,
  paymentSettings,
  paymentsLack,
  type PaymentsConfig,
} from './payments-config.ts';
import {
  hasSignIn,
  signInConfig,
  signInLacks,
  signInSettings,
  type SignInConfig,
} from './sign-in-config.ts';

const MINUTE_MS = 60_000;
const REPOSITORY = fileURLToPath(new URL('..', import.meta.url));

/** Nothing outside this machine can reach an address that this accepts. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);

const wholeNumber = (min: number, max: number) => {
  const message = `must be a whole number from ${min} to ${max}`;
  const isOne = (text: string) => /^\d{1,9}$/.test(text) && +text >= min && +text <= max;
  return z.string().refine(isOne, message).transform(Number);
};

const address = (protocols: readonly string[], message: string) =>
  z
    .string()
    .refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), message);

const engineAddress = (server: string, port: number) =>
  address(
    ['http:', 'https:'],
    `must be the address of ${server}, such as http://127.0.0.1:${port}`,
  ).optional();

const perMinute = wholeNumber(1, 100_000_000);

/** Networks as CIDRs, or single addresses. */
const networks = z
  .string()
  .transform((text) => text.split(',').map((each) => each.trim()))
  .refine(
    (all) => all.every(isNetwork),
    'must be networks with commas between them, such as 10.0.0.0/8,fd00::/8',
  );

function isNetwork(text: string): boolean {
  const [address = '', bits, more] = text.split('/');
  const width = isIP(address) === 6 ? 128 : 32;
  const isWide = bits === undefined || (/^\d{1,3}$/.test(bits) && +bits >= 1 && +bits <= width);
  return isIP(address) !== 0 && isWide && more === undefined;
}

const targets = z
  .string()
  .transform((text) => text.split(',').map((each) => each.trim()))
  .refine(
    (all) => all.every((each) => /^[\d.a-f:]+:\d{1,5}$/.test(each)),
    'must be addresses with their ports and commas between them, such as 127.0.0.1:9000',
  );

/** A month: as good as no bound. */
const minutes = wholeNumber(1, 43_200);

/** One entry per variable; `ops/env.example` is tested against it. */
const frontendKey = (platform: string) =>
  z
    .string()
    .regex(
      /^tsr_frontend_/,
      `must be a key of kind frontend; \`tessera key create --kind frontend --platform ${platform}\` makes one`,
    )
    .optional();

export const environment = z.object({
  PORT: wholeNumber(1, 65_535).default(8000),
  HOST: z
    .string()
    .regex(/^[\w.:[\]-]+$/, 'must be an address to listen on, such as 127.0.0.1')
    .default('127.0.0.1'),
  TESSERA_HOME: z.string().default(join(REPOSITORY, '.tessera')),
  DATABASE_URL: address(
    ['postgres:', 'postgresql:'],
    'must be the address of a PostgreSQL database, such as postgres://user:password@localhost:5432/tessera',
  ).optional(),
  REDIS_URL: address(
    ['redis:', 'rediss:'],
    'must be the address of a Redis, such as redis://localhost:6379',
  ).optional(),
  PUBLIC_URL: address(
    ['http:', 'https:'],
    'must be the address people type, such as https://tessera.example.org',
  ).optional(),
  LOG_LEVEL: z
    .enum(
      ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
      'must be one of fatal, error, warn, info, debug, trace and silent',
    )
    .default('info'),
  TESSERA_RUNTIME_ID: z
    .string()
    .regex(/^[\w.:-]{1,100}$/, 'must have 1 to 100 letters, digits and . : _ -')
    .optional(),
  TESSERA_JOBS_KEPT_DAYS: wholeNumber(2, 365).default(3),
  TESSERA_FILES_KEPT_DAYS: wholeNumber(1, 3650).default(30),
  TESSERA_MODELS: z.string().optional(),
  TESSERA_PLANS: z.string().optional(),
  TESSERA_STYLES: z.string().optional(),
  TESSERA_CONTENT: z.string().optional(),
  TESSERA_PICTURE_CHECK: z.enum(['on', 'off'], 'must be on or off').default('off'),
  TESSERA_RECORDING_MINUTES_MAX: wholeNumber(1, 600).default(10),
  TESSERA_QUEUE_FREE_MINUTES: minutes.default(120),
  TESSERA_QUEUE_STARTER_MINUTES: minutes.default(240),
  TESSERA_QUEUE_PRO_MINUTES: minutes.default(480),
  TESSERA_TRUSTED_PROXIES: networks.default([]),
  TESSERA_ACCOUNT_REQUESTS_PER_MINUTE: perMinute.default(2_400),
  TESSERA_KEY_REQUESTS_PER_MINUTE: perMinute.default(1_200),
  TESSERA_FRONTEND_REQUESTS_PER_MINUTE: perMinute.default(12_000),
  TESSERA_NETWORK_REQUESTS_PER_MINUTE: perMinute.default(6_000),
  TESSERA_WEBHOOK_TARGETS: targets.default([]),
  ...signInSettings,
  ...paymentSettings,
  TESSERA_URL: address(
    ['http:', 'https:'],
    'must be the address of the runtime, such as http://localhost:8000',
  ).default('http://localhost:8000'),
  TESSERA_ADMIN_KEY: z
    .string()
    .regex(
      /^tsr_admin_/,
      'must be a key of kind admin; `tessera key create --kind admin` makes one',
    )
    .optional(),
  TESSERA_BOTS: z.string().optional(),
  TESSERA_TELEGRAM_KEY: frontendKey('telegram'),
  TESSERA_DISCORD_KEY: frontendKey('discord'),
  TESSERA_WORKER_KEY: z
    .string()
    .regex(
      /^tsr_worker_/,
      'must be a key of kind worker; `tessera key create --kind worker` makes one',
    )
    .optional(),
  TESSERA_WORKER_TOKEN: z
    .string()
    .regex(
      /^tsr_enrol_/,
      'must be a token for a new worker; `tessera key enrol`, said beside the runtime, makes one',
    )
    .optional(),
  TESSERA_WORKER_NAME: z
    .string()
    .max(100, 'must have at most 100 characters')
    .default(hostname().slice(0, 100) || 'worker'),
  TESSERA_WORKER_SLOTS: wholeNumber(1, 64).default(1),
  TESSERA_GPU: z
    .string()
    .regex(
      /^(\d{1,2}|GPU-[\w-]{1,60})$/,
      'must be the number or the UUID of a graphics card, as `nvidia-smi -L` tells them',
    )
    .optional(),
  TESSERA_ENGINES: z.string().optional(),
  COMFYUI_URL: engineAddress('ComfyUI', 8188),
  KOBOLDCPP_URL: engineAddress('KoboldCPP', 5001),
  WHISPER_URL: engineAddress('a Whisper server', 8080),
  SPEECH_URL: engineAddress('a speech server', 8880),
  SOUND_URL: engineAddress('a sound server', 8001),
});

export interface Config {
  readonly port: number;
  readonly host: string;
  /** Absolute; everything that Tessera writes lies in it. */
  readonly home: string;
  /** Null: no database was named, `up` starts the embedded one. */
  readonly databaseUrl: string | null;
  /** Null: runtimes on one database tell each other by way of it. */
  readonly redisUrl: string | null;
  readonly publicUrl: string | null;
  readonly logLevel: z.infer<typeof environment>['LOG_LEVEL'];
  /**
   * Nobody can prove who they are, so whoever reaches the address is the one local person. Only safe
   * while nobody but this machine's users can reach it: `readConfig` and the HTTP guard see to that.
   */
  readonly isLocalMode: boolean;
  /** Who may say who somebody is. */
  readonly signIn: SignInConfig;
  readonly payments: PaymentsConfig;
  /** Names this runtime among others; a restart under the same name takes its leases back at once. */
  readonly runtimeId: string | null;
  readonly kept: {
    /** Ended jobs, until they move to the archive. */
    readonly jobsDays: number;
    /** Inputs and outputs, after their job has ended. */
    readonly filesDays: number;
  };
  /** Who may use which model. */
  readonly modelRules: {
    readonly path: string;
    /** Somebody said so: then the file has to be there. */
    readonly isNamed: boolean;
  };
  /** What each plan gives and costs. */
  readonly plans: {
    readonly path: string;
    /** As above. */
    readonly isNamed: boolean;
  };
  /** Ways of asking that people choose by name. */
  readonly styles: {
    readonly path: string;
    /** Somebody said so: then the file has to be there. */
    readonly isNamed: boolean;
  };
  /** What may be asked for, and by whom. */
  readonly content: {
    readonly path: string;
    /** Somebody said so: then the file has to be there. */
    readonly isNamed: boolean;
  };
  /** Whether pictures are looked at before they are used or shown. */
  readonly checksPictures: boolean;
  /** Of a sound or a film that somebody uploads. */
  readonly recordingMinutesMax: number;
  /** What stands in front of us and may say who asks. From anybody else nothing of the kind is believed. */
  readonly trustedProxies: readonly string[];
  /** Requests within a minute. */
  readonly rates: {
    readonly account: number;
    readonly key: number;
    readonly frontend: number;
    readonly network: number;
  };
  /** `address:port` that webhooks may name though it is not public, by http too: for development. */
  readonly webhookTargets: readonly string[];
  /** For the operator's commands; the runtime itself needs none. */
  readonly adminKey: string | null;
  readonly bots: {
    /** Absolute. */
    readonly file: string;
    readonly keys: Readonly<Record<'telegram' | 'discord', string | null>>;
  };
  /** How long the line of a tier may get, as work for each worker. */
  readonly queueBoundsMs: Readonly<Record<Plan, number>>;
  readonly worker: {
    readonly url: string;
    readonly key: string | null;
    /** Exchanged for a key at the first start. */
    readonly token: string | null;
    readonly name: string;
    readonly slots: number;
    /** Which card is this worker's, by number or UUID; null: the first. */
    readonly gpu: string | null;
    /** Absolute; null: nothing was said. */
    readonly enginesFile: string | null;
    /** Servers of engines that were named here and not in the file, by kind of engine. */
    readonly engineUrls: Readonly<Record<string, { variable: string; url: string }>>;
  };
}

/** Its message has one sentence a line, each naming a variable. */
export class BadConfig extends Error {
  override readonly name = 'BadConfig';
}

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws BadConfig */
export function readConfig(env: Environment, cwd = process.cwd()): Config {
  // An empty value means the same as none: that is how env files switch a setting off.
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = environment.safeParse(set);
  const wrong = [
    ...unknownSettings(set),
    ...(parsed.error?.issues ?? []).map(({ path, message }) => `${path.join('.')} ${message}.`),
    ...(parsed.success ? [...unsafeSignIn(parsed.data), ...paymentsLack(parsed.data)] : []),
  ];
  if (!parsed.success || wrong.length > 0) throw new BadConfig(wrong.join('\n'));
  const { data } = parsed;
  const fileOf = (named: string | undefined, usual: string) =>
    Object.freeze({
      path: resolve(cwd, named ?? join(data.TESSERA_HOME, usual)),
      isNamed: named !== undefined,
    });
  return Object.freeze({
    port: data.PORT,
    host: data.HOST.replace(/^\[(.*)\]$/, '$1'),
    home: resolve(cwd, data.TESSERA_HOME),
    databaseUrl: data.DATABASE_URL ?? null,
    redisUrl: data.REDIS_URL ?? null,
    publicUrl: data.PUBLIC_URL ?? null,
    logLevel: data.LOG_LEVEL,
    isLocalMode: !hasSignIn(signInConfig(data)),
    signIn: Object.freeze(signInConfig(data)),
    payments: Object.freeze(paymentsConfig(data)),
    runtimeId: data.TESSERA_RUNTIME_ID ?? null,
    kept: Object.freeze({
      jobsDays: data.TESSERA_JOBS_KEPT_DAYS,
      filesDays: data.TESSERA_FILES_KEPT_DAYS,
    }),
    modelRules: fileOf(data.TESSERA_MODELS, 'models.json'),
    plans: fileOf(data.TESSERA_PLANS, 'plans.json'),
    styles: fileOf(data.TESSERA_STYLES, 'styles.json'),
    content: fileOf(data.TESSERA_CONTENT, 'content.json'),
    checksPictures: data.TESSERA_PICTURE_CHECK === 'on',
    recordingMinutesMax: data.TESSERA_RECORDING_MINUTES_MAX,
    trustedProxies: Object.freeze(data.TESSERA_TRUSTED_PROXIES),
    rates: Object.freeze({
      account: data.TESSERA_ACCOUNT_REQUESTS_PER_MINUTE,
      key: data.TESSERA_KEY_REQUESTS_PER_MINUTE,
      frontend: data.TESSERA_FRONTEND_REQUESTS_PER_MINUTE,
      network: data.TESSERA_NETWORK_REQUESTS_PER_MINUTE,
    }),
    webhookTargets: Object.freeze(data.TESSERA_WEBHOOK_TARGETS),
    adminKey: data.TESSERA_ADMIN_KEY ?? null,
    bots: Object.freeze({
      file: resolve(cwd, data.TESSERA_BOTS ?? join(data.TESSERA_HOME, 'bots.json')),
      keys: Object.freeze({
        telegram: data.TESSERA_TELEGRAM_KEY ?? null,
        discord: data.TESSERA_DISCORD_KEY ?? null,
      }),
    }),
    queueBoundsMs: Object.freeze({
      free: data.TESSERA_QUEUE_FREE_MINUTES * MINUTE_MS,
      starter: data.TESSERA_QUEUE_STARTER_MINUTES * MINUTE_MS,
      pro: data.TESSERA_QUEUE_PRO_MINUTES * MINUTE_MS,
    }),
    worker: Object.freeze({
      url: data.TESSERA_URL,
      key: data.TESSERA_WORKER_KEY ?? null,
      token: data.TESSERA_WORKER_TOKEN ?? null,
      name: data.TESSERA_WORKER_NAME,
      slots: data.TESSERA_WORKER_SLOTS,
      gpu: data.TESSERA_GPU ?? null,
      enginesFile: data.TESSERA_ENGINES === undefined ? null : resolve(cwd, data.TESSERA_ENGINES),
      engineUrls: Object.freeze(engineUrls(data)),
    }),
  });
}

function engineUrls(data: z.infer<typeof environment>): Config['worker']['engineUrls'] {
  const variables = {
    comfyui: 'COMFYUI_URL',
    koboldcpp: 'KOBOLDCPP_URL',
    whisper: 'WHISPER_URL',
    speech: 'SPEECH_URL',
    sound: 'SOUND_URL',
  } as const;
  return Object.fromEntries(
    Object.entries(variables).flatMap(([kind, variable]) => {
      const url = data[variable];
      return url === undefined ? [] : [[kind, { variable, url }]];
    }),
  );
}

/** A misspelt setting would otherwise do nothing, and nobody would know. */
function unknownSettings(env: Environment): string[] {
  const known = Object.keys(environment.shape).filter((name) => name.startsWith('TESSERA_'));
  return (
    Object.keys(env)
      // Test runs tell their children about themselves under this name.
      .filter((name) => /^TESSERA_(?!TEST_)/.test(name) && !known.includes(name))
      .map((name) => `${name} is not a setting. Those of this prefix are ${known.join(', ')}.`)
  );
}

function unsafeSignIn(data: z.infer<typeof environment>): string[] {
  const lacks = signInLacks(data, data.PUBLIC_URL, isLoopback);
  const isLocalMode = !hasSignIn(signInConfig(data)) && lacks.length === 0;
  return [...lacks, ...(isLocalMode ? unsafeLocalMode(data.HOST, data.PUBLIC_URL) : [])];
}

function unsafeLocalMode(host: string, publicUrl: string | undefined): string[] {
  const why = 'everybody who reaches this Tessera is signed in as its one local person';
  return [
    ...(publicUrl === undefined
      ? []
      : [`PUBLIC_URL must not be set while no sign-in is configured: ${why}.`]),
    ...(isLoopback(host)
      ? []
      : [
          `HOST must be a loopback address such as 127.0.0.1 while no sign-in is configured: ${why}.`,
        ]),
  ];
}
