// The signs by which a process shows that the graphics card was taken from it. A container loses its card
// when the host's service manager reloads its units (NVIDIA/nvidia-container-toolkit#48): what is inside
// says so and never gets it back; only a new container does.

const SIGNS = [
  /no CUDA-capable device/i,
  /Failed to initialize NVML: Unknown Error/i,
  /CUDA driver initialization failed/i,
  /CUDA(?: driver)? error:? (?:unknown error|initialization error|device not ready)/i,
  /cudaErrorNoDevice|cudaErrorDevicesUnavailable|CUDA_ERROR_NO_DEVICE/i,
  /CUDA-capable device\(s\) is\/are busy or unavailable/i,
];

export const speaksOfLostCard = (text: string): boolean => SIGNS.some((sign) => sign.test(text));

export interface CardView {
  /** From inside the container or beside the program; null: cannot be asked. */
  readonly inside: boolean | null;
  /** From the machine itself; null: there is no nvidia-smi. */
  readonly host: boolean | null;
  /** Somebody has spoken of it: the engine's output or a failed job. */
  readonly hasSign: boolean;
}

export type CardVerdict =
  | 'fine'
  /** The engine has lost it, the machine has not: a new one gets it back. */
  | 'lost'
  /** The machine itself has lost it: starting anew would change nothing. */
  | 'goneFromHost';

export function judgeCard({ inside, host, hasSign }: CardView): CardVerdict {
  if (host === false) return 'goneFromHost';
  if (inside === false) return 'lost';
  // A sign alone counts where the machine is known to have a card: engines without one say the same words.
  return hasSign && host === true ? 'lost' : 'fine';
}
