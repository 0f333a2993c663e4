// What the browser and its authenticator do for a passkey, in WebAuthn's JSON form.
import { localProblem } from '../../../../adapters/client/problem.ts';

/** Old browsers have no passkeys in this form, and are not asked. */
export const hasPasskeys = (): boolean =>
  typeof PublicKeyCredential !== 'undefined' &&
  'parseCreationOptionsFromJSON' in PublicKeyCredential;

export async function proveNewPasskey(options: object): Promise<object> {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(
    options as PublicKeyCredentialCreationOptionsJSON,
  );
  return asJson(() => navigator.credentials.create({ publicKey }));
}

export async function provePasskey(options: object): Promise<object> {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(
    options as PublicKeyCredentialRequestOptionsJSON,
  );
  return asJson(() => navigator.credentials.get({ publicKey }));
}

async function asJson(ask: () => Promise<Credential | null>): Promise<object> {
  try {
    return ((await ask()) as PublicKeyCredential).toJSON() as object;
  } catch {
    // Closed, timed out, or known already: browsers do not tell pages which.
    throw localProblem('no_passkey', 'The browser gave no passkey. Nothing was changed.', 0);
  }
}
