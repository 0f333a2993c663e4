// Sending the draft. The same wish keeps its Idempotency-Key until it was answered, so that pressing
// the button again after a broken connection can never make (or charge) a second job.
import { newIdempotencyKey } from '../../../../adapters/client/http.ts';
import type { JobRequestInput } from '../../../../machines/contract/requests.ts';
import type { JobView } from '../../../../machines/contract/views.ts';
import { TesseraProblem } from '../../../../adapters/client/problem.ts';

export type Create = (
  request: JobRequestInput,
  options: { readonly idempotencyKey: string },
) => Promise<JobView>;

export function createSubmission(create: Create) {
  let unanswered: { readonly body: string; readonly key: string } | null = null;

  return async (request: JobRequestInput): Promise<JobView> => {
    const body = JSON.stringify(request);
    const wish = unanswered?.body === body ? unanswered : { body, key: newIdempotencyKey() };
    unanswered = wish;
    try {
      const job = await create(request, { idempotencyKey: wish.key });
      unanswered = null;
      return job;
    } catch (error) {
      // A clear refusal consumed nothing; only an unknown outcome has to be asked about again.
      if (error instanceof TesseraProblem && isRefusal(error.status)) unanswered = null;
      throw error;
    }
  };
}

const isRefusal = (status: number): boolean => status >= 400 && status < 500 && status !== 429;
