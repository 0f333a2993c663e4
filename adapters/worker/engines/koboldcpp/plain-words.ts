// What a person writes is words, never structure. The server reads its own placeholders and the control tokens of
// a model wherever they stand in a prompt: a message could end its own turn and speak as the system.
const JOINER = '\u2060';

/** In every prompt: replaced by the server with the turns of its chat template. */
const PLACEHOLDERS = /\{\{\[[A-Z_]{1,20}\]\}\}/g;
/** Of the usual chat templates: ChatML, Llama 2 and 3, Mistral, Gemma, Phi, DeepSeek, Alpaca. */
const TURNS = [
  /<[|｜][^\s<>]{1,40}[|｜]>/gu,
  /<\/?s>|<\/?(?:bos|eos)>|<(?:start|end)_of_turn>|<turn\|>|<\|turn>/gi,
  /\[\/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\]/g,
  /<<\/?SYS>>/g,
  /^#{2,3} ?(?:Instruction|Response|Input|System):/gim,
];
const ADAPTATIONS = /<lora:/gi;

/** Looks the same and is read as letters. */
const loosen = (marker: string) => marker[0]! + JOINER + marker.slice(1);

/** A text that the model goes on with: its writer may use the model's own tokens. */
export const plainPrompt = (prompt: string): string => prompt.replaceAll(PLACEHOLDERS, loosen);

/** One message among others. */
export const plainMessage = (message: string): string =>
  TURNS.reduce((text, turn) => text.replaceAll(turn, loosen), plainPrompt(message));

/** The prompt of a picture: adaptations are named in the settings of a job, not in its words. */
export const plainDescription = (prompt: string): string => prompt.replaceAll(ADAPTATIONS, loosen);
