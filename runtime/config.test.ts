import { describe, expect, it } from 'vitest';
import { BadConfig, readConfig } from './config.ts';

const refusal = (env: Record<string, string>): string => {
  try {
    readConfig(env);
  } catch (error) {
    expect(error).toBeInstanceOf(BadConfig);
    return (error as Error).message;
  }
  return 'accepted';
};

const DISCORD = {
  DISCORD_CLIENT_ID: '123456789012345678',
  DISCORD_CLIENT_SECRET: 'a-secret-of-ours',
};

describe('settings', () => {
  it('have defaults that run on a fresh machine', () => {
    const config = readConfig({});
    expect(config).toMatchObject({
      port: 8000,
      host: '127.0.0.1',
      databaseUrl: null,
      redisUrl: null,
      publicUrl: null,
      runtimeId: null,
      logLevel: 'info',
      isLocalMode: true,
      worker: { url: 'http://localhost:8000', key: null, slots: 1 },
    });
    expect(config.home).toMatch(/[/\\]\.tessera$/);
    expect(config.worker.name).not.toBe('');
    expect(Object.isFrozen(config) && Object.isFrozen(config.worker)).toBe(true);
  });

  it('are taken from the environment, a relative folder from where the person stands', () => {
    const env = { PORT: '9001', HOST: '[::1]', TESSERA_HOME: 'data', TESSERA_WORKER_SLOTS: '3' };
    expect(readConfig(env, '/somewhere')).toMatchObject({
      port: 9001,
      host: '::1',
      home: '/somewhere/data',
      worker: { slots: 3 },
    });
  });

  it('name the engines of a worker, by file and by address', () => {
    const env = { TESSERA_ENGINES: 'engines.json', COMFYUI_URL: 'http://127.0.0.1:8188' };
    const { worker } = readConfig(env, '/somewhere');
    expect(worker.enginesFile).toBe('/somewhere/engines.json');
    expect(worker.engineUrls).toEqual({
      comfyui: { variable: 'COMFYUI_URL', url: 'http://127.0.0.1:8188' },
    });
    expect(readConfig({}).worker).toMatchObject({ enginesFile: null, gpu: null, engineUrls: {} });
  });

  it('bound the line of each plan', () => {
    const minute = 60_000;
    expect(readConfig({ TESSERA_QUEUE_FREE_MINUTES: '30' }).queueBoundsMs).toEqual({
      ...{ free: 30 * minute, starter: 240 * minute, pro: 480 * minute },
    });
    expect(refusal({ TESSERA_QUEUE_PRO_MINUTES: '0' })).toMatch(/^TESSERA_QUEUE_PRO_MINUTES must/);
  });

  it('end local mode with the first provider, wherever it then listens', () => {
    const open = { ...DISCORD, PUBLIC_URL: 'https://example.org', HOST: '0.0.0.0' };
    expect(readConfig(open)).toMatchObject({
      isLocalMode: false,
      signIn: {
        ...{ discord: { clientId: DISCORD.DISCORD_CLIENT_ID }, telegram: null },
        ...{ miniAppBots: [], operators: [] },
      },
    });
    const bots = { TELEGRAM_MINI_APP_BOTS: '1234567', PUBLIC_URL: 'http://localhost:8000' };
    expect(readConfig(bots).isLocalMode).toBe(false);
  });

  it('name the operators by who they sign in as', () => {
    const { signIn } = readConfig({ TESSERA_OPERATORS: 'discord:42, telegram:7' });
    expect(signIn.operators).toEqual(['discord:42', 'telegram:7']);
    expect(refusal({ TESSERA_OPERATORS: 'ann' })).toMatch(/^TESSERA_OPERATORS must be people/);
  });

  it('take an empty value for none', () => {
    expect(readConfig({ PORT: '', PUBLIC_URL: '' })).toMatchObject({ port: 8000, publicUrl: null });
  });

  it.each<[Record<string, string>, RegExp]>([
    [{ PORT: 'eighty' }, /^PORT must be a whole number from 1 to 65535\.$/],
    [{ PORT: '0' }, /^PORT must be/],
    [{ PORT: '65536' }, /^PORT must be/],
    [{ PORT: '8e3' }, /^PORT must be/],
    [{ PORT: ' 80' }, /^PORT must be/],
    [{ PORT: '-1' }, /^PORT must be/],
    [{ HOST: 'not a host' }, /^HOST must be an address/],
    [{ HOST: '0.0.0.0' }, /^HOST must be a loopback address/],
    [{ HOST: '::' }, /^HOST must be a loopback address/],
    [{ HOST: '192.168.1.5' }, /^HOST must be a loopback address/],
    [{ HOST: '127.0.0.1.example.org' }, /^HOST must be a loopback address/],
    [{ HOST: 'localhost.example.org' }, /^HOST must be a loopback address/],
    [{ DATABASE_URL: 'mysql://localhost/x' }, /^DATABASE_URL must be the address of a PostgreSQL/],
    [{ DATABASE_URL: 'localhost' }, /^DATABASE_URL must be/],
    [{ REDIS_URL: 'localhost:6379' }, /^REDIS_URL must be the address of a Redis/],
    [{ PUBLIC_URL: 'tessera.example.org' }, /^PUBLIC_URL must be the address people type/],
    [{ PUBLIC_URL: 'ftp://example.org' }, /^PUBLIC_URL must be/],
    [{ PUBLIC_URL: 'https://example.org' }, /^PUBLIC_URL must not be set while no sign-in/],
    [{ DISCORD_CLIENT_ID: 'my app' }, /^DISCORD_CLIENT_ID must be the application's number/],
    [{ DISCORD_CLIENT_ID: DISCORD.DISCORD_CLIENT_ID }, /^DISCORD_CLIENT_SECRET must be set, too/],
    [{ TELEGRAM_CLIENT_SECRET: 'x'.repeat(20) }, /^TELEGRAM_CLIENT_ID must be set, too/],
    [{ TELEGRAM_MINI_APP_BOTS: 'my_bot' }, /^TELEGRAM_MINI_APP_BOTS must be numbers or tokens/],
    [{ ...DISCORD }, /^PUBLIC_URL must be set where people sign in/],
    [{ ...DISCORD, PUBLIC_URL: 'http://example.org' }, /^PUBLIC_URL must begin with https/],
    [{ LOG_LEVEL: 'loud' }, /^LOG_LEVEL must be one of fatal, error/],
    [{ TESSERA_RUNTIME_ID: 'a b' }, /^TESSERA_RUNTIME_ID must have/],
    [{ TESSERA_URL: 'localhost:8000' }, /^TESSERA_URL must be/],
    [{ TESSERA_WORKER_KEY: 'tsr_user_abc' }, /^TESSERA_WORKER_KEY must be a key of kind worker/],
    [{ TESSERA_WORKER_NAME: 'x'.repeat(101) }, /^TESSERA_WORKER_NAME must have at most 100/],
    [{ TESSERA_WORKER_SLOTS: '0' }, /^TESSERA_WORKER_SLOTS must be a whole number from 1 to 64/],
    [{ TESSERA_WORKER_SLOTS: '1.5' }, /^TESSERA_WORKER_SLOTS must be/],
    [{ TESSERA_GPU: 'first' }, /^TESSERA_GPU must be the number or the UUID/],
    [
      { COMFYUI_URL: 'localhost:8188' },
      /^COMFYUI_URL must be the address of ComfyUI, such as http/,
    ],
    [{ KOBOLDCPP_URL: 'ftp://x' }, /^KOBOLDCPP_URL must be the address of KoboldCPP/],
    [{ WHISPER_URL: '8080' }, /^WHISPER_URL must be the address of a Whisper server/],
    [{ SPEECH_URL: 'x' }, /^SPEECH_URL must be the address of a speech server/],
    [{ SOUND_URL: 'x' }, /^SOUND_URL must be the address of a sound server/],
    [{ TESSERA_WORKER_SLOT: '2' }, /^TESSERA_WORKER_SLOT is not a setting\..*TESSERA_WORKER_SLOTS/],
  ])('are refused with a sentence that names them: %j', (env, sentence) => {
    expect(refusal(env)).toMatch(sentence);
  });

  it('leave alone what a test run tells its children', () => {
    expect(refusal({ TESSERA_TEST_POSTGRES: '/somewhere' })).toBe('accepted');
  });

  it('tells everything that is wrong at once', () => {
    expect(refusal({ PORT: 'x', LOG_LEVEL: 'y', TESSERA_ODD: 'z' }).split('\n')).toHaveLength(3);
  });

  it('never repeats a value: it may be a secret put in the wrong place', () => {
    expect(refusal({ PORT: 'hunter2', TESSERA_WORKER_KEY: 'hunter2' })).not.toContain('hunter2');
  });
});
