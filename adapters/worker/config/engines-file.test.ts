// What an operator may write, and the sentences for what he may not.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { BadEngines, readEngines, type EngineSources } from './engines-file.ts';
import { readStart } from './engine-start.ts';
import { fieldSentence } from './sentences.ts';

function fileWith(content: unknown): string {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-engines-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'engines.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

function complaints(sources: EngineSources): readonly string[] {
  try {
    readEngines(sources);
  } catch (error) {
    if (error instanceof BadEngines) return error.sentences;
    throw error;
  }
  return [];
}

/** Without the path of the file, which is another each time. */
const complaintsAbout = (entry: unknown): string[] => {
  const file = fileWith({ engines: [entry] });
  return complaints({ file, urls: {} }).map((sentence) => sentence.replace(file, 'FILE'));
};

test('without file and address the built-in engine serves alone', async () => {
  const [entry, ...others] = readEngines({ file: null, urls: {} });
  expect(others).toEqual([]);
  expect(entry).toMatchObject({ kind: 'builtin', name: 'builtin', start: null, pinned: [] });
  expect((await entry?.create())?.name).toBe('builtin');
});

test('a file says all: name, what stays loaded', () => {
  const file = fileWith({ engines: [{ engine: 'builtin', name: 'two', pinned: ['tale'] }] });
  expect(readEngines({ file, urls: {} })).toMatchObject([{ name: 'two', pinned: ['tale'] }]);
});

test.each<[unknown, string[]]>([
  [{ name: 'x' }, [expect.stringMatching(/^FILE: entry 1 \(x\): engine must be builtin/)]],
  [{ engine: 'comfy' }, [expect.stringMatching(/^FILE: entry 1: engine must be builtin/)]],
  ['builtin', ['FILE: entry 1: it must be a group of settings in { }.']],
  [{ engine: 'builtin', pined: [] }, ['FILE: entry 1: it has no setting "pined".']],
  [
    { engine: 'builtin', name: '../up' },
    ['FILE: entry 1 (../up): name must have 1 to 32 of a-z, 0-9, - and _, such as comfyui.'],
  ],
  [
    { engine: 'builtin', settings: { url: 'http://127.0.0.1' }, pinned: 'all' },
    ['FILE: entry 1: pinned must be a list in [ ].'],
  ],
  [
    { engine: 'builtin', settings: { url: 'http://127.0.0.1' }, start: { command: 'run' } },
    [
      'FILE: entry 1: settings has no setting "url".',
      'FILE: entry 1: start.command must be a list in [ ].',
    ],
  ],
  [
    { engine: 'builtin', start: { command: ['run'] } },
    ['FILE: entry 1: start is for engines that have a server.'],
  ],
])('a wrong entry is refused by name and field: %j', (entry, sentences) => {
  expect(complaintsAbout(entry)).toEqual(sentences);
});

test('a file that is absent, no JSON or of another shape is told as such', () => {
  const of = (file: string) => complaints({ file, urls: {} })[0];
  expect(of('/nowhere/engines.json')).toMatch(
    /cannot be read \(ENOENT\)\. Make it, or set TESSERA_/,
  );
  expect(of(fileWith('{"engines": ['))).toMatch(/engines\.json is not JSON: /);
  expect(of(fileWith({ engine: [] }))).toMatch(/engines\.json: engines is missing\.$/);
  expect(of(fileWith({ engines: [] }))).toMatch(/engines must be a list of at least 1 entries\.$/);
});

test('everything that is wrong is told at once, and no name is used twice', () => {
  const file = fileWith({ engines: [{ engine: 'builtin' }, { engine: 'builtin' }, 7] });
  expect(complaints({ file, urls: {} })).toEqual([
    `${file}: entry 3: it must be a group of settings in { }.`,
    `${file}: two engines are called builtin. Give one of them another "name".`,
  ]);
});

test.each<[unknown, RegExp]>([
  [{}, /either "podman" or "command"/],
  [{ podman: {}, command: [] }, /either "podman" or "command"/],
  [{ podman: { image: 'x', ports: [] } }, /ports must be a list of at least 1/],
  [{ podman: container({ image: '--privileged' }) }, /podman\.image must be the name of an image/],
  [{ podman: container({ user: '0:0' }) }, /podman\.user must be .* neither 0/],
  [{ podman: container({ network: 'host' }) }, /podman\.network must be internal or outbound/],
  [{ podman: container({ privileged: true }) }, /podman has no setting "privileged"/],
  [
    { podman: container({ volumes: [{ host: '~/m', container: '/m' }] }) },
    /host must be a whole path/,
  ],
  [{ podman: container({ volumes: [{ host: '/m:/x', container: '/m' }] }) }, /not contain : or ,/],
  [{ podman: container({ ports: [{ host: 0, container: 80 }] }) }, /host must be at least 1/],
  [{ podman: container({ env: { 'A B': '1' } }) }, /env/],
  [{ command: [] }, /command must be a list of at least 1/],
  [{ command: ['run'], cwd: 'here' }, /cwd must be a whole path/],
])('a start that cannot be, or must not be: %j', (start, sentence) => {
  const read = readStart(start);
  expect('issues' in read && fieldSentence(read.issues[0]!)).toMatch(sentence);
});

test.each(['comfyui', 'koboldcpp', 'whisper', 'speech', 'sound'])(
  'an address alone is enough for %s',
  async (kind) => {
    const urls = { [kind]: { variable: 'SOME_URL', url: 'http://127.0.0.1:9' } };
    const [builtin, entry] = readEngines({ file: null, urls });
    expect(builtin?.kind).toBe('builtin');
    expect(entry).toMatchObject({ kind, name: kind, url: 'http://127.0.0.1:9', start: null });
    const engine = await entry!.create();
    await engine.close();
  },
);

test('what is wrong in the settings of an engine is told by its whole path', () => {
  const settings = { url: 'here', models: [{ id: 'whisper', name: 'Whisper' }] };
  expect(complaintsAbout({ engine: 'whisper', settings })).toEqual([
    'FILE: entry 1: settings.url must be a web address such as http://127.0.0.1:8188.',
    'FILE: entry 1: settings.models[0].vramBytes is missing.',
  ]);
});

test('a container must publish the address that its engine is asked at', () => {
  const start = { podman: container({}) };
  const settings = { url: 'http://127.0.0.1:9999' };
  expect(complaintsAbout({ engine: 'comfyui', settings, start })).toEqual([
    'FILE: entry 1: settings.url must be http://127.0.0.1:8188, where start.podman.ports publishes ' +
      'the container.',
  ]);
});

test('a container has safe defaults', () => {
  expect(readStart({ podman: container({}) })).toMatchObject({
    by: 'podman',
    podman: { user: '1000:1000', network: 'internal', gpu: true, volumes: [], scratch: [] },
  });
});

function container(change: object) {
  return { image: 'localhost/engine:1', ports: [{ host: 8188, container: 8188 }], ...change };
}
