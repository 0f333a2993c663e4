// The nodes the simulator knows, as a real 0.8.0 describes them, and the test nodes of the transcripts. Nothing is
// computed: what flows along the links is only what the result's shape follows from.
import recorded from './object-info.json' with { type: 'json' };

export interface NodeInfo {
  readonly input: {
    readonly required?: Readonly<Record<string, InputSpec>>;
    readonly optional?: Readonly<Record<string, InputSpec>>;
  };
  readonly output: readonly unknown[];
  readonly output_node: boolean;
  readonly [more: string]: unknown;
}
export type InputSpec = readonly [unknown, Readonly<Record<string, unknown>>?];

/** Which folder a loader's choices are read from. */
const FOLDERS: Readonly<Record<string, string>> = {
  ckpt_name: 'checkpoints',
  unet_name: 'diffusion_models',
  vae_name: 'vae',
  clip_name: 'text_encoders',
  clip_name1: 'text_encoders',
  clip_name2: 'text_encoders',
  lora_name: 'loras',
  model_name: 'upscale_models',
};

const probe = (
  name: string,
  required: Readonly<Record<string, InputSpec>>,
  output: readonly string[],
): NodeInfo => ({
  input: { required },
  input_order: { required: Object.keys(required) },
  output,
  output_is_list: output.map(() => false),
  output_name: output,
  name,
  display_name: name,
  description: '',
  python_module: 'custom_nodes.probe',
  category: 'probe',
  output_node: false,
});

const image: InputSpec = ['IMAGE'];
const PROBES: Readonly<Record<string, NodeInfo>> = {
  ProbeSlow: probe(
    'ProbeSlow',
    {
      image,
      steps: ['INT', { default: 10, min: 1, max: 100_000 }],
      delay_ms: ['INT', { default: 100, min: 0, max: 100_000 }],
      interruptible: ['BOOLEAN', { default: true }],
      tag: ['STRING', { default: '' }],
    },
    ['IMAGE'],
  ),
  ProbeBoom: probe('ProbeBoom', { image, kind: ['STRING', {}] }, ['IMAGE']),
  ProbeTinyModel: probe('ProbeTinyModel', { seed: ['INT', { default: 0 }] }, [
    'MODEL',
    'CONDITIONING',
    'VAE',
  ]),
};

export type ModelFolders = Map<string, string[]>;

/** With the choices of the moment: files come and go. */
export function describeNode(name: string, folders: ModelFolders): NodeInfo | undefined {
  const all = { ...(recorded as unknown as Record<string, NodeInfo>), ...PROBES };
  const info = Object.hasOwn(all, name) ? all[name] : undefined;
  if (info?.input.required === undefined) return info;
  const required = Object.fromEntries(
    Object.entries(info.input.required).map(
      ([input, [type, options = {}]]): [string, InputSpec] => {
        const folder = name.includes('Loader') ? FOLDERS[input] : undefined;
        if (folder === undefined) return [input, info.input.required![input]!];
        const choices = folders.get(folder) ?? [];
        return [
          input,
          type === 'COMBO' ? [type, { ...options, options: choices }] : [choices, options],
        ];
      },
    ),
  );
  return { ...info, input: { ...info.input, required } };
}

export const nodeNames = (): string[] => [...Object.keys(recorded), ...Object.keys(PROBES)];

export const choicesOf = ([type, options]: InputSpec): readonly unknown[] | null =>
  Array.isArray(type) ? type : type === 'COMBO' ? (options!['options'] as unknown[]) : null;

/** What a result's form follows from, gathered on the way to it. */
export interface Matter {
  readonly width?: number;
  readonly height?: number;
  readonly frames?: number;
  readonly fps?: number;
  readonly seconds?: number;
}

export function matterOf(
  classType: string,
  inputs: Readonly<Record<string, unknown>>,
  linked: readonly Matter[],
): Matter {
  const number = (name: string) => (typeof inputs[name] === 'number' ? inputs[name] : undefined);
  const before: Matter = Object.assign({}, ...linked);
  if (classType === 'ImageUpscaleWithModel') return scaled(before, 4);
  if (classType === 'ImageScaleBy') return scaled(before, number('scale_by') ?? 1);
  const own = {
    width: number('width'),
    height: number('height'),
    frames: number('length'),
    fps: number('fps'),
    seconds: number('seconds') ?? number('duration'),
  };
  const said = Object.entries(own).filter(([, value]) => value !== undefined);
  return { ...before, ...Object.fromEntries(said) };
}

const scaled = (of: Matter, times: number): Matter => ({
  ...of,
  width: Math.round((of.width ?? 64) * times),
  height: Math.round((of.height ?? 64) * times),
});

/** Nodes that work in steps, and tell of each. */
export function stepsOf(
  classType: string,
  inputs: Readonly<Record<string, unknown>>,
): number | null {
  if (classType === 'ProbeSlow') return inputs['steps'] as number;
  if (classType.startsWith('KSampler') && classType !== 'KSamplerSelect')
    return (inputs['steps'] as number | undefined) ?? 20;
  return classType === 'SamplerCustom' ? 20 : null;
}
