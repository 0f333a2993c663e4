// `tessera bots`: the bots of the bots file, all in one process or each in its own, until it is told to stop.
import { createFrontendClient } from '../../adapters/client/frontend.ts';
import { createClient } from '../../adapters/client/http.ts';
import { BadBots, readBots, type BotEntry } from '../../adapters/bots/bots-file.ts';
import { Follower, type Followed } from '../../adapters/bots/follower.ts';
import { realClock } from '../../adapters/bots/governor.ts';
import type { Platform } from '../../adapters/bots/persona.ts';
import { TelegramBot } from '../../adapters/telegram/telegram-bot.ts';
import { readConfig, type Config } from '../../runtime/config.ts';
import { Misuse } from './misuse.ts';
import { onStopSignals } from './signals.ts';

/** @param names which of the file's bots; none: all */
export async function runBots(names: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const config = readConfig(env);
  const entries = chosenBots(config, names, env);
  const stopped = Promise.withResolvers<void>();
  const ignore = onStopSignals({
    stop: () => stopped.resolve(),
    hurry: () => process.exit(1),
  });
  const stops = [...Map.groupBy(entries, ({ persona }) => persona.platform)].map(
    ([platform, ofPlatform]) => startPlatform(platform, ofPlatform, config),
  );
  try {
    const running = await Promise.all(stops);
    await stopped.promise;
    await Promise.all(running.map((stop) => stop()));
  } finally {
    ignore();
  }
}

/** @throws Misuse */
export function chosenBots(
  config: Config,
  names: readonly string[],
  env: NodeJS.ProcessEnv,
): readonly BotEntry[] {
  try {
    const all = readBots(config.bots.file, env);
    const unknown = names.find((name) => !all.some(({ persona }) => persona.bot === name));
    if (unknown !== undefined)
      throw new Misuse(
        `${unknown} is not in ${config.bots.file}; there are ${all.map(({ persona }) => persona.bot).join(', ')}.`,
      );
    return names.length === 0 ? all : all.filter(({ persona }) => names.includes(persona.bot));
  } catch (error) {
    throw error instanceof BadBots ? new Misuse(error.message) : error;
  }
}

/** @throws Misuse */
export function keyOf(config: Config, platform: Platform): string {
  const key = config.bots.keys[platform];
  if (key !== null) return key;
  throw new Misuse(
    `TESSERA_${platform.toUpperCase()}_KEY is not set. Beside the runtime, ` +
      `\`tessera key create --kind frontend --platform ${platform}\` makes one.`,
  );
}

type Stop = () => Promise<void>;

async function startPlatform(
  platform: Platform,
  entries: readonly BotEntry[],
  config: Config,
): Promise<Stop> {
  if (platform !== 'telegram')
    throw new Misuse(
      `Bots of ${platform} are not there yet: take them out of ${config.bots.file}.`,
    );
  const key = keyOf(config, platform);
  const baseUrl = config.worker.url;
  const client = createFrontendClient({ baseUrl, key });
  const tessera = createClient({ baseUrl, key });
  const bots: readonly TelegramBot[] = entries.map(
    (entry) =>
      new TelegramBot(entry, { tessera, client, report, follow: (job) => follower.follow(job) }),
  );
  const followed = new Map<string, Followed>(
    bots.map(({ surface, governor }) => [surface.bot, { surface, governor }]),
  );
  const follower: Follower = new Follower({
    ...{ client, baseUrl, key, bots: followed, clock: realClock, report },
  });
  for (const bot of bots) {
    const { username } = await opened(bot);
    console.error(`${bot.entry.persona.bot} is @${username}.`);
  }
  follower.start();
  for (const bot of bots) await bot.start();
  console.error(`${bots.length} ${bots.length === 1 ? 'bot runs' : 'bots run'}, for ${baseUrl}.`);
  return async () => {
    await Promise.all(bots.map((bot) => bot.stop()));
    await follower.stop();
  };
}

async function opened(bot: TelegramBot) {
  try {
    return await bot.open();
  } catch (error) {
    const { persona } = bot.entry;
    throw new Misuse(
      `${persona.bot} is not let in by Telegram (${(error as Error).message}). @BotFather tells its token.`,
      { cause: error },
    );
  }
}

function report(what: string, error: unknown): void {
  console.error(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  if (/^(debug|trace)$/.test(process.env['LOG_LEVEL'] ?? '') && error instanceof Error)
    console.error(error.stack);
}
