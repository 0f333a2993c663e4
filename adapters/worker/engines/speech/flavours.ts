// In what the servers differ that speak the OpenAI call `POST /v1/audio/speech`. What is the same for all of them
// is in `client.ts`; an operator may correct each of these in the settings of a model.
import type { SoundFormat } from '../sound-files/probe.ts';

export interface Flavour {
  readonly healthPath: string;
  /** Where the server lists its voices; null where it does not. */
  readonly voicesPath: string | null;
  /** It streams unless it is told not to, and then cannot report what goes wrong. */
  readonly takesStream: boolean;
  readonly takesSeed: boolean;
  readonly formats: readonly SoundFormat[];
  /** How the memory is given back; null where the server cannot. */
  readonly unload: ((model: string) => { method: string; path: string; body?: unknown }) | null;
  /** What brings a server back that answers 503 after it was unloaded. */
  readonly wakePath?: string;
}

const ALL_FORMATS = ['wav', 'mp3', 'flac', 'opus'] as const;
const PLAIN: Flavour = {
  healthPath: '/health',
  voicesPath: null,
  takesStream: false,
  takesSeed: false,
  formats: ALL_FORMATS,
  unload: null,
};

const segments = (path: string) => path.split('/').map(encodeURIComponent).join('/');

export const FLAVOURS = {
  kokoro: {
    ...PLAIN,
    voicesPath: '/v1/audio/voices',
    takesStream: true,
    unload: () => ({ method: 'POST', path: '/dev/unload' }),
  },
  openedai: PLAIN,
  chatterbox: {
    ...PLAIN,
    healthPath: '/api/model-info',
    voicesPath: '/v1/audio/voices',
    takesSeed: true,
    formats: ['wav', 'mp3', 'opus'],
    unload: () => ({ method: 'POST', path: '/api/unload' }),
    wakePath: '/restart_server',
  },
  speaches: {
    ...PLAIN,
    voicesPath: '/v1/audio/voices',
    unload: (model) => ({ method: 'DELETE', path: `/api/ps/${segments(model)}` }),
  },
  localai: {
    ...PLAIN,
    healthPath: '/readyz',
    voicesPath: '/v1/audio/voices',
    unload: (model) => ({ method: 'POST', path: '/backend/shutdown', body: { model } }),
  },
  /** Whatever else speaks the call: asked for its models to see whether it is there. */
  openai: { ...PLAIN, healthPath: '/v1/models' },
} as const satisfies Record<string, Flavour>;

export type FlavourName = keyof typeof FLAVOURS;
export const FLAVOUR_NAMES = Object.keys(FLAVOURS) as [FlavourName, ...FlavourName[]];
