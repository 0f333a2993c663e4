// The command line that makes an engine's container. Pure: what is safe about a container is all here.
import type { PodmanStart } from '../config/engine-start.ts';

export interface ContainerPlan {
  readonly container: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly podman: PodmanStart;
  /** Of the CDI specification, such as `nvidia.com/gpu=all`; null: none. */
  readonly device: string | null;
  /** Podman without root maps the user inside to the one who runs it, so that volumes can be read. */
  readonly isRootless: boolean;
}

/** For `podman`; variables are passed by its environment, where `ps` does not show them, if it does not read them. */
export function runArguments(plan: ContainerPlan): string[] {
  const { podman, container, device, labels } = plan;
  const [user, group] = podman.user.split(':');
  return [
    'run',
    // A new container each time: one that lost the card gets it back only so.
    '--rm',
    `--name=${container}`,
    ...Object.entries(labels).map(([name, value]) => `--label=${name}=${value}`),
    // Downloading is the operator's decision, made beforehand.
    '--pull=never',
    // What it says is kept by us, bounded.
    '--log-driver=none',
    '--read-only',
    '--read-only-tmpfs=true',
    '--cap-drop=all',
    '--security-opt=no-new-privileges',
    `--user=${podman.user}`,
    ...(plan.isRootless ? [`--userns=keep-id:uid=${user},gid=${group}`] : []),
    '--http-proxy=false',
    `--shm-size=${podman.sharedMemory}`,
    ...(podman.network === 'internal' ? [`--network=${container}`] : []),
    ...podman.ports.map(({ host, container: inside }) => `--publish=127.0.0.1:${host}:${inside}`),
    ...podman.scratch.map((path) => `--tmpfs=${path}:rw,mode=1777`),
    ...podman.volumes.map(
      ({ host, container: inside, isWritable }) =>
        `--volume=${host}:${inside}:${isWritable ? 'rw' : 'ro'}`,
    ),
    ...(device === null ? [] : [`--device=${device}`]),
    ...variablesOf(podman).map(([name, value]) =>
      isReadByPodman(name) ? `--env=${name}=${value}` : `--env=${name}`,
    ),
    podman.image,
    ...podman.args,
  ];
}

/** Its own network, which leads nowhere: not out, and not to the other engines. */
export const networkArguments = (name: string): string[] => [
  'network',
  'create',
  '--internal',
  '--disable-dns',
  name,
];

/** Programs want a home to write to, and nothing but /tmp can be written. */
const variablesOf = ({ env }: PodmanStart): [name: string, value: string][] =>
  Object.entries({ HOME: '/tmp', ...env });

/** Meant for the container, but Podman would obey them itself: with another home it finds none of its images. */
const isReadByPodman = (name: string): boolean =>
  /^(HOME|PATH|USER|LOGNAME|TMPDIR|TZ|LANG|(LC|XDG|DBUS|LD|_?CONTAINERS?|STORAGE|REGISTRY|SSL)_\w+|GO\w+|\w+_PROXY)$/i.test(
    name,
  );

/** What the container gets by way of Podman's own environment: all that may be secret. */
export const containerEnvironment = (podman: PodmanStart): Record<string, string> =>
  Object.fromEntries(variablesOf(podman).filter(([name]) => !isReadByPodman(name)));
