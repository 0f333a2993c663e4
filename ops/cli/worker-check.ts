// `tessera worker --check`: says in sentences what this machine lacks to be a worker, each with what to do.
import { existsSync, readFileSync } from 'node:fs';
import { gatherFacts } from '../../adapters/worker/check/gather.ts';
import { isReady, judge } from '../../adapters/worker/check/judge.ts';
import { report } from '../../adapters/worker/check/report.ts';
import { readConfig } from '../../runtime/config.ts';
import { homeAt } from './home.ts';
import { EXIT_FAILURE } from './misuse.ts';
import { enginesOf } from './worker.ts';

/** Resolves with the exit code: 0 when everything that is needed is there. */
export async function checkWorker(
  { json }: { readonly json?: true },
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const config = readConfig(env);
  const { url, key, token, name, gpu } = config.worker;
  const keyFile = homeAt(config.home).keyOfWorker(name);
  const kept = existsSync(keyFile) ? readFileSync(keyFile, 'utf8').trim() : null;
  const findings = judge(
    await gatherFacts({
      url,
      // As at the start, but no token is spent for a look.
      key: key ?? kept,
      hasToken: token !== null,
      gpu,
      engines: enginesOf(config),
      home: config.home,
    }),
  );
  const isGood = isReady(findings);
  console.log(json ? JSON.stringify({ ready: isGood, findings }) : report(findings));
  return isGood ? 0 : EXIT_FAILURE;
}
