// Bodies that are not JSON: forms and files. Their routes read them as they arrive, so no schema of theirs says it.

const binary = { type: 'string', format: 'binary' } as const;
const text = { type: 'string' } as const;

const form = (properties: object, required: readonly string[], example: object) => ({
  required: true,
  content: {
    'multipart/form-data': { schema: { type: 'object', properties, required }, example },
  },
});

/** In an example: a file of this kind. */
export const FILES = { picture: '(a PNG file)', recording: '(a WAV file)' } as const;

const recording = form(
  {
    file: { ...binary, description: 'WAV, MP3, OGG, FLAC, M4A, MP4 or WebM, 20 MB at most' },
    model: text,
    language: { ...text, description: 'ISO 639-1' },
    response_format: { enum: ['json', 'text', 'srt', 'vtt', 'verbose_json'], default: 'json' },
    stream: { type: 'boolean', default: false },
  },
  ['file'],
  { model: 'whisper-1', file: FILES.recording, response_format: 'json' },
);

export const FORMS: Readonly<Record<string, object>> = {
  'POST /v1/blobs': {
    required: true,
    content: {
      'image/*': { schema: binary },
      'audio/*': { schema: binary },
      'video/*': { schema: binary },
    },
  },
  'POST /v1/images/edits': form(
    {
      image: { ...binary, description: 'One, or up to four as `image[]`' },
      mask: { ...binary, description: 'Clear where something may change' },
      prompt: text,
      model: text,
      n: { type: 'integer', minimum: 1, maximum: 8 },
      size: { ...text, description: 'WIDTHxHEIGHT, or auto: that of the picture' },
      response_format: { enum: ['b64_json', 'url'] },
      output_format: { enum: ['png', 'jpeg', 'webp'] },
      stream: { type: 'boolean' },
      partial_images: { type: 'integer', minimum: 0, maximum: 3 },
    },
    ['image', 'prompt'],
    { prompt: 'a heron at dawn', image: FILES.picture, size: '256x256' },
  ),
  'POST /v1/audio/transcriptions': recording,
  'POST /v1/audio/translations': recording,
  'POST /v1/videos': form(
    {
      prompt: text,
      model: text,
      seconds: { ...text, description: 'Half a second to a minute' },
      size: { ...text, description: 'WIDTHxHEIGHT' },
      input_reference: { ...binary, description: 'A picture to begin with' },
    },
    ['prompt'],
    { prompt: 'waves on a beach', seconds: '1', size: '128x128' },
  ),
};
