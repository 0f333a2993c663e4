// The port to whoever can say who somebody is. What comes back was proven; what could not be is thrown as
// `SignInFailed`, with a word for the log that no stranger is told.

/** Who somebody is over there. */
export interface Person {
  /** Theirs for ever; never a name, for names change hands. */
  readonly subject: string;
  readonly name: string | null;
}

/** One way to a provider and back: what we made up for it. */
export interface SignInSecrets {
  readonly redirectUri: string;
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

export interface SignInProvider {
  readonly id: 'discord' | 'telegram';
  readonly title: string;
  /** Where the browser goes. */
  begin(secrets: SignInSecrets): Promise<string>;
  /** @param callback the address by which the browser came back. @throws SignInFailed */
  finish(callback: URL, secrets: SignInSecrets): Promise<Person>;
}

/** Telegram's Mini Apps hand their page a proof of who opened it. */
export interface MiniApps {
  /** @throws SignInFailed */
  verify(initData: string, now: number): { readonly person: Person; readonly proof: string };
  /** How long a proof is good, counted from when it was made. */
  readonly maxAgeMs: number;
}

export interface NewPasskey {
  readonly id: string;
  readonly publicKey: Uint8Array;
  readonly counter: number;
  readonly transports: readonly string[];
}

export interface KnownPasskey {
  readonly id: string;
  readonly publicKey: Uint8Array;
  readonly counter: number;
}

/** `options` go to the browser as they are, its `response` comes back as it is. */
export interface Passkeys {
  creationOptions(wanted: {
    readonly accountId: string;
    readonly name: string;
    readonly known: readonly { readonly id: string; readonly transports: readonly string[] }[];
  }): Promise<{ readonly challenge: string; readonly options: Record<string, unknown> }>;
  /** @throws SignInFailed */
  verifyCreation(response: unknown, challenge: string): Promise<NewPasskey>;
  requestOptions(): Promise<{
    readonly challenge: string;
    readonly options: Record<string, unknown>;
  }>;
  /** The id that a response claims. Null: it is none. */
  idOf(response: unknown): string | null;
  /** @returns how far the authenticator has counted. @throws SignInFailed */
  verifyUse(response: unknown, challenge: string, passkey: KnownPasskey): Promise<number>;
}

export interface SignIn {
  readonly providers: readonly SignInProvider[];
  readonly miniApps: MiniApps | null;
  readonly passkeys: Passkeys | null;
}

/** Nobody can prove anything: local mode. */
export const NO_SIGN_IN: SignIn = { providers: [], miniApps: null, passkeys: null };

export class SignInFailed extends Error {
  override readonly name = 'SignInFailed';
}
