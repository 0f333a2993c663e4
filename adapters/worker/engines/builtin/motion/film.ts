// What an encoder is given: frames one after another, never all at once unless it must have them.

export interface Film {
  readonly width: number;
  readonly height: number;
  readonly seconds: number;
  readonly frameCount: number;
  /** Red, green, blue bytes of each frame, in order. */
  frames(): AsyncIterable<Uint8Array>;
}
