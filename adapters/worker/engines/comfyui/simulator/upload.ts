// POST /upload/image, a multipart form: read by the platform's own parser.
import type { SimulatedRequest } from '../../simulator-testing.ts';

export interface Upload {
  readonly name: string;
  readonly subfolder: string;
  readonly type: string;
  readonly bytes: Buffer;
  readonly mayReplace: boolean;
}

export async function readUpload({ headers, body }: SimulatedRequest): Promise<Upload | null> {
  const type = headers['content-type'] ?? '';

  const answer = new Response(new Uint8Array(body), { headers: { 'content-type': type } });
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- the forms are small, and our own
  const form = await answer.formData();
  const file = form.get('image');
  if (!(file instanceof File)) return null;
  const word = (name: string) => (form.get(name) as string | null) ?? '';
  const subfolder = word('subfolder');
  if (subfolder.split('/').includes('..')) return null;
  return {
    name: file.name,
    subfolder,
    type: word('type') || 'input',
    bytes: Buffer.from(await file.arrayBuffer()),
    mayReplace: ['true', '1'].includes(word('overwrite')),
  };
}
