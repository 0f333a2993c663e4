// The theme is written into the first byte of the page, so that a dark page never flashes white.
import type { Handle } from '@sveltejs/kit/hooks';

export const handle: Handle = ({ event, resolve }) => {
  const chosen = event.cookies.get('theme');
  const theme = chosen === 'dark' || chosen === 'light' ? chosen : 'auto';
  return resolve(event, {
    transformPageChunk: ({ html }) => html.replace('%theme%', theme),
  });
};
