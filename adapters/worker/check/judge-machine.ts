// What the machine lacks: Node.js, card and driver, Podman, room on its disks.
import { isOlder, isTooOldForCuda12, isTooOldForCuda13, neededDriver } from './drivers.ts';
import type { Facts, Finding } from './facts.ts';

const GIBIBYTE = 1024 ** 3;
/** One large model, or a day of video; below it the next one fails. */
const ROOM_BYTES = { models: 20 * GIBIBYTE, results: 5 * GIBIBYTE };
const NODE_MAJOR = 24;

type Level = Finding['level'];
const about =
  (subject: string) =>
  (level: Level, sentence: string): Finding => ({ level, about: subject, sentence });

export function judgeMachine(facts: Facts): Finding[] {
  return [...judgeNode(facts), ...judgeCard(facts), ...judgePodman(facts), ...judgeDisks(facts)];
}

function judgeNode({ machine }: Facts): Finding[] {
  const say = about('node');
  const isNew = Number(machine.node.split('.')[0]) >= NODE_MAJOR;
  return [
    isNew
      ? say('fine', `Node.js ${machine.node} runs here.`)
      : say(
          'missing',
          `Node.js ${machine.node} is too old: ${NODE_MAJOR} is needed. Run \`npm install\` once more; ` +
            '`npx tessera` then uses the one it brings.',
        ),
  ];
}

function judgeCard({ gpu, machine, engines }: Facts): Finding[] {
  const say = about('gpu');
  const isNeeded = engines.some(({ usesCard }) => usesCard);
  if (gpu.problem !== null && !isNeeded) {
    return [say('fine', 'No engine here needs a graphics card, and nvidia-smi shows none.')];
  }
  if (gpu.problem !== null) return [say('missing', noCard(gpu.problem, gpu.said, machine))];
  if (gpu.chosen === null) {
    const known = gpu.cards.map(({ index, name }) => `${index} (${name})`).join(', ');
    return [
      say(
        'missing',
        `TESSERA_GPU asks for card ${gpu.wanted}, but there are only ${known}. Change it.`,
      ),
    ];
  }
  const { name, driver, computeCapability, memoryBytes } = gpu.chosen;
  const found: Finding[] = [];
  const need = neededDriver(computeCapability, machine.isWsl);
  if (driver !== null && isOlder(driver, need.driver)) {
    const where = machine.isWsl ? 'in Windows (never inside WSL2)' : 'on this machine';
    found.push(
      say(
        'missing',
        `The driver ${driver} is too old for ${need.reason}: ${need.driver} or newer is needed. ` +
          `Install NVIDIA's current driver ${where} and restart.`,
      ),
    );
  }
  if (computeCapability !== null && isTooOldForCuda12(computeCapability)) {
    found.push(
      say(
        'missing',
        `${name} (compute capability ${computeCapability}) is too old for CUDA 12 images.`,
      ),
    );
  } else if (computeCapability !== null && isTooOldForCuda13(computeCapability)) {
    found.push(
      say(
        'warning',
        `${name} (compute capability ${computeCapability}) runs no CUDA 13 image. Choose images with CUDA 12.`,
      ),
    );
  }
  if (machine.isWsl && !machine.hasWslLibrary) found.push(say('missing', NO_WSL_LIBRARY));
  const memory =
    memoryBytes === null ? 'unknown memory' : `${Math.round(memoryBytes / GIBIBYTE)} GiB`;
  const cuda = gpu.cudaVersion === null ? '' : `, CUDA up to ${gpu.cudaVersion}`;
  const summary = `${name}: ${memory}, driver ${driver ?? 'unknown'}${cuda}.`;
  return [
    ...found,
    ...(found.some(({ level }) => level === 'missing') ? [] : [say('fine', summary)]),
  ];
}

const NO_WSL_LIBRARY =
  '/usr/lib/wsl/lib/libcuda.so.1 is missing: WSL2 does not lend the driver of Windows. Install the driver in ' +
  'Windows, run `wsl --update` and `wsl --shutdown` there, and remove any Linux driver installed inside.';

function noCard(
  problem: NonNullable<Facts['gpu']['problem']>,
  said: string,
  { isWsl }: Facts['machine'],
): string {
  if (problem === 'missing') {
    return isWsl
      ? 'nvidia-smi is missing, also in /usr/lib/wsl/lib. Install the NVIDIA driver in Windows (not inside ' +
          'WSL2), then run `wsl --shutdown` there.'
      : 'nvidia-smi is missing. Install the NVIDIA driver of your distribution and restart the machine.';
  }
  if (problem === 'hangs') {
    return 'nvidia-smi did not answer within 5 s: the driver hangs. Restart the machine; under WSL2 run `wsl --shutdown` in Windows.';
  }
  return `nvidia-smi fails ("${said.slice(0, 160)}"). Restart the machine; if that does not help, install the driver anew.`;
}

function judgePodman({ podman, engines }: Facts): Finding[] {
  const say = about('podman');
  const contained = engines.filter(({ start }) => start === 'podman');
  if (contained.length === 0) return [];
  const names = contained.map(({ name }) => name).join(', ');
  if (podman.version === null) {
    return [
      say(
        'missing',
        `Podman is missing, and ${names} would run in it. Install it (\`apt install podman\`).`,
      ),
    ];
  }
  const found: Finding[] = [];
  if (isOlder(podman.version, '4.3')) {
    found.push(say('missing', `Podman ${podman.version} is too old: 4.3 or newer is needed.`));
  }
  if (!podman.hasCdiSpec && contained.some(({ usesCard }) => usesCard)) {
    found.push(
      say(
        'missing',
        'Podman knows no graphics card: there is no CDI specification for nvidia.com/gpu. Install the NVIDIA ' +
          'Container Toolkit and run `sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`, again ' +
          'after each change of the driver.',
      ),
    );
  }
  for (const image of podman.missingImages) {
    found.push(
      say('missing', `The image ${image} is not here. Build it, or run \`podman pull ${image}\`.`),
    );
  }
  if (podman.isRoot) {
    found.push(
      say(
        'warning',
        'The worker runs as root, and so does Podman. Run both as a user of their own.',
      ),
    );
  }
  return found.length > 0 ? found : [say('fine', `Podman ${podman.version} can run ${names}.`)];
}

function judgeDisks({ disks }: Facts): Finding[] {
  const say = about('disk');
  return disks.map(({ what, folder, freeBytes }) => {
    if (freeBytes === null) {
      return say(
        'missing',
        `The folder ${folder} (${what}) is not there. Make it, or name another.`,
      );
    }
    const gibibytes = (freeBytes / GIBIBYTE).toFixed(1);
    return freeBytes < ROOM_BYTES[what]
      ? say('warning', `Only ${gibibytes} GiB are free for ${what} in ${folder}. Make room.`)
      : say('fine', `${gibibytes} GiB are free for ${what} in ${folder}.`);
  });
}
