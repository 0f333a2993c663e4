// `tessera bots dead` and `retry`: what no bot could bring to anybody, and another try.
import type { DeliveryView } from '../../machines/contract/frontend-views.ts';
import { operate } from './operate.ts';

export const listDead = ({ json }: { readonly json?: true }, env: NodeJS.ProcessEnv) =>
  operate(env, async (admin) => {
    const { data, next_cursor } = await admin.deadDeliveries();
    if (json) return console.log(JSON.stringify(data));
    for (const each of data) console.log(lineOf(each));
    const more = next_cursor === null ? '' : ' These are the newest; there are more.';
    console.error(
      data.length === 0 ? 'Everything was brought.' : `tessera bots retry JOB tries again.${more}`,
    );
  });

const lineOf = ({ job, bot, chat, reason }: DeliveryView): string =>
  `${job.id}  ${job.state.padEnd(9)}  ${bot}  chat ${chat}  ${reason ?? ''}`;

export const retryDead = (job: string, env: NodeJS.ProcessEnv) =>
  operate(env, async (admin) => {
    await admin.retryDelivery(job);
    console.error(`${job} is tried again within half a minute, by its bot.`);
  });
