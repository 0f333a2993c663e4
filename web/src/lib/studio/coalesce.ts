// Many reasons to fetch the same thing, at most one call on the way and one behind it.
export function coalesce(task: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null;
  let behind: Promise<void> | null = null;

  const run = (): Promise<void> => {
    running = task().finally(() => (running = null));
    return running;
  };

  return () => {
    if (!running) return run();
    // Whoever asks while one is on the way wants an answer made after asking.
    behind ??= running
      .catch(() => {})
      .then(() => {
        behind = null;
        return run();
      });
    return behind;
  };
}
