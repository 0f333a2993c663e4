// `tessera bots …`. What they do is loaded when one is used.
import type { Command } from 'commander';

type Env = NodeJS.ProcessEnv;

export function addBotCommands(tessera: Command, env: Env): void {
  const bots = tessera
    .command('bots')
    .argument('[bots...]', 'telegram-image-1 …; all of the bots file when none is named')
    .description('start the bots of the bots file, for the runtime at TESSERA_URL')
    .option(
      '--check',
      'start nothing; look at tokens, keys, commands and webhooks, and say what to fix',
    )
    .option('--json', 'with --check: answer {"ready": ..., "findings": [...]}')
    .action(async (names: string[], options: { check?: true; json?: true }) => {
      if (options.check) {
        const { checkBots } = await import('./bots-check.ts');
        process.exitCode = await checkBots(names, options, env);
        return;
      }
      const { runBots } = await import('./bots.ts');
      await runBots(names, env);
    });
  bots
    .command('dead')
    .description('tell what no bot could bring to anybody; with TESSERA_ADMIN_KEY')
    .option('--json', 'answer a list of objects')
    .action(async (options: { json?: true }) =>
      (await import('./bots-dead.ts')).listDead(options, env),
    );
  bots
    .command('retry')
    .argument('<job>', 'job_…; `tessera bots dead` tells it')
    .description('have its bot try again to bring it')
    .action(async (job: string) => (await import('./bots-dead.ts')).retryDead(job, env));
}
