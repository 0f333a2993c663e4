// What an engine's process gets of our environment: what it takes to run, and no secret of ours.

const PASSED_ON =
  /^(PATH|HOME|USER|LOGNAME|LANG|LC_\w+|TZ|TMPDIR|LD_LIBRARY_PATH|XDG_\w+|DBUS_SESSION_BUS_ADDRESS|CUDA_\w+|NVIDIA_\w+)$/;

/** @param card by UUID: the program then sees this one only, as card 0 */
export function engineEnvironment(card: string | null): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) => PASSED_ON.test(name));
  return {
    ...(Object.fromEntries(kept) as Record<string, string>),
    ...(card === null ? {} : { CUDA_VISIBLE_DEVICES: card }),
  };
}
