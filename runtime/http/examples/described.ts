// The description of the API, filled up: an example for each request and each answer, forms and files, and refusals in
// the form that each operation has.
import { STATUS_CODES } from 'node:http';
import { PROBLEMS, problemOf, refuse } from '../problems.ts';
import { envelopeOf } from '../openai/envelope.ts';
import recorded from './answers.json' with { type: 'json' };
import { FORMS } from './forms.ts';
import { REQUESTS } from './requests.ts';

/** One answer, as a live runtime gave it. */
export interface Recorded {
  readonly status: number;
  /** Null: there is no body. */
  readonly type: string | null;
  /** Of JSON and of text; other bytes are told by their type. */
  readonly body?: unknown;
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly request?: unknown;
}
export const ANSWERS = recorded as Readonly<Record<string, Recorded>>;

interface Media {
  schema?: object;
  example?: unknown;
}
interface Parameter {
  readonly name: string;
  readonly in: string;
  example?: unknown;
}
export interface Operation {
  readonly tags?: readonly string[];
  parameters?: Parameter[];
  requestBody?: { content?: Record<string, Media> };
  responses?: Record<string, { description: string; content?: Record<string, Media> }>;
}

export type Paths = Record<string, Record<string, Operation>>;

const ENVELOPE = 'OpenaiError';
const JSON_TYPE = 'application/json';

/** The schema of `envelope.ts`, which no route of ours declares. */
export const ENVELOPE_SCHEMA = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['message', 'type', 'param', 'code'],
      properties: {
        message: { type: 'string' },
        type: { type: 'string' },
        param: { type: ['string', 'null'] },
        code: { type: 'string' },
      },
    },
  },
} as const;

const wrong = refuse('invalid_request', 'The body is not what this call accepts.', {
  errors: [{ at: '/prompt', reason: 'is not a text' }],
});
const PROBLEM = {
  description: 'A problem, with a stable `code`',
  content: {
    'application/problem+json': {
      schema: { $ref: '#/components/schemas/Problem' },
      example: problemOf(wrong, 'req_06h2z5q5nmcfyv8aycewe74bsv'),
    },
  },
};
const REFUSED_AS_OPENAI = {
  description: "A refusal, in the envelope that OpenAI's clients read",
  content: {
    [JSON_TYPE]: {
      schema: { $ref: `#/components/schemas/${ENVELOPE}` },
      example: envelopeOf(wrong).body,
    },
  },
};

/** Every code there is, for the description of all. */
export const codesInWords = (): string =>
  [
    '| code | status | what it says |\n|---|---|---|',
    ...Object.entries(PROBLEMS).map(
      ([code, [status, title]]) => `| \`${code}\` | ${status} | ${title} |`,
    ),
  ].join('\n');

export function describe(paths: Paths, schemas: Record<string, unknown>): void {
  schemas[ENVELOPE] = ENVELOPE_SCHEMA;
  for (const [path, operations] of Object.entries(paths))
    for (const [method, operation] of Object.entries(operations))
      describeOne(`${method.toUpperCase()} ${path}`, operation);
}

function describeOne(name: string, operation: Operation): void {
  const { body, query } = REQUESTS[name] ?? {};
  const answer = ANSWERS[name];
  const form = FORMS[name];
  if (form) operation.requestBody = form;
  const json = operation.requestBody?.content?.[JSON_TYPE];
  if (json && body !== undefined) json.example = answer?.request ?? body;
  for (const parameter of operation.parameters ?? []) {
    const { name: called, in: where } = parameter;
    const example = where === 'path' ? answer?.path?.[called] : (answer?.query ?? query)?.[called];
    if (example !== undefined) parameter.example = example;
  }
  const responses = (operation.responses ??= {});
  for (const [status, response] of Object.entries(responses))
    response.description = STATUS_CODES[status] ?? status;
  if (answer) showAnswer(responses, answer);
  // The bytes of a link are asked for by browsers, too.
  const isOpenai = operation.tags?.includes('OpenAI') && !name.includes('/v1/links/');
  responses['default'] = isOpenai ? REFUSED_AS_OPENAI : PROBLEM;
}

function showAnswer(
  responses: NonNullable<Operation['responses']>,
  { status, type, body }: Recorded,
): void {
  const response = (responses[status] ??= { description: STATUS_CODES[status] ?? String(status) });
  if (type === null) return;
  const content = (response.content ??= {});
  const media = (content[type] ??= {});
  media.schema ??= schemaFor(type);
  if (body !== undefined) media.example = body;
}

const schemaFor = (type: string): object => {
  if (type === JSON_TYPE) return { type: 'object' };
  return type.startsWith('text/') ? { type: 'string' } : { type: 'string', format: 'binary' };
};
