// The draft becomes a request that the contract accepts, whatever was chosen before.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MODALITIES } from '../../../../machines/contract/models.ts';
import { jobRequest, PARAMS } from '../../../../machines/contract/requests.ts';
import type { JobView, ModelView } from '../../../../machines/contract/views.ts';
import { type Draft, draftAgain, EMPTY_DRAFT, missing, modelFor, requestOf } from './draft.ts';
import { restored } from './draft-keeper.ts';
import { createDraftStore } from './stores.ts';

const model = (fields: Partial<ModelView> = {}): ModelView => ({
  id: 'sketch',
  object: 'model',
  created: 0,
  owned_by: 'tessera',
  name: 'Sketch',
  modality: 'image',
  description: 'x',
  engine: 'builtin',
  status: 'ready',
  limits: {},
  styles: [],
  voices: [],
  inputs: [],
  formats: [],
  loras: [],
  scales: [],
  allowed_for: { plans: [], roles: [], note: null },
  vram_bytes: 0,
  load_ms: 0,
  ...fields,
});
const draft = (fields: Partial<Draft> = {}): Draft => ({
  ...EMPTY_DRAFT,
  prompt: 'a heron',
  ...fields,
});

describe('requestOf', () => {
  test('any draft of any modality is a request the server understands', () => {
    const limits = fc.record(
      {
        pixelsMax: fc.integer({ min: 65_536, max: 4_000_000 }),
        stepsMax: fc.integer({ min: 1, max: 150 }),
        secondsMax: fc.integer({ min: 1, max: 60 }),
        countMax: fc.integer({ min: 1, max: 8 }),
      },
      { requiredKeys: [] },
    );
    const property = fc.property(
      fc.constantFrom(...MODALITIES),
      fc.integer({ min: 1, max: 8 }),
      fc.record({ steps: fc.integer({ min: 1, max: 150 }), seed: fc.nat() }, { requiredKeys: [] }),
      limits,
      (modality, count, chosen, bounds) => {
        const seeded = modality === 'image' || modality === 'video' ? chosen : {};
        const params = { ...EMPTY_DRAFT.params, [modality]: seeded };
        const chosenModel = model({ modality, limits: bounds });
        const request = requestOf(draft({ modality, count, params }), chosenModel);
        const parsed = jobRequest.parse(request);
        const accepted: Record<string, unknown> = PARAMS[modality].parse(parsed.params);
        expect(parsed.count).toBeLessThanOrEqual(bounds.countMax ?? 8);
        if (typeof accepted['steps'] === 'number') {
          expect(accepted['steps']).toBeLessThanOrEqual(bounds.stepsMax ?? 150);
        }
      },
    );
    fc.assert(property);
  });

  test('a style or voice that the model does not know is left out', () => {
    const params = { ...EMPTY_DRAFT.params, image: { style: 'ink' } };
    const asked = (styles: string[]) => requestOf(draft({ params }), model({ styles })).params;
    expect(asked(['ink'])).toMatchObject({ style: 'ink' });
    expect(asked(['dusk'])).not.toHaveProperty('style');
  });

  test('a recording is an input, and words are not sent with it', () => {
    const blob = `sha256:${'0'.repeat(64)}`;
    const recording = { blob, name: 'talk.wav' };
    const request = requestOf(draft({ modality: 'transcript', recording }), null);
    expect(request).not.toHaveProperty('prompt');
    expect(jobRequest.parse(request).inputs).toEqual([{ blob, role: 'input' }]);
  });

  test('a side that was cleared is the default again', () => {
    const store = createDraftStore();
    store.trigger.paramsChosen({ params: { width: 640, height: 320, seed: 4 } });
    store.trigger.paramsChosen({ params: { width: undefined, seed: undefined } });
    expect(requestOf(store.get().context, null).params).toEqual({ width: 1024, height: 320 });
  });
});

describe('modelFor', () => {
  const away = model({ id: 'away', status: 'offline' });
  const idle = model({ id: 'idle', status: 'loadable' });
  const ready = model({ id: 'ready' });
  const other = model({ id: 'voice', modality: 'audio' });

  test('takes the readiest of the kind, but keeps what was chosen', () => {
    expect(modelFor(draft(), [other, away, idle, ready])?.id).toBe('ready');
    expect(modelFor(draft(), [other, away, idle])?.id).toBe('idle');
    const chosen = draft({ models: { image: 'away' } });
    expect(modelFor(chosen, [away, ready])?.id).toBe('away');
    expect(modelFor(chosen, [ready])?.id).toBe('ready');
    expect(modelFor(draft(), [other])).toBeNull();
  });
});

describe('missing', () => {
  test('says what to do, or nothing', () => {
    expect(missing(draft(), null)).toBeNull();
    expect(missing(draft({ prompt: ' \n' }), null)).toBe('Write a few words first.');
    expect(missing(draft({ modality: 'transcript' }), null)).toBe('Choose a recording first.');
    const short = model({ limits: { charactersMax: 3 } });
    expect(missing(draft(), short)).toContain('7 characters; this model reads 3');
  });
});

describe('use again', () => {
  test('brings back words, settings, model and the seed that was drawn', () => {
    const job = {
      modality: 'video',
      prompt: 'waves',
      model: 'motion',
      count: 1,
      params: { width: 512, height: 512, seconds: 2, fps: 12 },
      outputs: [{ facts: { seed: 77 } }],
    } as unknown as JobView;
    const next = draftAgain(draft(), job);
    expect(next).toMatchObject({ modality: 'video', prompt: 'waves', models: { video: 'motion' } });
    expect(next.params.video).toEqual({ ...job.params, seed: 77 });
    expect(next.params.image).toEqual(EMPTY_DRAFT.params.image);
  });
});

describe('a named style', () => {
  const store = createDraftStore();
  const noir = { id: 'noir', object: 'style' as const, name: 'Noir', description: null };

  test('is asked for, and asked for again with the job that had it', () => {
    store.trigger.styleChosen({ style: 'noir' });
    expect(requestOf(store.get().context, null).style).toBe('noir');
    const job = {
      modality: 'image',
      prompt: 'x',
      count: 1,
      model: 'sketch',
      params: {},
      outputs: [],
    };
    const again = draftAgain(draft(), { ...job, style: 'noir' } as unknown as JobView);
    expect(requestOf(again, null).style).toBe('noir');
  });

  test('that is there no more, or not for this kind, is not asked for', () => {
    store.trigger.stylesKnown({ styles: [{ ...noir, recipes: { image: {} } }] });
    expect(requestOf(store.get().context, null).style).toBe('noir');
    store.trigger.stylesKnown({ styles: [{ ...noir, recipes: { video: {} } }] });
    expect(requestOf(store.get().context, null)).not.toHaveProperty('style');
  });
});

describe('a kept draft', () => {
  test('comes back whole, and rubbish does not', () => {
    const kept = draft({ prompt: 'kept', count: 3 });
    expect(restored(JSON.stringify(kept))).toEqual(kept);
    for (const text of [null, '', '{', 'null', '7', '{"modality":"smell","prompt":""}']) {
      expect(restored(text)).toBeNull();
    }
  });
});
