// Lint rules: what the type checker does not see. Formatting is prettier's, never a lint rule.
import js from '@eslint/js';
import prettier from 'eslint-config-prettier';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import { defineConfig, globalIgnores } from 'eslint/config';
import ts from 'typescript-eslint';

const SOURCES = ['machines', 'runtime', 'adapters', 'db', 'ops'].map(
  (folder) => `${folder}/**/*.ts`,
);
const TESTS = ['**/*.test.ts'];
const root = new URL('..', import.meta.url).pathname;

const unused = [
  'error',
  { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrorsIgnorePattern: '^_' },
];

const everywhere = {
  'no-console': 'error',
  'no-constant-condition': ['error', { checkLoops: false }],
  eqeqeq: 'error',
  '@typescript-eslint/no-unused-vars': unused,
  '@typescript-eslint/no-explicit-any': 'error',
};

const passedOn = { allowThrowingAny: true, allowThrowingUnknown: true };
const typeAware = {
  '@typescript-eslint/no-floating-promises': 'error',
  '@typescript-eslint/no-misused-promises': 'error',
  '@typescript-eslint/await-thenable': 'error',
  '@typescript-eslint/switch-exhaustiveness-check': [
    'error',
    { considerDefaultExhaustiveForUnions: true },
  ],
  // An `AbortSignal.reason` or a caught value is passed on as it is.
  '@typescript-eslint/only-throw-error': ['error', passedOn],
  '@typescript-eslint/prefer-promise-reject-errors': ['error', passedOn],
  '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
  '@typescript-eslint/no-unnecessary-type-assertion': 'error',
  '@typescript-eslint/no-deprecated': 'warn',
  '@typescript-eslint/consistent-type-imports': 'error',
};

// machines/ is pure: time, chance and the outside enter as event fields or input.
const PURE = 'machines/ is pure: let the runtime pass it in as an event field or input.';
const impure = [
  'process',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'fetch',
  'crypto',
  'performance',
  'console',
  'Buffer',
  'WebSocket',
  'Date',
  'Temporal',
  'require',
];

// The core gets time, chance and the outside through its seams, so that a simulation can hold them.
const SEAMS = 'The core goes through its seams: Clock, Ids, Store, Connection and isStored.';
const CORE = [
  'actor',
  'batch',
  'cascade',
  'component',
  'compute',
  'core',
  'dispatcher',
  'flight',
  'fleet',
  'journal',
  'leases',
  'live',
  'live-elsewhere',
  'mailbox',
  'one-at-a-time',
  'other-runtimes',
  'outlooks',
  'parking',
  'plan',
  'positions',
  'queue',
  'reader',
  'recovery',
  'residents',
  'signals',
  'step',
  'stream-relay',
  'timers',
  'turn',
  'upcast',
  'versions',
  'worker-orders',
  'worker-session',
  'worker-sessions',
].map((name) => `runtime/${name}.ts`);
// A microtask is no clock: it runs before anything else can happen. A buffer is no I/O.
const uncontrolled = impure.filter((name) => name !== 'queueMicrotask' && name !== 'Buffer');

export default defineConfig(
  globalIgnores([
    '**/node_modules/**',
    'web/build/**',
    '**/.svelte-kit/**',
    '.tessera/**',
    '.vitest/**',
  ]),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: SOURCES,
    extends: [js.configs.recommended, ts.configs.recommended],
    languageOptions: {
      globals: globals.node,
      parserOptions: { projectService: true, tsconfigRootDir: root },
    },
    rules: { ...everywhere, ...typeAware },
  },
  {
    files: ['machines/**/*.ts'],
    ignores: TESTS,
    rules: {
      'no-restricted-globals': ['error', ...impure.map((name) => ({ name, message: PURE }))],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: PURE },
        { object: 'globalThis', message: PURE },
      ],
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { regex: '^node:', message: 'machines/ is pure: xstate, zod and machines only.' },
          ],
        },
      ],
    },
  },
  {
    files: CORE,
    rules: {
      'no-restricted-globals': ['error', ...uncontrolled.map((name) => ({ name, message: SEAMS }))],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: SEAMS },
        { object: 'globalThis', message: SEAMS },
      ],
      'no-restricted-imports': [
        'error',
        { patterns: [{ regex: '^(node:(?!assert)|pg$|slonik|ws$|fastify|pino)', message: SEAMS }] },
      ],
    },
  },
  {
    files: ['web/**/*.{ts,js,svelte,svelte.ts}'],
    extends: [js.configs.recommended, ts.configs.recommended, svelte.configs.recommended],
    languageOptions: {
      globals: { ...globals.browser, ...globals.node },
      parserOptions: { parser: ts.parser, extraFileExtensions: ['.svelte'] },
    },
    // The compiler of svelte-check knows which names exist.
    // The site is always at the root of its origin, so a link needs no base path.
    rules: { ...everywhere, 'no-undef': 'off', 'svelte/no-navigation-without-resolve': 'off' },
  },
  {
    files: ['ops/**/*.js'],
    extends: [js.configs.recommended],
    languageOptions: { globals: globals.node },
  },
  // What a person runs in a terminal talks to that person.
  { files: ['ops/**/*.{ts,js}'], rules: { 'no-console': 'off' } },
  {
    files: TESTS,
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector:
            "CallExpression[callee.property.name='only'][callee.object.name=/^(it|test|describe)$/]",
          message: 'A focused test hides all others.',
        },
      ],
    },
  },
  prettier,
  svelte.configs.prettier,
);
