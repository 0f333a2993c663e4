// Port: bytes by content. An id is `sha256:` and the hex digest, so equal bytes are stored once. Whose
// they are is not known here: that is a row of `blobs`, or a job's output.

export interface Blobs {
  /** Bytes of an unfinished upload that are already held; 0 when there is none. */
  offset(upload: string): Promise<number>;
  /** Appends at `offset` (which must equal what is held). Returns the bytes held afterwards. */
  append(upload: string, offset: number, bytes: AsyncIterable<Uint8Array>): Promise<number>;
  /** Checks length and digest, then makes the upload readable under `id`; throws `BlobMismatch`. */
  finish(upload: string, id: string, bytesTotal: number): Promise<void>;
  discard(upload: string): Promise<void>;
  /** Stores bytes of unknown digest, at most `bytesMax`; throws `BlobTooLarge`. */
  put(bytes: AsyncIterable<Uint8Array>, bytesMax: number): Promise<{ id: string; bytes: number }>;
  has(id: string): Promise<boolean>;
  /** Null when it is not stored. */
  size(id: string): Promise<number | null>;
  /** Bytes from `start` to `end` inclusive. Throws `BlobMissing`. */
  read(
    id: string,
    start?: number,
    end?: number,
  ): Promise<{ bytesTotal: number; body: AsyncIterable<Uint8Array> }>;
}

/** What housekeeping needs besides. */
export interface BlobKeeping {
  /** Ids of what was stored longer ago than this, in slices. */
  storedBefore(ageMs: number): AsyncIterable<readonly string[]>;
  /** Removes it, unless it was stored anew within that time; answers whether it did. */
  remove(id: string, ageMs: number): Promise<boolean>;
  /** Removes uploads that nobody went on with for a day; answers how many. */
  sweepUploads(): Promise<number>;
}

export class BlobMissing extends Error {
  override readonly name = 'BlobMissing';
}
/** Also thrown by `append` when `offset` is not what is held. */
export class BlobMismatch extends Error {
  override readonly name = 'BlobMismatch';
}
export class BlobTooLarge extends Error {
  override readonly name = 'BlobTooLarge';
}
