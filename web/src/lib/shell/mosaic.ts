// A small deterministic mosaic from words: the same words always lay the same stones.
export interface Stone {
  readonly x: number;
  readonly y: number;
  /** 0 to 4: which of the five colours. */
  readonly hue: number;
  /** 0 to 1: when it is laid, as a share of the whole. */
  readonly turn: number;
  /** 0 to 1: how strong its colour is. */
  readonly strength: number;
}

export function stones(words: string, columns: number, rows: number): readonly Stone[] {
  const random = generator(words);
  const stream = random() * 6;
  const laid = Array.from({ length: columns * rows }, (_, n) => {
    const x = n % columns;
    const y = Math.floor(n / columns);
    // Neighbours share a colour more often than not, as in a hand-laid floor.
    const drift = Math.sin((x + stream) * 0.9) + Math.cos((y - stream) * 1.1) + random() * 1.6;
    return {
      x,
      y,
      hue: Math.abs(Math.floor(drift * 1.7)) % 5,
      strength: 0.45 + random() * 0.55,
      // From the middle outwards, not quite in order.
      order: Math.hypot(x - (columns - 1) / 2, y - (rows - 1) / 2) + random() * columns * 0.45,
    };
  });
  const byOrder = laid.map((stone) => stone.order).sort((a, b) => a - b);
  return laid.map(({ order, ...stone }) => ({
    ...stone,
    turn: (byOrder.indexOf(order) + 0.5) / laid.length,
  }));
}

/** Mulberry32 on a hash of the words: small, and good enough for stones. */
function generator(words: string): () => number {
  let state = 2166136261;
  for (let n = 0; n < words.length; n += 1) {
    state = Math.imul(state ^ words.charCodeAt(n), 16777619);
  }
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
