// The calls of a frontend (a bot): for nobody in particular, beside those it makes for a person (`actingFor`).
import type {
  ActionView,
  DeliveryChange,
  DeliveryListView,
  DeliveryView,
  PreferencesView,
} from '../../machines/contract/frontend-views.ts';
import { caller, type CallOptions, type ClientOptions, type PageOptions } from './http.ts';

// A large result over a slow line.
const BYTES_TIMEOUT_MS = 600_000;

export type FrontendClient = ReturnType<typeof createFrontendClient>;
export type Preferences = Readonly<Record<string, unknown>>;

export function createFrontendClient(options: Omit<ClientOptions, 'user'>) {
  const call = caller(options);
  const personal = (user: string) => caller({ ...options, user });
  const ofDelivery = (job: string) => `/v1/deliveries/${encodeURIComponent(job)}`;
  const ofPerson = (name: string) => `/v1/account/preferences/${encodeURIComponent(name)}`;
  const ofChat = (chat: string, name: string) =>
    `/v1/chats/${encodeURIComponent(chat)}/preferences/${encodeURIComponent(name)}`;

  return {
    /** A page of what is still to be brought, oldest first. */
    deliveries: ({ signal, bot, ...page }: PageOptions & { readonly bot?: string } = {}) => {
      const query = new URLSearchParams();
      for (const [name, value] of Object.entries({ ...page, bot }))
        if (value !== undefined) query.set(name, String(value));
      return call<DeliveryListView>('GET', `/v1/deliveries?${query}`, { signal });
    },
    delivery: (job: string, { signal }: CallOptions = {}) =>
      call<DeliveryView>('GET', ofDelivery(job), { signal }),
    changeDelivery: (job: string, change: DeliveryChange, { signal }: CallOptions = {}) =>
      call<DeliveryView>('PATCH', ofDelivery(job), { json: change, signal }),
    output: (job: string, n: number, { signal }: CallOptions = {}) =>
      call.raw('GET', `${ofDelivery(job)}/outputs/${n}`, { signal, timeoutMs: BYTES_TIMEOUT_MS }),

    /** Ids for buttons, in the order of what they mean. */
    actions: async (user: string, meanings: readonly Preferences[]): Promise<readonly string[]> => {
      const json = { meanings };
      const { data } = await personal(user)<{ data: { id: string }[] }>('POST', '/v1/actions', {
        json,
      });
      return data.map(({ id }) => id);
    },
    /** @param user who pressed it */
    action: (id: string, user: string) =>
      personal(user)<ActionView>('GET', `/v1/actions/${encodeURIComponent(id)}`, {}),

    preferences: async (user: string, name: string): Promise<Preferences> =>
      (await personal(user)<PreferencesView>('GET', ofPerson(name), {})).value,
    setPreferences: async (user: string, name: string, value: Preferences): Promise<void> => {
      await personal(user)('PUT', ofPerson(name), { json: { value } });
    },
    chatPreferences: async (chat: string, name: string): Promise<Preferences> =>
      (await call<PreferencesView>('GET', ofChat(chat, name), {})).value,
    setChatPreferences: async (chat: string, name: string, value: Preferences): Promise<void> => {
      await call('PUT', ofChat(chat, name), { json: { value } });
    },
  };
}
