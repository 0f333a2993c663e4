// A server on loopback that hands out files, in whole or from where an earlier try ended, and a way to make files
// that are what adaptations are.
import { createHash } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export function adaptation(seed: number, numbers = 4_000): Buffer {
  const data = Buffer.alloc(numbers * 2, seed);
  const head = Buffer.from(
    JSON.stringify({
      __metadata__: { format: 'pt' },
      'unet.down.weight': { dtype: 'F16', shape: [numbers / 4, 2], data_offsets: [0, numbers] },
      'unet.up.weight': {
        dtype: 'BF16',
        shape: [2, numbers / 4],
        data_offsets: [numbers, numbers * 2],
      },
    }),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(head.length));
  return Buffer.concat([length, head, data]);
}

export const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

export interface Shop {
  readonly url: string;
  readonly files: Map<string, Buffer>;
  /** `GET path range`, as they came. */
  readonly asked: string[];
  /** The next answer stops after so many bytes until `release` or `breakOff`. */
  hold(bytes: number): void;
  /** Resolves when a held answer has sent what it may. */
  readonly reached: () => Promise<void>;
  release(): void;
  /** The line of a held answer breaks. */
  breakOff(): void;
  readonly redirects: Map<string, string>;
  isWithoutLength: boolean;
  close(): Promise<void>;
}

export async function openShop(): Promise<Shop> {
  const files = new Map<string, Buffer>();
  const redirects = new Map<string, string>();
  const asked: string[] = [];
  let heldAt: number | null = null;
  let held: { response: ServerResponse; rest: Buffer } | null = null;
  let reached = Promise.withResolvers<void>();

  const send = (response: ServerResponse, body: Buffer) => {
    if (heldAt === null) return void response.end(body);
    const bytes = heldAt;
    heldAt = null;
    held = { response, rest: body.subarray(bytes) };
    response.write(body.subarray(0, bytes), () => reached.resolve());
  };

  const server = createServer(({ method, url = '/', headers: { range } }, response) => {
    asked.push([method, url, range].filter(Boolean).join(' '));
    const target = redirects.get(url);
    if (target !== undefined) return void response.writeHead(302, { location: target }).end();
    const file = files.get(url);
    if (!file) return void response.writeHead(404).end();
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    if (from >= file.length && from > 0) return void response.writeHead(416).end();
    const part = file.subarray(from);
    const length = shop.isWithoutLength ? {} : { 'content-length': part.length };
    const place = { 'content-range': `bytes ${from}-${file.length - 1}/${file.length}` };
    response.writeHead(from > 0 ? 206 : 200, { ...length, ...(from > 0 && place) });
    send(response, part);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  const shop: Shop = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    files,
    asked,
    redirects,
    isWithoutLength: false,
    hold: (bytes) => {
      heldAt = bytes;
      reached = Promise.withResolvers();
    },
    reached: () => reached.promise,
    release: () => void held?.response.end(held.rest),
    breakOff: () => void held?.response.destroy(),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return shop;
}
