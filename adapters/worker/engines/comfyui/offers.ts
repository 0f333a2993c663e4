// A workflow as the catalogue shows it.
import {
  RANGED,
  type InputSlot,
  type ModelLimits,
  type ModelOffer,
} from '../../../../machines/contract/models.ts';
import type { ComfyuiSettings } from './settings.ts';
import { FILE_SLOTS, type NumberSlot, type Workflow } from './workflow.ts';

const KINDS = { image: 'image', mask: 'image', audio: 'audio', video: 'video' } as const;

/** Those that a person may ask for. */
const SCALES = [2, 3, 4];

const isWithin = (value: number, { min, max }: NumberSlot): boolean => value >= min && value <= max;

/** What would be refused at the server is refused where it is asked. */
const rangesOf = ({ slots }: Workflow): ModelLimits['ranges'] =>
  Object.fromEntries(
    RANGED.flatMap((name) => {
      const slot = slots[name];
      return slot === undefined ? [] : [[name, { min: slot.min, max: slot.max }]];
    }),
  );

export function offerOf(
  file: Workflow,
  loras: ComfyuiSettings['loras'],
  measuredBytes: number | undefined,
): ModelOffer {
  const { id, name, modality, description, loadMs, runMs, limits } = file;
  const inputs = FILE_SLOTS.flatMap((role): InputSlot[] => {
    const slot = file.slots[role];
    return slot === undefined ? [] : [{ role, kind: KINDS[role], isRequired: slot.isRequired }];
  });
  const names = loras.filter((lora) => lora.workflows.includes(id)).map((lora) => lora.name);
  const { scale, seconds } = file.slots;
  return {
    ...{ id, name, modality, description, loadMs, runMs },
    limits: { ...limits, ranges: rangesOf(file) },
    engine: 'comfyui',
    vramBytes: Math.max(file.vramBytes, measuredBytes ?? 0),
    styles: Object.keys(file.styles),
    voices: [],
    ...(inputs.length > 0 && { inputs }),
    ...(file.formats && { formats: Object.keys(file.formats.choices) }),
    ...(modality === 'audio' && seconds?.default && { seconds: seconds.default }),
    ...(scale && { scales: SCALES.filter((times) => isWithin(times, scale)) }),
    ...(file.loras && names.length > 0 && { loras: names.slice(0, 200) }),
  };
}
