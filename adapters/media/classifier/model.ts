// The model as it is packaged: layers as Keras names them, weights as bytes with a scale. Read into steps, with each
// batch normalisation put into the weights of the layer before it.
import { MobileNetV2Model } from 'nsfwjs/models/mobilenet_v2';
import { z } from 'zod';

export interface Tensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

export type Step = { readonly name: string; readonly inputs: readonly string[] } & (
  | { readonly kind: 'pad'; readonly bottom: number; readonly right: number }
  | {
      readonly kind: 'convolve' | 'convolveEach';
      readonly kernel: Tensor;
      readonly bias: Float32Array;
      readonly stride: number;
      readonly isSame: boolean;
    }
  | { readonly kind: 'clip'; readonly max: number }
  | { readonly kind: 'add' }
  | { readonly kind: 'average' }
  | {
      readonly kind: 'connect';
      readonly kernel: Tensor;
      readonly bias: Float32Array;
      readonly then: 'relu' | 'softmax';
    }
);

const layer = z.object({
  class_name: z.string(),
  config: z.object({
    name: z.string(),
    strides: z.array(z.number()).optional(),
    padding: z.unknown().optional(),
    activation: z.string().optional(),
    max_value: z.number().nullish(),
    epsilon: z.number().optional(),
  }),
  inbound_nodes: z.array(z.array(z.tuple([z.string()]).rest(z.unknown()))),
});
type Layer = z.infer<typeof layer>;

const packaged = z.object({
  modelTopology: z.object({
    model_config: z.object({ config: z.object({ layers: z.array(layer) }) }),
  }),
  weightsManifest: z.tuple([
    z.object({
      weights: z.array(
        z.object({
          name: z.string(),
          shape: z.array(z.number()),
          quantization: z.object({ min: z.number(), scale: z.number(), dtype: z.literal('uint8') }),
        }),
      ),
    }),
  ]),
});

type Weights = ReadonlyMap<string, Tensor>;

export async function readModel(): Promise<readonly Step[]> {
  const [bundle] = MobileNetV2Model.weightBundles;
  const [{ default: model }, { default: encoded }] = await Promise.all([
    MobileNetV2Model.modelJson() as Promise<{ default: unknown }>,
    bundle!() as Promise<{ default: unknown }>,
  ]);
  const { modelTopology, weightsManifest } = packaged.parse(model);
  const weights = weightsOf(weightsManifest, Buffer.from(z.string().parse(encoded), 'base64'));
  const steps: Step[] = [];
  /** Layers that are no steps of their own, by what stands in their place. */
  const instead = new Map<string, string>();
  for (const each of modelTopology.model_config.config.layers) {
    const inputs = (each.inbound_nodes[0] ?? []).map(([name]) => instead.get(name) ?? name);
    const last = steps.at(-1);
    if (each.class_name === 'BatchNormalization' && last?.name === inputs[0]) {
      steps[steps.length - 1] = normalised(last!, each, weights);
      instead.set(each.config.name, last!.name);
    } else if (/^(Dropout|Flatten)$/.test(each.class_name))
      instead.set(each.config.name, inputs[0]!);
    else if (each.class_name !== 'InputLayer') steps.push(stepOf(each, inputs, weights));
  }
  return steps;
}

/** One byte each, one after the other. */
function weightsOf(
  [{ weights }]: z.infer<typeof packaged>['weightsManifest'],
  bytes: Buffer,
): Weights {
  let at = 0;
  return new Map(
    weights.map(({ name, shape, quantization: { min, scale } }) => {
      const length = shape.reduce((a, b) => a * b, 1);
      const part = bytes.subarray(at, (at += length));
      if (part.byteLength < length) throw new Error(`The weights of ${name} are cut off.`);
      return [name, { shape, values: Float32Array.from(part, (byte) => byte * scale + min) }];
    }),
  );
}

function need(weights: Weights, name: string): Tensor {
  const known = weights.get(name);
  if (!known) throw new Error(`The model has no weights ${name}.`);
  return known;
}

function stepOf(
  { class_name: kind, config }: Layer,
  inputs: readonly string[],
  weights: Weights,
): Step {
  const { name } = config;
  const bias = (length: number): Float32Array =>
    weights.get(`${name}/bias`)?.values ?? new Float32Array(length);
  const convolution = { stride: config.strides?.[0] ?? 1, isSame: config.padding === 'same' };
  switch (kind) {
    case 'ZeroPadding2D': {
      const [[, bottom], [, right]] = z.array(z.array(z.number())).parse(config.padding) as [
        number[],
        number[],
      ];
      return { name, inputs, kind: 'pad', bottom: bottom!, right: right! };
    }
    case 'Conv2D': {
      const kernel = need(weights, `${name}/kernel`);
      return {
        name,
        inputs,
        kind: 'convolve',
        kernel,
        bias: bias(kernel.shape[3]!),
        ...convolution,
      };
    }
    case 'DepthwiseConv2D': {
      const kernel = need(weights, `${name}/depthwise_kernel`);
      return {
        name,
        inputs,
        kind: 'convolveEach',
        kernel,
        bias: bias(kernel.shape[2]!),
        ...convolution,
      };
    }
    case 'ReLU':
      return { name, inputs, kind: 'clip', max: config.max_value ?? Infinity };
    case 'Add':
      return { name, inputs, kind: 'add' };
    case 'AveragePooling2D':
      return { name, inputs, kind: 'average' };
    case 'Dense': {
      const kernel = need(weights, `${name}/kernel`);
      const then = z.enum(['relu', 'softmax']).parse(config.activation);
      return { name, inputs, kind: 'connect', kernel, bias: bias(kernel.shape[1]!), then };
    }
  }
  throw new Error(`The model has a layer ${kind}, which is not known here.`);
}

/** gamma · (x − mean) / √(variance + ε) + beta, for each channel: the last dimension that the kernel writes to. */
function normalised(step: Step, { config }: Layer, weights: Weights): Step {
  if (step.kind !== 'convolve' && step.kind !== 'convolveEach')
    throw new Error(`${config.name} normalises what is no convolution.`);
  const of = (name: string) => need(weights, `${config.name}/${name}`).values;
  const [gamma, beta, mean, variance] = [
    of('gamma'),
    of('beta'),
    of('moving_mean'),
    of('moving_variance'),
  ];
  const scale = gamma.map((value, n) => value / Math.sqrt(variance[n]! + (config.epsilon ?? 1e-3)));
  const channels = scale.length;
  const { kernel } = step;
  return {
    ...step,
    kernel: { ...kernel, values: kernel.values.map((value, n) => value * scale[n % channels]!) },
    bias: step.bias.map((value, n) => (value - mean[n]!) * scale[n]! + beta[n]!),
  };
}
