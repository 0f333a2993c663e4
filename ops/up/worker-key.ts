// The key of this machine's own worker: made once, kept in TESSERA_HOME for its owner's eyes, and made anew
// when the database does not know it (it was deleted, or another one was named).
import { readFile, writeFile } from 'node:fs/promises';
import { acceptedAs, issueKey } from '../cli/issue-key.ts';

export async function ensureWorkerKey(databaseUrl: string, path: string): Promise<string> {
  const kept = (await readFile(path, 'utf8').catch(() => '')).trim();
  if (kept !== '' && (await acceptedAs(databaseUrl, kept)) !== null) return kept;
  const request = { kind: 'worker', name: 'worker of this machine', account: null } as const;
  const { key } = await issueKey(databaseUrl, { ...request, platform: null });
  await writeFile(path, `${key}\n`, { mode: 0o600 });
  return key;
}
