// Where an actor's page is. A job is named together with its account.
import { resolve } from '$app/paths';

export const hrefOf = ({ kind, id, account }: { kind: string; id: string; account: string }) =>
  `${resolve('/inspect')}/${kind}/${id}${kind === 'job' ? `?account=${account}` : ''}`;
