// The other end of `LimitedChild`: answers one question after the other, and watches its own memory, for decoders take
// theirs outside of the heap that Node could bound.
const WATCH_MS = 20;

export function answering(answer: (question: never) => Promise<unknown>): void {
  const memoryBytes = Number(process.argv[2]);
  setInterval(() => {
    if (process.memoryUsage.rss() > memoryBytes) process.kill(process.pid, 'SIGKILL');
  }, WATCH_MS);
  process.on('message', (question) => {
    answer(question as never).then(
      (said) => process.send!({ answer: said }),
      (error: unknown) => process.send!({ error: (error as Error).message }),
    );
  });
  process.on('disconnect', () => process.exit());
}
