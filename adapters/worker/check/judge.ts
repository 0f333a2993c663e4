// From facts to sentences. Pure.
import type { Facts, Finding, RuntimeFacts } from './facts.ts';
import { judgeEngines } from './judge-engines.ts';
import { judgeMachine } from './judge-machine.ts';

/** Tickets and links are good for minutes; with a clock so far off they are over before they begin. */
const SKEW_MAX_MS = 30_000;

export const judge = (facts: Facts): Finding[] => [
  ...judgeMachine(facts),
  ...judgeEngines(facts),
  ...judgeRuntime(facts.runtime),
];

export const isReady = (findings: readonly Finding[]): boolean =>
  findings.every(({ level }) => level !== 'missing');

const KEYS: Readonly<Record<RuntimeFacts['key'], readonly [Finding['level'], string]>> = {
  accepted: ['fine', 'The runtime accepts the key of this worker.'],
  refused: [
    'missing',
    'The runtime refuses the key of this worker: it is of another kind, was revoked, or belongs to another ' +
      'runtime. `tessera key enrol`, said beside the runtime, makes a token for a new one.',
  ],
  none: [
    'missing',
    'This worker has no key. `tessera key enrol`, said beside the runtime, makes a token; here, `tessera worker enrol TOKEN` gets the key for it.',
  ],
  token: ['fine', 'This worker has no key yet; it gets one for its token at the first start.'],
  unknown: ['warning', 'Whether the runtime accepts the key could not be asked.'],
};

export function judgeRuntime({ url, problem, key, skewMs }: RuntimeFacts): Finding[] {
  const say = (level: Finding['level'], sentence: string): Finding => ({
    level,
    about: 'runtime',
    sentence,
  });
  const found =
    problem === null
      ? [say('fine', `The runtime answers at ${url}.`)]
      : [
          say(
            'missing',
            `The runtime does not answer at ${url} (${problem}). Start it, or set TESSERA_URL to where it is.`,
          ),
        ];
  // Without an answer nothing is known of the key, which is no second trouble.
  if (problem === null || key === 'none') found.push(say(...KEYS[key]));
  if (skewMs !== null && Math.abs(skewMs) > SKEW_MAX_MS) {
    const seconds = Math.round(Math.abs(skewMs) / 1000);
    found.push(
      say(
        'warning',
        `The clock of this machine is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} that of the runtime. ` +
          'Set it right (`timedatectl set-ntp true`; under WSL2 `wsl --shutdown` in Windows helps).',
      ),
    );
  }
  return found;
}
