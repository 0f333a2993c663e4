// What the pages about oneself know, and the wishes they carry out. One for each page, like the studio.
import { createStore } from '@xstate/store';
import { createContext } from 'svelte';
import type { AccountKeyListView, NewKeyView } from '../../../../adapters/client/http.ts';
import { TesseraProblem } from '../../../../adapters/client/problem.ts';
import type {
  IdentityListView,
  LinkView,
  SessionListView,
  WaysView,
} from '../../../../machines/contract/identity-views.ts';
import type { AccountView } from '../../../../machines/contract/views.ts';
import { sentenceOf, tessera } from '../api.ts';
import { signInProblem } from '../words/identity-words.ts';
import { proveNewPasskey } from './passkey.ts';

export interface Known {
  readonly ways: WaysView | null;
  readonly account: AccountView | null;
  readonly identities: IdentityListView | null;
  readonly keys: AccountKeyListView | null;
  readonly sessions: SessionListView | null;
}

interface Context extends Known {
  readonly isStranger: boolean;
  /** Told once; shown until the page is left. */
  readonly code: LinkView | null;
  readonly newKey: NewKeyView | null;
  readonly sentence: string | null;
}

const createAccountStore = () =>
  createStore({
    context: {
      ...{ ways: null, account: null, identities: null, keys: null, sessions: null },
      ...{ isStranger: false, code: null, newKey: null, sentence: null },
    } as Context,
    on: {
      known: (context, { known }: { known: Partial<Known> }): Context => ({ ...context, ...known }),
      turnedAway: (context): Context => ({ ...context, isStranger: true }),
      codeMade: (context, { code }: { code: LinkView }): Context => ({ ...context, code }),
      keyMade: (context, { key }: { key: NewKeyView }): Context => ({ ...context, newKey: key }),
      hindered: (context, { sentence }: { sentence: string | null }): Context => ({
        ...context,
        sentence,
      }),
    },
  });

export type AccountPage = ReturnType<typeof createAccountPage>;
export const [useAccountPage, provideAccountPage] = createContext<AccountPage>();

export function createAccountPage() {
  const store = createAccountStore();
  const known = (known: Partial<Known>) => store.trigger.known({ known });

  /** Whatever goes wrong is said at the top of the page. */
  async function carryOut(wish: () => Promise<void>): Promise<void> {
    store.trigger.hindered({ sentence: null });
    try {
      await wish();
    } catch (error) {
      if (error instanceof TesseraProblem && error.status === 401) store.trigger.turnedAway();
      else store.trigger.hindered({ sentence: sentenceOf(error) });
    }
  }

  const refresh = async () => {
    const [identities, keys, sessions] = await Promise.all([
      tessera.identities(),
      tessera.keys(),
      tessera.sessions(),
    ]);
    known({ identities, keys, sessions });
  };

  const and = (wish: () => Promise<unknown>) =>
    carryOut(async () => {
      await wish();
      await refresh();
    });

  return {
    store,
    carryOut,
    /** In local mode whoever comes is the one person. */
    start: () =>
      carryOut(async () => {
        const ways = await tessera.waysToSignIn();
        known({ ways });
        known({ account: await (ways.local ? tessera.openSession() : tessera.account()) });
        await refresh();
        // Back from a provider who was to be linked, and it did not come about.
        store.trigger.hindered({ sentence: signInProblem(location.hash.slice(1)) });
      }),
    askCode: () => carryOut(async () => store.trigger.codeMade({ code: await tessera.askLink() })),
    unlink: (id: string) => and(() => tessera.unlink(id)),
    undo: (account: string) => and(() => tessera.undoLink(account)),
    linkWith: (provider: 'discord' | 'telegram') =>
      carryOut(async () => {
        const request = { provider, link: true, return_to: '/account' };
        location.assign((await tessera.beginSignIn(request)).url);
      }),
    addPasskey: (name: string) =>
      and(async () => {
        const { attempt, options } = await tessera.beginPasskey('account');
        await tessera.addPasskey({ attempt, name, response: await proveNewPasskey(options) });
      }),
    makeKey: (name: string) =>
      and(async () => store.trigger.keyMade({ key: await tessera.createKey({ name }) })),
    revokeKey: (id: string) => and(() => tessera.revokeKey(id)),
    endSession: (id: string) => and(() => tessera.endSession(id)),
    signOut: () =>
      carryOut(async () => {
        await tessera.closeSession();
        location.assign('/');
      }),
  };
}
