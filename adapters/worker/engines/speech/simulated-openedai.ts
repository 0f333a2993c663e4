// openedai-speech's words, with the piper program behind it: every model is taken, speed changes nothing there.
import type { SimulatedRequest } from '../simulator-testing.ts';
import type { Reply, SimulatedDialect, SpeechServer } from './simulator.ts';

const VOICES = ['alloy', 'echo', 'fable', 'onyx', 'nova', 'shimmer'];
const FORMATS = ['mp3', 'opus', 'aac', 'flac', 'wav', 'pcm'];

const json = (body: unknown, status = 200): Reply => ({ status, body });
const bad = (message: string, param: string): Reply =>
  json({ message, code: 400, type: 'BadRequestError', param }, 400);
const missing = (place: string, name: string, input: unknown): Reply =>
  json({ detail: [{ type: 'missing', loc: [place, name], msg: 'Field required', input }] }, 422);
const modelOf = (id: string) => ({ id, object: 'model', created: 0, owned_by: 'user' });

export const OPENEDAI: SimulatedDialect = {
  rate: 22_050,
  obeysSpeed: false,
  contentTypes: {
    mp3: 'audio/mpeg',
    wav: 'audio/wav',
    pcm: 'audio/pcm;rate=22050',
    opus: 'audio/ogg;codec=opus',
    flac: 'audio/x-flac',
    aac: 'audio/aac',
  },
  speechHeads: () => ({}),
  defaults: { model: 'tts-1', voice: 'alloy', response_format: 'mp3', speed: 1, stream: true },
  answer,
  complaint,
};

function answer({ method, path }: SimulatedRequest): Reply | null {
  switch (`${method} ${path}`) {
    case 'GET /health':
      return json({ status: 'ok' });
    case 'GET /v1/models':
      return json({ object: 'list', data: ['tts-1', 'tts-1-hd'].map(modelOf) });
    case 'GET /v1/models/tts-1':
      return missing('query', 'model_id', null);
    case 'GET /v1/billing/usage':
      return json({ total_usage: 0 });
    case 'GET /':
      return json('');
    default:
      return null;
  }
}

function complaint(said: Record<string, unknown>, server: SpeechServer): Reply | null {
  const { input, voice = 'alloy', response_format: format = 'mp3' } = said;
  if (typeof input !== 'string') return missing('body', 'input', said);
  if (input === '') return bad('Empty Input', 'input');
  if (!FORMATS.includes(String(format)))
    return bad(`Invalid response_format: '${String(format)}'`, 'response_format');
  if (server.mishaps.isModelGone) return json({ detail: 'Model tts-1 not found' }, 404);
  if (VOICES.includes(String(voice))) return null;
  return bad(`Error loading voice: ${String(voice)}, KeyError: '${String(voice)}'`, 'voice');
}
