// LocalAI's sound generation: models load on first use, the answer comes when all is done.
import type { ServerResponse } from 'node:http';
import type { SimulatedRequest } from '../simulator-testing.ts';
import { bodyOf, remember, reply, soundOf, work, type SoundServer } from './simulator.ts';

export async function answerLocalAi(
  server: SoundServer,
  request: SimulatedRequest,
  response: ServerResponse,
): Promise<void> {
  const said = bodyOf(request);
  const refuse = (code: number, message: string) =>
    reply(response, code, { error: { code, message, type: '' } });
  const model = String(said['model'] ?? said['model_id']);
  switch (`${request.method} ${request.path}`) {
    case 'GET /readyz':
      return void response.writeHead(200, { 'content-type': 'text/plain' }).end('OK');
    case 'POST /backend/load':
      if (!server.models.has(model)) return refuse(404, `model "${model}" not found`);
      server.loaded.add(model);
      return reply(response, 200, { success: true });
    case 'POST /backend/shutdown':
      if (!server.loaded.delete(model)) return refuse(500, `model ${model} not found`);
      return reply(response, 200, null);
    case 'POST /v1/sound-generation': {
      if (!server.models.has(model)) return refuse(400, `model "${model}" not found`);
      remember(server, said);
      const seconds = Number(said['duration_seconds'] ?? 5);
      await work(server, seconds * server.mishaps.msPerSecond, response);
      if (response.destroyed) return;
      server.loaded.add(model);
      if (server.mishaps.isOutOfMemory) return refuse(500, 'rpc error: CUDA out of memory');
      const file = soundOf(server, seconds, 0);
      return void response.writeHead(200, { 'content-type': 'audio/wav' }).end(file);
    }
    default:
      return refuse(404, 'Resource not found');
  }
}
