// An authenticator in software: keeps a key, counts, and answers as WebAuthn says (ES256, no attestation).
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';

type Cbor = number | string | Buffer | Map<Cbor, Cbor>;

/** As much of CBOR as an authenticator speaks. */
function cbor(value: Cbor): Buffer {
  const head = (major: number, n: number) =>
    n < 24
      ? Buffer.from([(major << 5) | n])
      : n < 256
        ? Buffer.from([(major << 5) | 24, n])
        : Buffer.from([(major << 5) | 25, n >> 8, n & 255]);
  if (typeof value === 'number') return value >= 0 ? head(0, value) : head(1, -1 - value);
  if (typeof value === 'string') return Buffer.concat([head(3, value.length), Buffer.from(value)]);
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value]);
  const entries = [...value].flatMap(([key, each]) => [cbor(key), cbor(each)]);
  return Buffer.concat([head(5, value.size), ...entries]);
}

const sha256 = (data: string | Buffer): Buffer => createHash('sha256').update(data).digest();

interface Options {
  readonly challenge?: unknown;
}

export class SoftwareAuthenticator {
  readonly id = randomBytes(16);
  readonly #key = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  /** Says so with each use; one that stays at 0 does not count. */
  counter = 0;
  origin: string;
  rpId: string;
  /** Whether its owner showed that it is them. */
  isVerified = true;

  constructor(origin: string) {
    this.origin = origin;
    this.rpId = new URL(origin).hostname;
  }

  create({ challenge }: Options) {
    const { x, y } = this.#key.publicKey.export({ format: 'jwk' });
    const point = (value: string | undefined) => Buffer.from(value ?? '', 'base64url');
    const cose = new Map<Cbor, Cbor>([
      ...([
        [1, 2],
        [3, -7],
        [-1, 1],
      ] as [number, number][]),
      ...([
        [-2, point(x)],
        [-3, point(y)],
      ] as [number, Buffer][]),
    ]);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(this.id.length);
    const credential = Buffer.concat([Buffer.alloc(16), length, this.id, cbor(cose)]);
    const attestation = new Map<Cbor, Cbor>([
      ['fmt', 'none'],
      ['attStmt', new Map()],
      ['authData', this.#data(0x40, credential)],
    ]);
    return this.#response({
      ...{ clientDataJSON: this.#said('webauthn.create', challenge).toString('base64url') },
      attestationObject: cbor(attestation).toString('base64url'),
      transports: ['internal'],
    });
  }

  use({ challenge }: Options) {
    const said = this.#said('webauthn.get', challenge);
    const data = this.#data(0, Buffer.alloc(0));
    const signed = sign('sha256', Buffer.concat([data, sha256(said)]), this.#key.privateKey);
    return this.#response({
      ...{ clientDataJSON: said.toString('base64url'), signature: signed.toString('base64url') },
      authenticatorData: data.toString('base64url'),
    });
  }

  #said(type: string, challenge: unknown): Buffer {
    return Buffer.from(
      JSON.stringify({ type, challenge, origin: this.origin, crossOrigin: false }),
    );
  }

  #data(flags: number, rest: Buffer): Buffer {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(this.counter);
    const present = 0x01 | (this.isVerified ? 0x04 : 0);
    return Buffer.concat([sha256(this.rpId), Buffer.from([flags | present]), counter, rest]);
  }

  #response(response: object) {
    const id = this.id.toString('base64url');
    return { ...{ id, rawId: id, type: 'public-key', clientExtensionResults: {} }, response };
  }
}
