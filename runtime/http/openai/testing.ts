// Test equipment: OpenAI's own client before a runtime that listens, with a real agent and four engines. The
// built-in one is real; the others are the adapters before their simulated servers.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
import { startAgent } from '../../../adapters/worker/agent.ts';
import { bareHost } from '../../../adapters/worker/engine-host.ts';
import { createBuiltinEngine } from '../../../adapters/worker/engines/builtin/engine.ts';
import { createKoboldcppEngine } from '../../../adapters/worker/engines/koboldcpp/engine.ts';
import { koboldcppSettings } from '../../../adapters/worker/engines/koboldcpp/settings.ts';
import { KoboldSimulator } from '../../../adapters/worker/engines/koboldcpp/simulator.ts';
import { createSpeechEngine } from '../../../adapters/worker/engines/speech/engine.ts';
import { speechSettings } from '../../../adapters/worker/engines/speech/settings.ts';
import { startSpeechServer } from '../../../adapters/worker/engines/speech/simulator.ts';
import { createWhisperEngine } from '../../../adapters/worker/engines/whisper/engine.ts';
import { whisperSettings } from '../../../adapters/worker/engines/whisper/settings.ts';
import { WhisperCppSimulator } from '../../../adapters/worker/engines/whisper/simulator.ts';
import { SYSTEM_ACCOUNT } from '../../../machines/contract/ids.ts';
import { startTestRuntime, until } from '../testing.ts';

export async function startOpenaiStage() {
  const runtime = await startTestRuntime({ checksAnswers: false });
  const url = await runtime.app.listen({ host: '127.0.0.1', port: 0 });
  const folder = await mkdtemp(join(tmpdir(), 'tessera-openai-'));
  const kobold = await KoboldSimulator.start({
    launch: { name: 'writer', contextTokens: 8192 },
    files: { 'writer.gguf': { name: 'writer', contextTokens: 8192 } },
  });
  const whisper = await WhisperCppSimulator.start({ models: ['/models/small.bin'] });
  const voice = await startSpeechServer('kokoro');
  const writer = { id: 'writer', name: 'Writer', file: 'writer.gguf', vramBytes: 0 };
  const hearer = { id: 'hearer', name: 'Hearer', description: 'Hears.', vramBytes: 0 };
  const speaker = {
    id: 'speaker',
    model: 'kokoro',
    name: 'Speaker',
    description: 'Speaks.',
    vramBytes: 0,
  };
  const engines = [
    createBuiltinEngine(),
    createKoboldcppEngine(koboldcppSettings.parse({ url: kobold.url, models: [writer] })),
    createWhisperEngine(whisperSettings.parse({ url: whisper.url, models: [hearer] })),
    createSpeechEngine(
      speechSettings.parse({ url: voice.simulator.url, flavour: 'kokoro', models: [speaker] }),
    ),
  ];
  const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const { key: workerKey } = await runtime.key('worker', SYSTEM_ACCOUNT);
  const agent = startAgent({
    ...{ url, folder, key: workerKey, name: 'stage', version: '0.0.0' },
    ...{ hosts: engines.map(bareHost), slots: 4, gpu: null, log: quiet },
  });
  const { dispatcher } = runtime.host;
  const offered = () => new Set(dispatcher.models().map(({ id }) => id));
  await until(() => ['writer', 'hearer', 'speaker', 'parrot'].every((id) => offered().has(id)));
  const { key } = await runtime.key('user');
  const client = new OpenAI({ apiKey: key, baseURL: `${url}/v1`, maxRetries: 0 });
  return {
    ...{ runtime, client, url, key, kobold, whisper, voice },
    async stop() {
      await agent.close();
      for (const engine of engines) await engine.close();
      // One that became idle a moment too late would hold up the end for its whole time.
      runtime.app.server.closeAllConnections();
      await runtime.stop();
      await Promise.all([kobold.server.close(), whisper.server.close(), voice.simulator.close()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
