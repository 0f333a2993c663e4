// In a share of the seeds every committed context is frozen: a transition that edits its input, or two
// actors that share an object, then throws instead of leaking.

export function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const each of Object.values(value)) deepFreeze(each);
}
