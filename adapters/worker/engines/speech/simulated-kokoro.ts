// Kokoro-FastAPI's words: its lists, its complaints, its content types.
import type { SimulatedRequest } from '../simulator-testing.ts';
import { KOKORO_VOICES } from './kokoro-voices-testing.ts';
import type { Reply, SimulatedDialect, SpeechServer } from './simulator.ts';

const MODELS = ['tts-1', 'tts-1-hd', 'kokoro', 'gpt-4o-mini-tts'];
const FORMATS = ['mp3', 'opus', 'aac', 'flac', 'wav', 'pcm'];

const modelOf = (id: string) => ({
  id,
  object: 'model',
  created: 1_686_935_002,
  owned_by: 'kokoro',
});
const json = (body: unknown, status = 200): Reply => ({ status, body });
const refusal = (status: number, error: string, message: string): Reply =>
  json({ detail: { error, message, type: 'invalid_request_error' } }, status);
const issue = (issues: object): Reply => json({ detail: [issues] }, 422);

export const KOKORO: SimulatedDialect = {
  rate: 24_000,
  obeysSpeed: true,
  contentTypes: {
    mp3: 'audio/mpeg',
    wav: 'audio/wav',
    pcm: 'audio/pcm',
    opus: 'audio/opus',
    flac: 'audio/flac',
    aac: 'audio/aac',
  },
  speechHeads: (format) => ({
    'content-disposition': `attachment; filename=speech.${format}`,
    'x-accel-buffering': 'no',
  }),
  defaults: { model: 'kokoro', voice: 'af_heart', response_format: 'mp3', speed: 1, stream: true },
  answer,
  complaint,
};

function answer({ method, path, query }: SimulatedRequest, server: SpeechServer): Reply | null {
  switch (`${method} ${path}`) {
    case 'GET /health':
      return json({ status: 'healthy' });
    case 'GET /v1/models':
      return json({ object: 'list', data: MODELS.map(modelOf) });
    case 'GET /v1/audio/voices':
      return json({
        voices: query.has('legacy') ? KOKORO_VOICES : KOKORO_VOICES.map((id) => ({ id, name: id })),
      });
    case 'GET /v1/audio/speech':
      return json({ detail: 'Method Not Allowed' }, 405);
    case 'POST /dev/unload':
      server.isLoaded = false;
      return json({ status: 'unloaded' });
    case 'POST /dev/captioned_speech':
      return json({ audio: 'SUQz', audio_format: 'audio/mpeg', timestamps: [] });
  }
  const id = /^\/v1\/models\/(.+)$/.exec(path)?.[1];
  if (id === undefined) return null;
  return MODELS.includes(id)
    ? json(modelOf(id))
    : refusal(404, 'model_not_found', `Model '${id}' not found`);
}

function complaint(said: Record<string, unknown>, server: SpeechServer): Reply | null {
  const { model = 'kokoro', input, voice = 'af_heart', response_format: format, speed = 1 } = said;
  if (typeof input !== 'string')
    return issue({ type: 'missing', loc: ['body', 'input'], msg: 'Field required', input: said });
  if (format !== undefined && !FORMATS.includes(format as string)) {
    const expected = "'mp3', 'opus', 'aac', 'flac', 'wav' or 'pcm'";
    const msg = `Input should be ${expected}`;
    const loc = ['body', 'response_format'];
    return issue({ type: 'literal_error', loc, msg, input: format, ctx: { expected } });
  }
  if (typeof speed === 'number' && speed > 4) {
    const msg = 'Input should be less than or equal to 4';
    const loc = ['body', 'speed'];
    return issue({ type: 'less_than_equal', loc, msg, input: speed, ctx: { le: 4 } });
  }
  if (!MODELS.includes(String(model)) || server.mishaps.isModelGone)
    return refusal(400, 'invalid_model', `Unsupported model: ${String(model)}`);
  // A mix such as af_bella(2)+af_sky is as good as its parts.
  const names = String(voice)
    .split('+')
    .map((name) => name.replace(/\(.*\)$/, ''));
  const stranger = names.find((name) => !KOKORO_VOICES.includes(name));
  if (stranger === undefined) return null;
  const all = KOKORO_VOICES.join(', ');
  const message = `Voice '${stranger}' not found. Available voices: ${all}`;
  return refusal(400, 'validation_error', message);
}
