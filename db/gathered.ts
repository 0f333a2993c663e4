// Many small questions as few large ones. A question is never older than who asks it: it joins a query that
// has not been sent yet.

/** A slow answer holds up no more than its own query; more at once would make each query smaller. */
const UNDER_WAY_MAX = 2;

/**
 * What is asked while queries are under way goes out together with the next one; with none under way, a question
 * goes out at once. A query that fails fails for all who shared it.
 * @param ask answers each key, in the order of the keys
 * @param keysMax per query
 */
export function gathered<Key, Answer>(
  ask: (keys: readonly Key[]) => Promise<readonly Answer[]>,
  keysMax = 256,
): (key: Key) => Promise<Answer> {
  const waiting: { key: Key; answer: PromiseWithResolvers<Answer> }[] = [];
  let underWay = 0;

  async function send(): Promise<void> {
    const sent = waiting.splice(0, keysMax);
    underWay += 1;
    try {
      const answers = await ask(sent.map(({ key }) => key));
      for (const [index, { answer }] of sent.entries()) answer.resolve(answers[index]!);
    } catch (error) {
      for (const { answer } of sent) answer.reject(error);
    }
    underWay -= 1;
    if (waiting.length > 0) void send();
  }

  return (key) => {
    const answer = Promise.withResolvers<Answer>();
    waiting.push({ key, answer });
    if (underWay < UNDER_WAY_MAX) void send();
    return answer.promise;
  };
}
