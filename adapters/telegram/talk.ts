// What is asked by a command: the account, what is under way, how it all works.
import type { LedgerLine } from '../../machines/contract/views.ts';
import type { Texts } from '../bots/texts/texts.ts';
import { shownPrompt } from '../bots/wording.ts';
import { TesseraProblem } from '../client/problem.ts';
import type { Desk, Visitor } from './desk.ts';
import type { Rows } from './keyboards.ts';
import { settingsMenu } from './settings.ts';

interface Said {
  readonly text: string;
  readonly rows?: Rows;
}

const RECEIPTS = 12;
const JOBS = 8;

export class Talk {
  readonly #desk: Desk;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  /** @returns false when it is no command of this bot's */
  async command(visitor: Visitor, name: string, rest: string): Promise<boolean> {
    const said = await this.#answer(visitor, name, rest);
    if (said === null) return false;
    const markup =
      said.rows === undefined ? undefined : await this.#desk.keyboard(visitor.person, said.rows);
    this.#desk.say(visitor, said.text, markup);
    return true;
  }

  async #answer(visitor: Visitor, name: string, rest: string): Promise<Said | null> {
    const { texts } = visitor;
    switch (name) {
      case 'start':
        return this.#start(visitor);
      case 'help':
        return { text: texts.say('help', { command: this.makeCommand }) };
      case 'balance':
        return { text: await this.#balance(visitor) };
      case 'plans':
        return { text: await this.#plans(visitor) };
      case 'receipts':
        return { text: await this.#receipts(visitor) };
      case 'jobs':
        return this.#jobs(visitor);
      case 'settings':
        return settingsMenu(this.#desk, visitor);
      case 'language':
        return settingsMenu(this.#desk, visitor, 'language');
      case 'link':
        return { text: await this.#link(visitor, rest.trim()) };
      default:
        return null;
    }
  }

  get makeCommand(): string {
    return this.#desk.persona.modality === 'image' ? 'imagine' : 'video';
  }

  #acting({ person }: Visitor) {
    return this.#desk.seams.tessera.actingFor(person);
  }

  async #start(visitor: Visitor): Promise<Said> {
    const { texts } = visitor;
    const { name, modality } = this.#desk.persona;
    const account = await this.#acting(visitor).account();
    const balance = texts.tokens(account.available_millitokens);
    const example = texts.say(`example-${modality}`);
    const text = [
      texts.say(`start-${modality}`, { name, balance }),
      texts.say('start-try', { example }),
    ].join('\n\n');
    return { text };
  }

  async #balance(visitor: Visitor): Promise<string> {
    const { texts } = visitor;
    const account = await this.#acting(visitor).account();
    const { top_up_millitokens: topUp, held_millitokens: held } = account;
    return [
      texts.say('balance-title', { balance: texts.tokens(account.available_millitokens) }),
      texts.say('balance-day', {
        grant: texts.tokens(account.daily_grant_millitokens),
        allowance: texts.tokens(account.allowance_millitokens),
        resets: texts.moment(account.resets_at, this.#desk.seams.now()),
      }),
      ...(topUp > 0 ? [texts.say('balance-topup', { topup: texts.tokens(topUp) })] : []),
      ...(held > 0 ? [texts.say('balance-held', { held: texts.tokens(held) })] : []),
      texts.say('balance-plan', { plan: texts.say(`plan-${account.plan}`) }),
    ].join('\n');
  }

  async #plans(visitor: Visitor): Promise<string> {
    const { texts } = visitor;
    const { plan } = await this.#acting(visitor).account();
    const yours = texts.say('plans-yours', { plan: texts.say(`plan-${plan}`) });
    return `${texts.say('plans')}\n\n${yours}`;
  }

  async #receipts(visitor: Visitor): Promise<string> {
    const { texts } = visitor;
    const { data } = await this.#acting(visitor).ledger({ limit: RECEIPTS });
    if (data.length === 0) return texts.say('receipts-none');
    return [texts.say('receipts-title'), ...data.map((line) => receipt(texts, line))].join('\n');
  }

  async #jobs(visitor: Visitor): Promise<Said> {
    const { texts } = visitor;
    const { data } = await this.#acting(visitor).jobs({ limit: 50 });
    const open = data.filter(({ phase }) => phase !== 'settled').slice(0, JOBS);
    if (open.length === 0) return { text: texts.say('jobs-none') };
    const lines = open.map((job) =>
      texts.say('jobs-line', {
        prompt: shownPrompt(job.prompt, 60),
        state: texts.say(`state-${job.state === 'queued' ? 'queued' : 'running'}`),
        job: job.id,
      }),
    );
    const rows = open.map((job) => [
      {
        text: `${texts.say('button-cancel')} · ${shownPrompt(job.prompt, 24)}`,
        meaning: { do: 'cancel' as const, job: job.id },
      },
    ]);
    return { text: [texts.say('jobs-title'), ...lines].join('\n'), rows };
  }

  /** With a code it is confirmed here; without one a code is made for the other side. */
  async #link(visitor: Visitor, code: string): Promise<string> {
    const { texts } = visitor;
    const tessera = this.#acting(visitor);
    try {
      if (code === '') {
        const { code: made, expires_at } = await tessera.askLink();
        const until = texts.moment(expires_at, this.#desk.seams.now());
        return texts.say('link-how', { code: made, until });
      }
      await tessera.confirmLink(code);
      const account = await tessera.account();
      return texts.say('link-done', { balance: texts.tokens(account.available_millitokens) });
    } catch (error) {
      if (!(error instanceof TesseraProblem) || error.status === 0 || error.status >= 500)
        throw error;
      if (error.status === 404 && code === '') return texts.say('link-unavailable');
      return error.code === 'link_refused'
        ? texts.say('link-wrong')
        : texts.say('refused-other', { reason: error.detail });
    }
  }
}

function receipt(texts: Texts, line: LedgerLine): string {
  const change = line.available_change;
  const sign = change > 0 ? '+' : '';
  return texts.say('receipt-line', {
    at: line.at.slice(0, 16).replace('T', ' '),
    change: sign + texts.tokens(change),
    reason: line.reason,
  });
}
