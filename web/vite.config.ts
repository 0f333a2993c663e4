// SvelteKit 3 has no svelte.config.js: its settings are arguments of the Vite plugin.
import { fileURLToPath } from 'node:url';
import adapter from '@sveltejs/adapter-node';
import { sveltekit } from '@sveltejs/kit/vite';
import { defineConfig } from 'vite';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// Where `vite dev` finds the API. The built site shares its origin and needs none of this.
const api = process.env['TESSERA_API'] ?? 'http://127.0.0.1:8000';

const ANNOUNCER_STYLE = 'sha256-S8qMpvofolR8Mpjy4kQvEm7m1q8clzU4dfDH0AmvZjo=';

export default defineConfig({
  // Said outright, because SvelteKit reads this file again in a worker that knows only the working
  // directory (the repository's root, where the one package.json is).
  root: here('.'),
  plugins: [
    sveltekit({
      adapter: adapter({ out: here('./build') }),
      // Nonces are made per page; everything else must come from this origin.
      csp: {
        mode: 'auto',
        directives: {
          'default-src': ['self'],
          'script-src': ['self'],
          'style-src': ['self'],
          // The one style attribute there is: SvelteKit's announcer of page changes.
          'style-src-attr': ['unsafe-hashes', ANNOUNCER_STYLE],
          // Previews arrive as data URLs.
          'img-src': ['self', 'data:', 'blob:'],
          'media-src': ['self', 'blob:'],
          'connect-src': ['self'],
          'object-src': ['none'],
          'base-uri': ['none'],
          'form-action': ['self'],
          'frame-ancestors': ['none'],
        },
      },
    }),
  ],
  server: {
    fs: { allow: [here('..')] },
    proxy: { '/v1': { target: api, ws: true } },
  },
});
