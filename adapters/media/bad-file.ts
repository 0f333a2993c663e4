// What can be wrong with a file, in sentences for whoever sent it.

export class Damaged extends Error {
  override readonly name = 'Damaged';
}

export class TooLarge extends Error {
  override readonly name = 'TooLarge';
}
