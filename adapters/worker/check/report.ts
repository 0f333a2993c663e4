// What the check says, for a person: what is missing first.
import { isReady } from './judge.ts';
import type { Finding } from './facts.ts';

const ORDER = ['missing', 'warning', 'fine'] as const;
const SIGN = { missing: 'MISSING', warning: 'warning', fine: 'fine   ' };

export function report(findings: readonly Finding[]): string {
  const lines = ORDER.flatMap((level) => findings.filter((finding) => finding.level === level)).map(
    ({ level, sentence }) => `${SIGN[level]}  ${sentence}`,
  );
  const missing = findings.filter(({ level }) => level === 'missing').length;
  const end = isReady(findings)
    ? 'Everything that this worker needs is there.'
    : `${missing === 1 ? 'One thing is' : `${missing} things are`} missing.`;
  return [...lines, '', end].join('\n');
}
