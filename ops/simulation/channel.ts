// How simulated runtimes hear of each other: short texts that may be late or lost, and who is seen alive.
import type { Channel, ChannelListener } from '../../machines/contract/channel.ts';
import type { Presence } from '../../runtime/leases.ts';
import type { Random } from './random.ts';
import type { Owner } from './scheduler.ts';
import type { World } from './world.ts';

interface Member {
  readonly owner: Owner;
  readonly runtimeId: string;
  readonly topics: Set<string>;
  listener: ChannelListener | null;
}

export class Ether {
  readonly #world: World;
  readonly #members = new Set<Member>();

  constructor(world: World) {
    this.#world = world;
  }

  channel(owner: Owner, runtimeId: string, random: Random): Channel {
    const member: Member = { owner, runtimeId, topics: new Set(), listener: null };
    const { scheduler } = this.#world;
    return {
      isSlow: false,
      open: (listener) => {
        member.listener = listener;
        this.#members.add(member);
        listener.connected();
      },
      subscribe: (topic) => void member.topics.add(topic),
      unsubscribe: (topic) => void member.topics.delete(topic),
      publish: (topic, texts) => {
        for (const text of texts) this.#send(member, topic, text, random);
        return new Promise((resolve) =>
          scheduler.after(random.between(0.1, 2), owner, 'has signalled', resolve),
        );
      },
      close: () => {
        this.#members.delete(member);
        return Promise.resolve();
      },
    };
  }

  #send(from: Member, topic: string, text: string, random: Random): void {
    const { scheduler } = this.#world;
    for (const to of this.#members) {
      if (!to.owner.isAlive) this.#members.delete(to);
      else if (to.topics.has(topic) && !this.#isCutOff(from) && !this.#isCutOff(to)) {
        if (this.#world.befalls('signalLost', random, from.owner.name)) continue;
        scheduler.after(random.logarithmic(0.2, 20), to.owner, 'signal', () =>
          to.listener?.received(topic, text),
        );
      }
    }
  }

  #isCutOff({ owner }: Member): boolean {
    return this.#world.isAway(owner);
  }

  /** As the store sees it: a runtime that is cut off from it counts as gone. */
  presence(owner: Owner, runtimeId: string): Presence {
    const world = this.#world;
    const isSeen = (member: Member): boolean => member.owner.isAlive && !this.#isCutOff(member);
    const member: Member = { owner, runtimeId, topics: new Set(), listener: null };
    const here = this.#present;
    return {
      open: () => {
        here.add(member);
        return Promise.resolve();
      },
      get others() {
        if (!isSeen(member)) return null;
        return [...here].filter((each) => each !== member && isSeen(each)).length;
      },
      isHere: (id) =>
        isSeen(member) ? [...here].some((each) => each.runtimeId === id && isSeen(each)) : null,
      async endLeasesOfTheGone() {
        if (!isSeen(member)) return;
        for (const [name, { holder, term }] of world.memory.tables.leases) {
          const isGone = ![...here].some((each) => each.runtimeId === holder && isSeen(each));
          if (holder === null || !isGone) continue;
          world.seen('The leases of a dead runtime are freed at once.');
          await world.memory.releaseLease({ name, term }, holder);
        }
      },
      close: () => {
        here.delete(member);
        return Promise.resolve();
      },
    };
  }

  readonly #present = new Set<Member>();
}
