// One actor's story: what is stored of it, its turns, and which of them is looked at. Live: each new turn is
// followed, unless somebody is looking at an earlier one.
import { createStore } from '@xstate/store';
import { createAdminClient, type ActorName } from '../../../../adapters/client/admin.ts';
import type { ActorView, JournalView, Turn } from '../../../../machines/contract/admin-views.ts';
import type { Context } from '../../../../machines/contract/patch.ts';
import { sentenceOf, tessera } from '../api.ts';
import { contextsOf } from './journal.ts';

/** A whole context is written with every so many turns: reading may begin at such a one. */
const WHOLE_EVERY = 64;
/** As many turns as are read at first; earlier ones when somebody asks. */
const TURNS_READ = 8 * WHOLE_EVERY;
const PAGE = 100;
/** In case the line is down: how often it is asked for new turns anyway. */
const LOOK_AGAIN_MS = 2_500;

export const admin = createAdminClient({});

interface StoryContext {
  readonly actor: ActorView | null;
  readonly turns: readonly Turn[];
  readonly contexts: readonly (Context | undefined)[];
  /** Index of the turn that is looked at. */
  readonly at: number;
  /** Looking at the newest turn, whichever that is. */
  readonly isFollowing: boolean;
  readonly isLive: boolean;
  readonly sentence: string | null;
}

const BLANK: StoryContext = {
  ...{ actor: null, turns: [], contexts: [], at: -1 },
  ...{ isFollowing: true, isLive: false, sentence: null },
};

const within = (at: number, turns: readonly Turn[]) => Math.min(Math.max(at, 0), turns.length - 1);

export const createStoryStore = () =>
  createStore({
    context: BLANK,
    on: {
      opened: (
        _old,
        { actor, turns }: { actor: ActorView; turns: readonly Turn[] },
      ): StoryContext => ({
        ...BLANK,
        ...{ actor, turns, contexts: contextsOf(turns), at: turns.length - 1 },
      }),
      turned: (
        old,
        { actor, turns }: { actor: ActorView; turns: readonly Turn[] },
      ): StoryContext => {
        const known = old.turns.at(-1)?.revision ?? 0;
        const fresh = turns.filter(({ revision }) => revision > known);
        const all = [...old.turns, ...fresh];
        return {
          ...old,
          ...{ actor, turns: all, sentence: null },
          contexts: [...old.contexts, ...contextsOf(fresh, old.contexts.at(-1))],
          at: old.isFollowing ? all.length - 1 : old.at,
        };
      },
      earlierRead: (old, { turns }: { turns: readonly Turn[] }): StoryContext => {
        const all = [...turns, ...old.turns];
        return { ...old, turns: all, contexts: contextsOf(all), at: old.at + turns.length };
      },
      looked: (old, { at }: { at: number }): StoryContext => {
        const index = within(at, old.turns);
        return { ...old, at: index, isFollowing: index === old.turns.length - 1 };
      },
      lineChanged: (old, { isLive }: { isLive: boolean }): StoryContext => ({ ...old, isLive }),
      hindered: (old, { sentence }: { sentence: string }): StoryContext => ({ ...old, sentence }),
    },
  });

export type StoryStore = ReturnType<typeof createStoryStore>;

/** Where a story is read: an operator may look at any actor, a person at their own jobs. */
export interface Source {
  readonly actor: () => Promise<ActorView>;
  readonly journal: (page: { after: number; limit: number }) => Promise<JournalView>;
  /** What the inspector's socket is asked for; null: it is not for this reader. */
  readonly subscribe: ActorName | null;
}

export const forOperator = (name: ActorName): Source => ({
  actor: () => admin.actor(name),
  journal: (page) => admin.journal(name, page),
  subscribe: name,
});

export const forOwner = (id: string): Source => ({
  actor: () => tessera.jobActor(id),
  journal: (page) => tessera.jobJournal(id, page),
  subscribe: null,
});

export function createStory(source: Source) {
  const store = createStoryStore();
  const hindered = (error: unknown) => store.trigger.hindered({ sentence: sentenceOf(error) });
  let isReading = false;
  let isWanted = false;

  /** All turns after a revision, up to another one. */
  async function read(after: number, until = Infinity): Promise<Turn[]> {
    const turns: Turn[] = [];
    for (let last: number | null = after; last !== null && last < until;) {
      const page: JournalView = await source.journal({ after: last, limit: PAGE });
      turns.push(...page.data);
      last = page.next_after;
    }
    return turns.filter(({ revision }) => revision <= until);
  }

  const wholeBefore = (revision: number) =>
    Math.max(0, Math.floor((revision - TURNS_READ) / WHOLE_EVERY) * WHOLE_EVERY);

  async function open(): Promise<void> {
    const actor = await source.actor();
    store.trigger.opened({ actor, turns: await read(wholeBefore(actor.revision)) });
  }

  /** One at a time; what arrives meanwhile is read afterwards. */
  async function catchUp(): Promise<void> {
    isWanted = true;
    if (isReading) return;
    isReading = true;
    try {
      while (isWanted) {
        isWanted = false;
        const { turns, actor } = store.get().context;
        if (actor === null) await open();
        else {
          const fresh = await read(turns.at(-1)?.revision ?? 0);
          if (fresh.length > 0) store.trigger.turned({ actor: await source.actor(), turns: fresh });
        }
      }
    } catch (error) {
      hindered(error);
    } finally {
      isReading = false;
    }
  }

  async function readEarlier(): Promise<void> {
    const first = store.get().context.turns[0]?.revision ?? 1;
    if (first > 1) store.trigger.earlierRead({ turns: await read(wholeBefore(first), first - 1) });
  }

  /** The socket only wakes: what a turn changed and set off is read from the journal. */
  function dial(): WebSocket | null {
    if (source.subscribe === null) return null;
    const socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/v1/admin/inspect`);
    socket.onopen = () => {
      const after = store.get().context.turns.at(-1)?.revision ?? null;
      socket.send(JSON.stringify({ subscribe: { ...source.subscribe, after } }));
      store.trigger.lineChanged({ isLive: true });
      void catchUp();
    };
    socket.onmessage = () => void catchUp();
    socket.onclose = () => store.trigger.lineChanged({ isLive: false });
    return socket;
  }

  /** Without a socket it is asked now and then, until the actor has ended. */
  function listen(): () => void {
    let socket = dial();
    const timer = setInterval(() => {
      if (socket?.readyState === WebSocket.OPEN || store.get().context.actor?.status === 'done')
        return;
      void catchUp();
      socket = dial();
    }, LOOK_AGAIN_MS);
    return () => {
      clearInterval(timer);
      socket?.close();
    };
  }

  /** Begins to read and to follow; answers how to stop it. */
  function start(): () => void {
    let stop = () => {};
    let isOver = false;
    void catchUp().then(() => {
      if (!isOver) stop = listen();
    });
    return () => {
      isOver = true;
      stop();
    };
  }

  return { store, start, readEarlier: () => readEarlier().catch(hindered) };
}

export type Story = ReturnType<typeof createStory>;
