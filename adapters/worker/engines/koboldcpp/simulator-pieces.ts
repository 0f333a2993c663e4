// Speech, transcription, pictures: real files where the simulated model can make them, and otherwise what the real
// server says then: 200, and nothing.
import type { ServerResponse } from 'node:http';
import sharp from 'sharp';
import type { SimulatedRequest } from '../simulator-testing.ts';
import { wrapPcm } from '../sound-files/wav.ts';
import { send, sendJson } from './simulator-answers.ts';
import type { KoboldSimulator } from './simulator.ts';

type Fields = Readonly<Record<string, unknown>>;
const PIECES =
  /^\/(?:sdapi\/v1\/(?:txt2img|img2img)|api\/extra\/(?:tts|transcribe|music\/generate)|v1\/(?:embeddings|audio\/(?:speech|transcriptions)))$/;

export const isPiece = (path: string) => PIECES.test(path);

export async function sendPiece(
  { process, wire }: KoboldSimulator,
  request: SimulatedRequest,
  response: ServerResponse,
  fields: Fields,
): Promise<void> {
  const { path } = request;
  const can = (ability: 'tts' | 'transcribe' | 'txt2img') =>
    process.model.abilities?.includes(ability) ?? false;
  const isAble = /txt2img|img2img/.test(path)
    ? can('txt2img')
    : /transcri/.test(path)
      ? can('transcribe')
      : can('tts');
  if (isAble) await process.piece();
  if (process.isDead) return void response.destroy();
  if (path === '/v1/embeddings')
    return sendJson(response, wire, {
      object: 'list',
      data: [{ object: 'embedding', index: 0, embedding: [] }],
      model: 'inactive',
      usage: { prompt_tokens: 0, total_tokens: 0 },
    });
  if (path.startsWith('/sdapi/')) {
    if (isAble) process.counters.images += 1;
    const picture = isAble ? (await drawn(fields)).toString('base64') : '';
    return sendJson(response, wire, {
      images: [picture],
      parameters: {},
      info: JSON.stringify({ job_timestamp: '20261123120931' }),
      animated: false,
      extra_data: '',
      final_frame: '',
    });
  }
  if (/transcri/.test(path)) {
    const isHeard = isAble && isRecording(request, fields);
    if (isHeard) process.counters.transcriptions += 1;
    const words = process.model.hears ?? ' The quick brown fox jumps.';
    return sendJson(response, wire, { text: isHeard ? words : '' });
  }
  const isMp3 = fields['response_format'] === 'mp3' && isAble;
  if (isAble) process.counters.speeches += 1;
  const sound = !isAble || path.includes('music') ? Buffer.alloc(0) : isMp3 ? mp3() : tone(fields);
  send(response, wire, 200, isMp3 ? 'audio/mpeg' : 'audio/wav', sound);
}

function drawn(fields: Fields): Promise<Buffer> {
  const seed = Number(fields['seed'] ?? 1);
  return sharp({
    create: {
      width: Number(fields['width'] ?? 512),
      height: Number(fields['height'] ?? 512),
      channels: 3,
      background: { r: seed & 255, g: (seed >> 8) & 255, b: (seed >> 16) & 255 },
    },
  })
    .png()
    .toBuffer();
}

function isRecording({ path, body }: SimulatedRequest, fields: Fields): boolean {
  const audio = path.startsWith('/api/')
    ? Buffer.from(String(fields['audio_data'] ?? '').replace(/^data:[^,]*,/, ''), 'base64')
    : body;
  return audio.includes('WAVEfmt ');
}

const RATE = 24_000;

/** A tone as long as the text. */
function tone(fields: Fields): Buffer {
  const text = String(fields['input'] ?? fields['text'] ?? '');
  const samples = Math.round(RATE * Math.max(0.1, text.length * 0.06));
  const data = Buffer.alloc(samples * 2);
  for (let at = 0; at < samples; at += 1)
    data.writeInt16LE(Math.round(9000 * Math.sin(at / 8)), at * 2);
  return Buffer.from(wrapPcm(data, RATE));
}

/** Frames of silence: 128 kbit/s, 44.1 kHz. */
function mp3(): Buffer {
  const frame = Buffer.alloc(417);
  frame.writeUInt32BE(0xfffb9064, 0);
  return Buffer.concat(Array.from({ length: 40 }, () => frame));
}
