// The other small stores of the page: who I am, what there is to choose from, the draft, its price,
// and how the line to the server is.
import { createStore } from '@xstate/store';
import type { Modality } from '../../../../machines/contract/models.ts';
import type { AccountView, DryRunView, ModelView } from '../../../../machines/contract/views.ts';
import type { StyleListView } from '../../../../machines/contract/styles.ts';
import { type Draft, EMPTY_DRAFT, type Recording } from './draft.ts';

/** entering: no answer yet. refused: this server does not let the visitor in, and says why. */
export type Standing = 'entering' | 'in' | 'refused';
/** lost: there was a line, and it is being restored. */
export type Line = 'connecting' | 'live' | 'lost';

interface SiteContext {
  readonly standing: Standing;
  /** Why it is refused, or what is in the way. */
  readonly sentence: string | null;
  readonly account: AccountView | null;
  readonly models: readonly ModelView[] | null;
  readonly styles: StyleListView['data'];
  readonly line: Line;
}

export const createSiteStore = () =>
  createStore({
    context: {
      standing: 'entering',
      sentence: null,
      account: null,
      models: null,
      styles: [],
      line: 'connecting',
    } as SiteContext,
    on: {
      accountFetched: (context, { account }: { account: AccountView }): SiteContext => ({
        ...context,
        account,
        standing: 'in',
        sentence: null,
      }),
      modelsFetched: (context, { models }: { models: readonly ModelView[] }): SiteContext => ({
        ...context,
        models,
      }),
      stylesFetched: (context, { styles }: { styles: StyleListView['data'] }): SiteContext => ({
        ...context,
        styles,
      }),
      refused: (context, { sentence }: { sentence: string }): SiteContext => ({
        ...context,
        standing: 'refused',
        sentence,
      }),
      hindered: (context, { sentence }: { sentence: string | null }): SiteContext => ({
        ...context,
        sentence,
      }),
      lineChanged: (context, { line }: { line: Line }): SiteContext => ({ ...context, line }),
    },
  });

export type SiteStore = ReturnType<typeof createSiteStore>;

export const createDraftStore = () =>
  createStore({
    context: EMPTY_DRAFT,
    on: {
      replaced: (_draft, { draft }: { draft: Draft }): Draft => draft,
      typed: (draft, { prompt }: { prompt: string }): Draft => ({ ...draft, prompt }),
      modalityChosen: (draft, { modality }: { modality: Modality }): Draft => ({
        ...draft,
        modality,
      }),
      modelChosen: (draft, { model }: { model: string }): Draft => ({
        ...draft,
        models: { ...draft.models, [draft.modality]: model },
      }),
      /** `undefined` hands the choice back to the server. */
      paramsChosen: (draft, { params }: { params: Record<string, unknown> }): Draft => ({
        ...draft,
        params: {
          ...draft.params,
          [draft.modality]: { ...draft.params[draft.modality], ...params },
        },
      }),
      styleChosen: (draft, { style }: { style: string | undefined }): Draft => ({
        ...draft,
        styles: { ...draft.styles, [draft.modality]: style },
      }),
      /** What is not there any more cannot be asked for. */
      stylesKnown: (draft, { styles }: { styles: StyleListView['data'] }): Draft => ({
        ...draft,
        styles: Object.fromEntries(
          Object.entries(draft.styles).filter(([modality, style]) =>
            styles.some(({ id, recipes }) => id === style && modality in recipes),
          ),
        ),
      }),
      countChosen: (draft, { count }: { count: number }): Draft => ({ ...draft, count }),
      recordingChosen: (draft, { recording }: { recording: Recording | null }): Draft => ({
        ...draft,
        recording,
      }),
    },
  });

export type DraftStore = ReturnType<typeof createDraftStore>;

/** What the draft would cost, and what became of the last attempt to send it. */
interface QuoteContext {
  readonly quote: DryRunView | null;
  /** The quote belongs to an older draft; the new one is being asked for. */
  readonly asking: boolean;
  readonly sending: boolean;
  /** Why there is no price, or why it was not accepted. */
  readonly sentence: string | null;
}

export const createQuoteStore = () =>
  createStore({
    context: { quote: null, asking: false, sending: false, sentence: null } as QuoteContext,
    on: {
      asked: (context): QuoteContext => ({ ...context, asking: true }),
      quoted: (context, { quote }: { quote: DryRunView | null }): QuoteContext => ({
        ...context,
        quote,
        asking: false,
        sentence: null,
      }),
      unpriced: (context, { sentence }: { sentence: string }): QuoteContext => ({
        ...context,
        quote: null,
        asking: false,
        sentence,
      }),
      sent: (context): QuoteContext => ({ ...context, sending: true, sentence: null }),
      accepted: (context): QuoteContext => ({ ...context, sending: false, sentence: null }),
      turnedDown: (context, { sentence }: { sentence: string }): QuoteContext => ({
        ...context,
        sending: false,
        sentence,
      }),
    },
  });

export type QuoteStore = ReturnType<typeof createQuoteStore>;
