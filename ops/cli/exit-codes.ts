// How commands end, besides 0 for "done" and 1 for "failed".

/** What was asked or configured is wrong; asking again the same way ends the same way. */
export const EXIT_MISUSE = 2;
