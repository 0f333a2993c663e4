// Passkeys by WebAuthn: the library checks what authenticators say, for this site and no other.
import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
  type AuthenticationResponseJSON,
  type AuthenticatorTransport,
  type RegistrationResponseJSON,
} from '@simplewebauthn/server';
import { SignInFailed, type Passkeys } from '../../machines/contract/sign-in.ts';

/** @param publicUrl the address people type: a passkey is for its host alone */
export function passkeys(publicUrl: string): Passkeys {
  const { origin, hostname: rpID } = new URL(publicUrl);
  return {
    async creationOptions({ accountId, name, known }) {
      const options = await generateRegistrationOptions({
        ...{ rpName: 'Tessera', rpID, userName: name, attestationType: 'none' },
        userID: new TextEncoder().encode(accountId),
        excludeCredentials: known.map(({ id, transports }) => ({
          id,
          ...asTransports(transports),
        })),
        // It stands for a password, so it must know whose it is, and who holds it.
        authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
      });
      return { challenge: options.challenge, options: { ...options } };
    },
    verifyCreation: (response, expectedChallenge) =>
      checked(async () => {
        const { verified, registrationInfo } = await verifyRegistrationResponse({
          response: response as RegistrationResponseJSON,
          ...{ expectedChallenge, expectedOrigin: origin, expectedRPID: rpID },
          requireUserVerification: true,
        });
        if (!verified) throw new SignInFailed('The authenticator proved nothing.');
        const { id, publicKey, counter, transports = [] } = registrationInfo.credential;
        return { id, publicKey, counter, transports };
      }),
    async requestOptions() {
      const options = await generateAuthenticationOptions({ rpID, userVerification: 'required' });
      return { challenge: options.challenge, options: { ...options } };
    },
    idOf(response) {
      const id = (response as { id?: unknown } | null)?.id;
      return typeof id === 'string' ? id : null;
    },
    verifyUse: (response, expectedChallenge, { id, publicKey, counter }) =>
      checked(async () => {
        const { verified, authenticationInfo } = await verifyAuthenticationResponse({
          response: response as AuthenticationResponseJSON,
          ...{ expectedChallenge, expectedOrigin: origin, expectedRPID: rpID },
          credential: { id, publicKey: new Uint8Array(publicKey), counter },
          requireUserVerification: true,
        });
        if (!verified) throw new SignInFailed('The authenticator proved nothing.');
        return authenticationInfo.newCounter;
      }),
  };
}

const asTransports = (transports: readonly string[]) => ({
  transports: [...transports] as AuthenticatorTransport[],
});

async function checked<T>(check: () => Promise<T>): Promise<T> {
  try {
    return await check();
  } catch (error) {
    if (error instanceof SignInFailed) throw error;
    throw new SignInFailed((error as Error).message, { cause: error });
  }
}
