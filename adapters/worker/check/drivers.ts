// Which driver a card and a container need. Sources: NVIDIA, CUDA Toolkit Release Notes (table of toolkits
// and drivers), "CUDA Compatibility: Minor Version Compatibility" and the Blackwell Compatibility Guide:
//   CUDA 12.x runs on drivers from 525.60.13 (Windows 528.33) on, CUDA 13.x from 580 on;
//   Blackwell cards (compute capability 10 and more) came with CUDA 12.8 and driver 570.26 (Windows 570.65);
//   CUDA 12 dropped cards below 5.0, CUDA 13 those below 7.5.

export interface DriverNeed {
  readonly driver: string;
  readonly reason: string;
}

const BLACKWELL = 10;

/** @param isWindows the driver is that of Windows, as under WSL2 */
export function neededDriver(computeCapability: string | null, isWindows: boolean): DriverNeed {
  return Number(computeCapability ?? 0) >= BLACKWELL
    ? {
        driver: isWindows ? '570.65' : '570.26',
        reason: 'this card, which images with CUDA 12.8 or newer are made for',
      }
    : { driver: isWindows ? '528.33' : '525.60.13', reason: 'images with CUDA 12' };
}

export const isTooOldForCuda12 = (computeCapability: string): boolean =>
  Number(computeCapability) < 5;
export const isTooOldForCuda13 = (computeCapability: string): boolean =>
  Number(computeCapability) < 7.5;

export function isOlder(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => text.split('.').map(Number));
  for (const [index, part] of (b ?? []).entries()) {
    const other = a?.[index] ?? 0;
    if (other !== part) return other < part;
  }
  return false;
}
