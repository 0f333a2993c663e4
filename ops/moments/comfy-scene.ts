// The scene's engine: a simulated ComfyUI, reached by the real adapter in the real worker.
import { startComfySimulator } from '../../adapters/worker/engines/comfyui/simulator/server.ts';
import type { SceneEngine } from './scene.ts';

/** A picture takes a second or so: time for some reports of progress. */
export const STEP_MS = 40;

/** What the two workflows need. */
const FOLDERS = {
  checkpoints: ['sd_xl_base_1.0.safetensors'],
  diffusion_models: ['flux1-dev.safetensors'],
  text_encoders: ['clip_l.safetensors', 't5xxl_fp8_e4m3fn.safetensors'],
  vae: ['ae.safetensors'],
};

const MOMENT_OF: readonly [RegExp, string][] = [
  [/\/upload\/image$/, 'engine is given an input'],
  [/\/prompt$/, 'engine is asked to begin'],
  [/\/history\//, 'engine is asked how far it is'],
  [/\/view$/, 'engine hands over the result'],
];

export async function comfyScene(): Promise<SceneEngine> {
  const server = await startComfySimulator({ folders: FOLDERS });
  const { simulator, worker, knobs } = server;
  knobs.stepMs = STEP_MS;
  let begun = 0;
  const scene: SceneEngine = {
    entry: { engine: 'comfyui', settings: { url: server.url } },
    models: ['sdxl-image', 'flux-dev-image'],
    listener: () => undefined,
    kill: () => simulator.kill(),
    restart: () => simulator.restart(),
    begun: () => begun,
    isIdle: () => worker.remaining() === 0,
    close: () => server.close(),
  };
  simulator.watcher = async ({ method, path }) => {
    if (method === 'POST' && path.endsWith('/prompt')) begun += 1;
    const moment = MOMENT_OF.find(([pattern]) => pattern.test(path))?.[1];
    if (moment !== undefined && (method === 'POST') === /given|asked to/.test(moment))
      await scene.listener(moment);
  };
  return scene;
}
