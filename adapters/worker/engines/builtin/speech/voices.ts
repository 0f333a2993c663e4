// The voices inside the program that speak free text (its list has one more, which only tells the time).

export const VOICES: readonly string[] = ['slt', 'rms', 'awb', 'kal16', 'kal'];
export const DEFAULT_VOICE = 'slt';
