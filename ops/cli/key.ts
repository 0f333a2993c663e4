// `tessera key create`: the key on stdout, and nothing else there.
import { migrate } from '../../db/migrate.ts';
import { KEY_KINDS, type KeyKind, type Platform, PLATFORMS } from '../../runtime/keys.ts';
import { issueKey, type KeyRequest } from './issue-key.ts';
import { Misuse } from './misuse.ts';
import { withDatabase } from './with-database.ts';

export interface KeyOptions {
  readonly kind: string;
  readonly account?: string;
  readonly name?: string;
  readonly platform?: string;
  readonly json?: true;
}

const ACCOUNT = /^acc_[0-9a-z_]{1,60}$/;

export async function createKey(options: KeyOptions, env: NodeJS.ProcessEnv): Promise<void> {
  const request = requestOf(options);
  const issued = await withDatabase(env, 'tessera key create', async (url) => {
    await migrate(url);
    return issueKey(url, request);
  });
  const { key, account, isNewAccount } = issued;
  console.log(options.json ? JSON.stringify({ key, account }) : key);
  const whose =
    request.kind === 'user'
      ? ` for ${isNewAccount ? 'the new account' : 'account'} ${account}`
      : '';
  console.error(`A ${request.kind} key${whose}. It is shown this once; only its hash is kept.`);
}

/** @throws Misuse */
export function requestOf({ kind, account, name, platform }: KeyOptions): KeyRequest {
  if (!isOneOf(KEY_KINDS, kind)) throw new Misuse(`--kind must be one of ${KEY_KINDS.join(', ')}.`);
  if (account !== undefined && kind !== 'user') {
    throw new Misuse(
      `--account is for --kind user: a ${kind} key belongs to nobody in particular.`,
    );
  }
  if (account !== undefined && !ACCOUNT.test(account)) {
    throw new Misuse('--account must be the id of an account, such as acc_local.');
  }
  return {
    kind,
    name: nameOf(name ?? kind),
    // A worker that was given a name is called so, whatever its agent says.
    workerName: kind === 'worker' && name !== undefined ? name : null,
    account: account ?? null,
    platform: platformOf(kind, platform),
  };
}

/** A frontend's key speaks for people of one platform, which must be said. */
function platformOf(kind: KeyKind, platform: string | undefined): Platform | null {
  if (kind !== 'frontend' && platform !== undefined) {
    throw new Misuse('--platform is for --kind frontend.');
  }
  if (kind !== 'frontend') return null;
  if (platform === undefined || !isOneOf(PLATFORMS, platform)) {
    throw new Misuse(`--kind frontend needs --platform, one of ${PLATFORMS.join(', ')}.`);
  }
  return platform;
}

/** @throws Misuse */
export function nameOf(name: string): string {
  if (/^[^\p{Cc}]{1,100}$/u.test(name)) return name;
  throw new Misuse('--name must have 1 to 100 characters on one line.');
}

const isOneOf = <T extends string>(list: readonly T[], text: string): text is T =>
  (list as readonly string[]).includes(text);
