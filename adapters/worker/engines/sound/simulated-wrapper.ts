// A small FastAPI server as people write one around AudioCraft, each with a shape of its own: bytes at /generate,
// base64 at /encoded, the address of a file at /linked.
import type { ServerResponse } from 'node:http';
import type { SimulatedRequest } from '../simulator-testing.ts';
import { bodyOf, remember, reply, soundOf, work, type SoundServer } from './simulator.ts';

export async function answerWrapper(
  server: SoundServer,
  request: SimulatedRequest,
  response: ServerResponse,
): Promise<void> {
  const said = bodyOf(request);
  const { fileUrl, msPerSecond, isOutOfMemory } = server.mishaps;
  const seconds = Number(said['duration'] ?? request.query.get('seconds') ?? 5);
  const seed = Number(said['seed'] ?? request.query.get('seed') ?? 0);
  switch (request.path) {
    case '/health':
      return reply(response, 200, { ok: true });
    case '/load':
      if (!server.models.has(String(said['model'])))
        return reply(response, 404, { detail: `Model ${String(said['model'])} not found` });
      server.loaded.add(String(said['model']));
      return reply(response, 200, {});
    case '/unload':
      server.loaded.clear();
      return reply(response, 200, {});
    case '/file':
      return sendSound(response, soundOf(server, seconds, seed));
    case '/generate':
    case '/encoded':
    case '/linked':
      break;
    default:
      return reply(response, 404, { detail: 'Not Found' });
  }
  if (typeof said['text'] !== 'string') {
    const missing = { type: 'missing', loc: ['body', 'text'], msg: 'Field required', input: said };
    return reply(response, 422, { detail: [missing] });
  }
  if (server.models.size === 0) return reply(response, 404, { detail: 'Model music not found' });
  remember(server, said);
  await work(server, seconds * msPerSecond, response);
  if (response.destroyed) return;
  if (isOutOfMemory)
    return reply(response, 500, { detail: 'OutOfMemoryError: CUDA out of memory.' });
  const sound = soundOf(server, seconds, seed);
  if (request.path === '/generate') return sendSound(response, sound);
  if (request.path === '/encoded')
    return reply(response, 200, { audio: { base64: sound.toString('base64') } });
  reply(response, 200, { files: [fileUrl ?? `/file?seconds=${seconds}&seed=${seed}`] });
}

const sendSound = (response: ServerResponse, sound: Buffer): void =>
  void response.writeHead(200, { 'content-type': 'audio/wav' }).end(sound);
