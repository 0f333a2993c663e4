// `tessera bots --check`: starts nothing; looks at tokens, keys, commands, webhooks and says what to fix.
import { createFrontendClient } from '../../adapters/client/frontend.ts';
import { TesseraProblem } from '../../adapters/client/problem.ts';
import type { BotEntry } from '../../adapters/bots/bots-file.ts';
import type { Platform } from '../../adapters/bots/persona.ts';
import { missingCommands } from '../../adapters/telegram/commands.ts';
import { newBot } from '../../adapters/telegram/telegram-bot.ts';
import { readConfig, type Config } from '../../runtime/config.ts';
import { chosenBots, keyOf } from './bots.ts';
import { EXIT_FAILURE } from './misuse.ts';

interface Finding {
  /** good: as it should be. soon: the bots see to it when they start. wrong: somebody has to. */
  readonly is: 'good' | 'soon' | 'wrong';
  readonly about: string;
  readonly sentence: string;
}

/** Resolves with the exit code: 0 when nothing is wrong. */
export async function checkBots(
  names: readonly string[],
  { json }: { readonly json?: true },
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const config = readConfig(env);
  const entries = chosenBots(config, names, env);
  const platforms = new Set(entries.map(({ persona }) => persona.platform));
  const findings: Finding[] = [];
  for (const platform of platforms) findings.push(await checkKey(config, platform));
  for (const entry of entries)
    if (entry.persona.platform === 'telegram') findings.push(...(await checkTelegram(entry)));
  const isReady = findings.every(({ is }) => is !== 'wrong');
  if (json) console.log(JSON.stringify({ ready: isReady, findings }));
  else
    for (const { is, about, sentence } of findings)
      console.log(`${{ good: '✓', soon: '·', wrong: '✗' }[is]} ${about}: ${sentence}`);
  return isReady ? 0 : EXIT_FAILURE;
}

async function checkKey(config: Config, platform: Platform): Promise<Finding> {
  const about = `the key for ${platform}`;
  const key = keyOf(config, platform);
  const baseUrl = config.worker.url;
  try {
    await createFrontendClient({ baseUrl, key }).deliveries({ limit: 1 });
    const other = platform === 'telegram' ? 'discord:1' : 'telegram:1';
    // A key of this platform may not speak for anybody of another one, and is told so before it is heard.
    const refused: unknown = await createFrontendClient({ baseUrl, key })
      .action('none', other)
      .catch((error: unknown) => error);
    const isRight = refused instanceof TesseraProblem && refused.status === 403;
    const sentence = isRight
      ? `it is good at ${baseUrl}.`
      : `it is for another platform. Make one with --platform ${platform}.`;
    return { is: isRight ? 'good' : 'wrong', about, sentence };
  } catch (error) {
    const reason = error instanceof TesseraProblem ? error.detail : String(error);
    return { is: 'wrong', about, sentence: `${baseUrl} says: ${reason}` };
  }
}

async function checkTelegram(entry: BotEntry): Promise<Finding[]> {
  const { persona, webhook } = entry;
  const about = persona.bot;
  const { api } = newBot(entry);
  try {
    const me = await api.getMe();
    const missing = await missingCommands(api, persona);
    const { url = '', last_error_message: error } = await api.getWebhookInfo();
    return [
      { is: 'good', about, sentence: `the token is good; it is @${me.username}.` },
      me.can_join_groups
        ? { is: 'good', about, sentence: 'it may be added to groups.' }
        : {
            is: 'soon',
            about,
            sentence: 'it may not be added to groups; @BotFather /setjoingroups changes that.',
          },
      missing.length === 0
        ? { is: 'good', about, sentence: 'its commands are told in every language.' }
        : {
            is: 'soon',
            about,
            sentence: `${missing.length} lists of commands differ; they are told at the start.`,
          },
      webhookFinding(about, url, webhook?.url ?? ''),
      ...(error === undefined
        ? []
        : [
            {
              is: 'wrong' as const,
              about,
              sentence: `Telegram could not reach its webhook: ${error}.`,
            },
          ]),
    ];
  } catch (error) {
    return [
      {
        is: 'wrong',
        about,
        sentence: `Telegram does not let it in (${(error as Error).message}). @BotFather tells its token.`,
      },
    ];
  }
}

function webhookFinding(about: string, there: string, wanted: string): Finding {
  if (there === wanted)
    return {
      is: 'good',
      about,
      sentence: wanted === '' ? 'it asks for updates itself.' : `updates come to ${wanted}.`,
    };
  const now = there === '' ? 'asks for updates itself' : `has a webhook at ${there}`;
  return { is: 'soon', about, sentence: `it ${now}, which the start changes.` };
}
