// The calls that OpenAI's clients know, in a scope of their own: forms are taken, unknown fields are dropped, and
// what goes wrong is told in their envelope. Behind them is the same queue, with the same tokens and receipts.
import type { Host } from '../../host.ts';
import type { App } from '../app.ts';
import { audioRoutes } from './audio.ts';
import { envelopeHandler } from './envelope.ts';
import { acceptForms } from './forms.ts';
import { imageRoutes } from './images.ts';
import { videoRoutes } from './videos.ts';
import { writingRoutes } from './writing.ts';

export async function openaiRoutes(scope: App, host: Host): Promise<void> {
  scope.setErrorHandler(envelopeHandler(host.metrics, () => host.clock.now()));
  await acceptForms(scope);
  writingRoutes(scope, host);
  imageRoutes(scope, host);
  audioRoutes(scope, host);
  videoRoutes(scope, host);
}
