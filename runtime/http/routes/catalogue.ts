// What anybody may know: the models that can be asked for, the queue and the fleet.
import { z } from 'zod';
import {
  modelListView,
  modelView,
  statusView,
  type ModelView,
} from '../../../machines/contract/views.ts';
import { planListView as plansShape } from '../../../machines/contract/plans.ts';
import { planListView } from '../../plans.ts';
import { styleListView } from '../../../machines/contract/styles.ts';
import type { Host } from '../../host.ts';
import type { App } from '../app.ts';
import { inBoth } from '../openai/envelope.ts';
import { refuse } from '../problems.ts';

const tags = ['catalogue'];
const config = { access: 'public' } as const;
const security: [] = [];

export function catalogueRoutes(app: App, host: Host): void {
  const models = (): ModelView[] =>
    host.dispatcher.models().map((model) => {
      const { plans, roles, note } = host.modelRules.allowedFor(model.id);
      return { ...model, allowed_for: { plans: [...plans], roles: [...roles], note } };
    });

  app.route({
    method: 'GET',
    url: '/v1/models',
    config,
    schema: { tags, security, summary: 'The models', response: { 200: modelListView } },
    handler: () => ({ object: 'list' as const, data: models() }),
  });

  app.route({
    method: 'GET',
    url: '/v1/models/:id',
    config,
    schema: {
      tags,
      security,
      summary: 'One model',
      params: z.strictObject({ id: z.string().max(64) }),
      response: { 200: modelView },
    },
    handler(request) {
      const model = models().find(({ id }) => id === request.params.id);
      if (!model)
        throw inBoth(
          refuse('model_not_found', 'No worker has ever offered a model of this name.', {
            errors: [{ at: '/model', reason: 'is not known' }],
          }),
        );
      return model;
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/plans',
    config,
    schema: {
      tags,
      security,
      summary: 'What each plan gives and costs',
      response: { 200: plansShape },
    },
    handler: () => planListView(host.plans),
  });

  app.route({
    method: 'GET',
    url: '/v1/styles',
    config,
    schema: {
      tags,
      security,
      summary: 'The named styles',
      description:
        'Ways of asking, for `style` of a request. What a model has by itself is in its `styles`.',
      response: { 200: styleListView },
    },
    handler: () => host.styles.view(),
  });

  app.route({
    method: 'GET',
    url: '/v1/status',
    config,
    schema: {
      tags,
      security,
      summary: 'The queue and the workers',
      response: { 200: statusView },
    },
    handler: () => host.dispatcher.status(),
  });
}
