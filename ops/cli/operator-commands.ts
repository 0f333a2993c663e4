// The commands of an operator: `tessera queue …`, and those below `tessera worker`. What they do is in
// `operate.ts`, loaded when one is used.
import type { Command } from 'commander';
import type { PinWish, WorkerWish } from '../../adapters/client/admin.ts';
import type { QueueOptions } from './operate.ts';

type Env = NodeJS.ProcessEnv;

const load = () => import('./operate.ts');

export function addQueueCommands(tessera: Command, env: Env): void {
  const queue = tessera
    .command('queue')
    .description('what waits: look, pause, move; with TESSERA_ADMIN_KEY, at TESSERA_URL');
  queue
    .command('show')
    .description('tell what waits and what is paused')
    .option('--json', 'answer {"pauses": [...], "waiting": [...]}')
    .action(async (options: QueueOptions) => (await load()).showQueue(options, env));
  for (const [wish, what] of [
    ['pause', 'hold up the queue, or one model, plan or worker; what runs goes on'],
    ['resume', 'take a pause of just that name back'],
  ] as const)
    queue
      .command(wish)
      .description(what)
      .option('--model <id>', 'only jobs for this model')
      .option('--plan <plan>', 'only jobs of this plan: free, starter or pro')
      .option('--worker <id>', 'only this worker; `tessera worker list` tells its id')
      .option('--json', 'answer as `queue show --json`')
      .action(async (options: QueueOptions) => (await load()).pauseQueue(wish, options, env));
  queue
    .command('move')
    .argument('<job>', 'job_…')
    .argument('<to>', 'front: before all; back: behind all; own: where it came by its asking')
    .description('give a waiting job another place in the line')
    .action(async (job: string, to: string) => (await load()).moveJob(job, to, env));
}

const WISHES: readonly (readonly [WorkerWish, string])[] = [
  ['drain', 'let it finish what it has and take nothing new'],
  ['resume', 'let it work again'],
  ['quarantine', 'take it out of service until it is resumed'],
];
const PINS: readonly (readonly [PinWish, string])[] = [
  ['pin', 'keep a model in its memory'],
  ['unpin', 'let the model make room for others again'],
];
const ID = ['<id>', 'wrk_…; `tessera worker list` tells it'] as const;

export function addWorkerCommands(worker: Command, env: Env): void {
  worker
    .command('list')
    .description('tell every worker; like the next ones with TESSERA_ADMIN_KEY, at TESSERA_URL')
    .option('--json', 'answer a list of objects')
    .action(async (options: { json?: true }) => (await load()).listWorkers(options, env));
  for (const [wish, what] of WISHES)
    worker
      .command(wish)
      .argument(...ID)
      .description(what)
      .action(async (id: string) => (await load()).askWorker(wish, id, env));
  for (const [wish, what] of PINS)
    worker
      .command(wish)
      .argument(...ID)
      .argument('<model>')
      .description(what)
      .action(async (id: string, model: string) => (await load()).pinModel(wish, id, model, env));
}
