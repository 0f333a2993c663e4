// What is sent in the examples, by operation. A value in braces stands for what a live runtime had at hand.

export interface ExampleRequest {
  readonly body?: unknown;
  readonly query?: Readonly<Record<string, string>>;
}

const heron = 'A heron at dawn, mist over still water';
const said = [{ role: 'user', content: 'Tell me about herons in one sentence.' }];

export const REQUESTS: Readonly<Record<string, ExampleRequest>> = {
  'POST /v1/jobs': {
    body: {
      ...{ modality: 'image', prompt: heron, style: 'watercolor' },
      params: { width: 768, height: 512 },
    },
  },
  'GET /v1/jobs': { query: { limit: '2' } },
  'POST /v1/prompts/improve': { body: { prompt: 'a heron', modality: 'image' } },
  'POST /v1/account/keys': {
    body: { name: 'my script', scopes: ['jobs:read', 'jobs:write'], expires_in_s: 2_592_000 },
  },
  'POST /v1/account/keys/{id}/rotate': { body: { overlap_s: 3600 } },
  'POST /v1/account/webhooks': {
    body: { url: 'https://example.org/tessera', events: ['job.succeeded', 'job.failed'] },
  },
  'POST /v1/account/links/look': { body: { code: '{code}' } },
  'POST /v1/account/links/confirm': { body: { code: '{code}' } },
  'POST /v1/account/links/undo': { body: { account: '{account}' } },
  'PUT /v1/account/preferences/{name}': { body: { value: { theme: 'dark' } } },
  'PUT /v1/chats/{chat}/preferences/{name}': { body: { value: { quiet: true } } },
  'PATCH /v1/deliveries/{job}': { body: { note: { message: 4711 }, state: 'delivered' } },
  'POST /v1/actions': { body: { meanings: [{ do: 'again', job: 'the last one' }] } },
  'GET /v1/admin/actors/{kind}/{id}': { query: { account: '{account}' } },
  'GET /v1/admin/actors/{kind}/{id}/journal': { query: { account: '{account}' } },
  'POST /v1/admin/actors/{kind}/{id}/release': { query: { account: '{account}' } },
  'POST /v1/admin/queue/pause': {
    body: { model: 'lantern' },
  },
  'POST /v1/admin/queue/resume': { body: { model: 'lantern' } },
  'POST /v1/admin/jobs/{id}/move': { body: { to: 'front' }, query: { account: '{account}' } },
  'POST /v1/admin/workers/{id}/pin': { body: { model: 'lantern' } },
  'POST /v1/admin/workers/{id}/unpin': { body: { model: 'lantern' } },
  'POST /v1/admin/enrolments': { body: { name: 'the one under the desk' } },
  'POST /v1/workers/enrol': { body: { token: '{token}', name: 'the one under the desk' } },
  'POST /v1/chat/completions': { body: { model: 'gpt-4o-mini', max_tokens: 60, messages: said } },
  'POST /v1/completions': { body: { prompt: 'Once upon a time', max_tokens: 40 } },
  'POST /v1/images/generations': {
    body: { prompt: heron, size: '512x512', response_format: 'b64_json' },
  },
  'POST /v1/audio/speech': {
    body: { model: 'tts-1', voice: 'alloy', input: 'A heron at dawn.', response_format: 'wav' },
  },
};
