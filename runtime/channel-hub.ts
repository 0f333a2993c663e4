// The channel between runtimes of one process: for tests, for simulations, and for the one that is alone.
import type { Channel, ChannelListener } from '../machines/contract/channel.ts';

export class ChannelHub {
  readonly #members = new Set<{ topics: Set<string>; listener: ChannelListener }>();
  readonly #isLost: (topic: string, text: string) => boolean;

  /** @param isLost a simulation's word on each message */
  constructor(isLost: (topic: string, text: string) => boolean = () => false) {
    this.#isLost = isLost;
  }

  channel(): Channel {
    const topics = new Set<string>();
    let member: { topics: Set<string>; listener: ChannelListener } | null = null;
    return {
      isSlow: false,
      open: (listener) => {
        member = { topics, listener };
        this.#members.add(member);
        listener.connected();
      },
      subscribe: (topic) => void topics.add(topic),
      unsubscribe: (topic) => void topics.delete(topic),
      publish: (topic, texts) => {
        const sent = member ? texts.filter((text) => !this.#isLost(topic, text)) : [];
        for (const each of [...this.#members])
          if (each.topics.has(topic)) for (const text of sent) each.listener.received(topic, text);
        return Promise.resolve();
      },
      close: () => {
        if (member) this.#members.delete(member);
        member = null;
        return Promise.resolve();
      },
    };
  }
}
