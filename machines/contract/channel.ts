// Port: short texts between runtimes. Whoever listens is only quicker for it: a message may be lost, so
// nobody may depend on one.

export interface Channel {
  /** Pictures would hold up what matters more. */
  readonly isSlow: boolean;
  /** Connects, and connects again after every break, until it is closed. */
  open(listener: ChannelListener): void;
  /** From now on texts of the topic are received. The sender's own come back, too. */
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  /** Resolves when it was sent, or dropped because there is no connection. Never rejects. */
  publish(topic: string, texts: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

export interface ChannelListener {
  received(topic: string, text: string): void;
  /** Connected, perhaps anew: what was said before may have been missed. */
  connected(): void;
  /** A sentence for the log, once per break. */
  broken(why: string): void;
}
