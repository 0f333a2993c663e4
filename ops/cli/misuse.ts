// Something a person asked or configured is wrong: the message says what to do, and the exit code is 2.
export class Misuse extends Error {
  override readonly name = 'Misuse';
}

/** What was asked or configured is wrong; asking again the same way ends the same way. */
export const EXIT_MISUSE = 2;
export const EXIT_FAILURE = 1;
