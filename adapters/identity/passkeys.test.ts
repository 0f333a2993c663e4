import { expect, it } from 'vitest';
import { SignInFailed } from '../../machines/contract/sign-in.ts';
import { SoftwareAuthenticator } from './passkeys-testing.ts';
import { passkeys } from './passkeys.ts';

const SITE = 'https://tessera.example.org';
const port = passkeys(`${SITE}/`);

const made = async (authenticator: SoftwareAuthenticator) => {
  const { challenge, options } = await port.creationOptions({
    ...{ accountId: 'acc_1', name: 'Ann', known: [] },
  });
  return port.verifyCreation(authenticator.create(options), challenge);
};

it('knows an authenticator again', async () => {
  const authenticator = new SoftwareAuthenticator(SITE);
  const passkey = await made(authenticator);
  const { challenge, options } = await port.requestOptions();
  authenticator.counter = 7;
  const response = authenticator.use(options);
  expect(port.idOf(response)).toBe(passkey.id);
  expect(await port.verifyUse(response, challenge, passkey)).toBe(7);
});

it.each<[string, (authenticator: SoftwareAuthenticator) => void]>([
  ['of another site', (each) => (each.origin = 'https://evil.example')],
  ['for another site', (each) => (each.rpId = 'evil.example')],
  ['whose owner did not show that it is them', (each) => (each.isVerified = false)],
])('takes nothing %s', async (_, change) => {
  const authenticator = new SoftwareAuthenticator(SITE);
  const passkey = await made(authenticator);
  change(authenticator);
  await expect(made(authenticator)).rejects.toBeInstanceOf(SignInFailed);
  const { challenge, options } = await port.requestOptions();
  const used = port.verifyUse(authenticator.use(options), challenge, passkey);
  await expect(used).rejects.toBeInstanceOf(SignInFailed);
});

it('takes no answer to another challenge, by another key, or to what was counted before', async () => {
  const [authenticator, other] = [new SoftwareAuthenticator(SITE), new SoftwareAuthenticator(SITE)];
  const passkey = await made(authenticator);
  const { challenge, options } = await port.requestOptions();
  const failing = async (response: unknown, known = passkey, asked = challenge) =>
    expect(port.verifyUse(response, asked, known)).rejects.toBeInstanceOf(SignInFailed);
  await failing(authenticator.use(options), passkey, (await port.requestOptions()).challenge);
  await failing({ ...other.use(options), id: passkey.id, rawId: passkey.id });
  await failing(authenticator.use(options), { ...passkey, counter: 5 });
  await failing({ id: passkey.id });
  expect(port.idOf(null)).toBeNull();
  expect(port.idOf({ id: 5 })).toBeNull();
});
