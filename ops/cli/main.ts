// The command line. Each command loads what it needs when it runs, so that --help is instant.
// Data goes to stdout, talk to stderr. Exit codes: 0 done, 1 failed, 2 asked or configured wrongly.
import { existsSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { BadConfig } from '../../runtime/config.ts';
import { REPOSITORY } from './home.ts';
import type { TokenOptions } from './enrol.ts';
import type { ListOptions } from './key-revoke.ts';
import type { KeyOptions } from './key.ts';
import { addBotCommands } from './bots-commands.ts';
import { addQueueCommands, addWorkerCommands } from './operator-commands.ts';
import { EXIT_FAILURE, EXIT_MISUSE, Misuse } from './misuse.ts';

const { env } = process;

/** After a failure, for what has been said to be written. */
const LEFT_OPEN_MS = 1_000;

// What is compiled once is not compiled at the next start: a process that was killed is back half a second sooner.
// Not in the folder for temporary files, where others could put code for us.
enableCompileCache(join(REPOSITORY, 'node_modules', '.cache', 'tessera'));

// The environment wins over the file, and no file is no trouble.
const envFile = join(REPOSITORY, '.env');
if (existsSync(envFile)) process.loadEnvFile(envFile);

function program(): Command {
  const tessera = new Command('tessera')
    .description('Self-hosted, multi-modal AI inference: one graphics card, many people.')
    .version(packageJson.version, '-V, --version', 'tell the version')
    .helpOption('-h, --help', 'tell how a command is used')
    .helpCommand('help [command]', 'tell how a command is used')
    .showSuggestionAfterError()
    // `worker enrol --json` is not `worker --json`.
    .enablePositionalOptions()
    .configureOutput({ outputError: (text, write) => write(sentence(text)) })
    .addHelpText('after', '\nSettings are environment variables; ops/env.example explains each.');
  tessera
    .command('up')
    .description('start everything on this machine: database, website, runtime and a worker')
    .action(async () => {
      const { up } = await import('../up/up.ts');
      process.exitCode = await up(env);
    });
  tessera
    .command('runtime')
    .description('start the control plane alone, on the database at DATABASE_URL')
    .action(async () => {
      const { runtime } = await import('./runtime.ts');
      await runtime(env);
    });
  addQueueCommands(tessera, env);
  const worker = tessera
    .command('worker')
    .description('start a worker beside a GPU; it dials in at TESSERA_URL with its key')
    .option('--check', 'start nothing; say what this machine lacks, and what to do about it')
    .option('--json', 'with --check: answer {"ready": ..., "findings": [...]}')
    .action(async (options: { check?: true; json?: true }) => {
      if (options.check) {
        const { checkWorker } = await import('./worker-check.ts');
        process.exitCode = await checkWorker(options, env);
        return;
      }
      const { worker } = await import('./worker.ts');
      await worker(env);
    });
  worker
    .command('enrol')
    .argument('[token]', 'made beside the runtime by `tessera key enrol`; or TESSERA_WORKER_TOKEN')
    .description("get this machine's worker a key of its own, once")
    .option('--json', 'answer {"id": "...", "name": "...", "key_file": "..."}')
    .action(async (token: string | undefined, options: { json?: true }) => {
      const { enrolHere } = await import('./enrol.ts');
      await enrolHere(token, options, env);
    });
  addWorkerCommands(worker, env);
  addBotCommands(tessera, env);
  tessera
    .command('migrate')
    .description('bring the database up to this release')
    .action(async () => {
      const { migrateCommand } = await import('./migrate.ts');
      await migrateCommand(env);
    });
  const key = tessera
    .command('key')
    .description('keys for people, frontends, workers and administrators');
  key
    .command('enrol')
    .description('make a token by which one new worker gets its key, within 15 minutes')
    .option('--name <name>', 'what the worker will be called, whatever it says')
    .option('--json', 'answer {"token": "...", "name": ..., "expires_at": "..."}')
    .action(async (options: TokenOptions) => {
      const { makeToken } = await import('./enrol.ts');
      await makeToken(options, env);
    });
  key
    .command('list')
    .description('tell the keys of workers, frontends and administrators, or those of an account')
    .option('--account <id>', 'whose keys')
    .option('--json', 'answer a list of objects')
    .action(async (options: ListOptions) => {
      const { listKeys } = await import('./key-revoke.ts');
      await listKeys(options, env);
    });
  key
    .command('revoke')
    .argument('<id>', 'key_…; `tessera key list` tells it')
    .description('end a key: whoever uses it is out within five seconds')
    .action(async (id: string) => {
      const { revokeKey } = await import('./key-revoke.ts');
      await revokeKey(id, env);
    });
  key
    .command('create')
    .description('make a key; it is told on stdout, this once')
    .requiredOption('--kind <kind>', 'user, frontend, worker or admin')
    .option('--account <id>', 'whose key it is (kind user; a new account without it)')
    .option('--name <name>', 'what to call the key')
    .option('--platform <platform>', 'telegram or discord (kind frontend)')
    .option('--json', 'answer {"key": "...", "account": "..."}')
    .action(async (options: KeyOptions) => {
      const { createKey } = await import('./key.ts');
      await createKey(options, env);
    });
  return withExits(tessera);
}

/** Commander would call process.exit; an error lets output be written and locks be released. */
function withExits(command: Command): Command {
  command.exitOverride();
  command.commands.forEach((sub) => withExits(sub.copyInheritedSettings(command)));
  return command;
}

/** Commander's `error: unknown command 'upp'` as a sentence, with the way out. */
function sentence(text: string): string {
  const [first = '', ...rest] = text
    .replace(/^error: /, '')
    .trimEnd()
    .split('\n');
  const lines = [`${first.charAt(0).toUpperCase()}${first.slice(1)}`.replace(/\.?$/, '.'), ...rest];
  return `${lines.join('\n')}\nRun \`tessera --help\` to see what there is.\n`;
}

function failed(error: unknown): number {
  // Commander has said it already; help and version are no failures.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_MISUSE;
  console.error(error instanceof Error ? error.message : String(error));
  const wantsMore = /^(debug|trace)$/.test(env['LOG_LEVEL'] ?? '');
  if (wantsMore && error instanceof Error) console.error(error.stack);
  return error instanceof Misuse || error instanceof BadConfig ? EXIT_MISUSE : EXIT_FAILURE;
}

try {
  const tessera = program();
  // A bare `tessera` is a question, not a mistake.
  if (process.argv.length <= 2) tessera.outputHelp();
  else await tessera.parseAsync();
} catch (error) {
  process.exitCode = failed(error);
  // Whoever failed half way may have left a connection open that would keep us here for ever, and no
  // supervisor starts again what has not ended.
  setTimeout(() => process.exit(), LEFT_OPEN_MS).unref();
}
