// What the parts of one runtime process share. `main.ts` builds it; routes and loops receive it.
import type { DatabasePool } from 'slonik';
import type { Store } from '../db/store.ts';
import type { Blobs } from '../machines/contract/blobs.ts';
import type { MediaCheck } from '../machines/contract/media.ts';
import type { SignIn } from '../machines/contract/sign-in.ts';
import type { Times } from '../machines/scheduling/times.ts';
import type { PlanTable } from '../machines/contract/plans.ts';
import type { Clock, Ids } from './clock.ts';
import type { Config } from './config.ts';
import type { Pictures } from './content/pictures.ts';
import type { Strikes } from './content/strikes.ts';
import type { ContentPolicy } from './content/policy.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Inspector } from './inspector/inspector.ts';
import type { Live } from './live.ts';
import type { Metrics } from './metrics.ts';
import type { ModelRules } from './model-rules.ts';
import type { Pauses } from './pauses.ts';
import type { Till } from './payments/till.ts';
import type { Styles } from './styles/styles.ts';
import type { Turns } from './turn.ts';
import type { WorkerSessions } from './worker-sessions.ts';

export interface Host {
  readonly config: Config;
  readonly store: Store;
  /** For reading lists and for what is not an actor: accounts, keys, sessions, blobs. */
  readonly pool: DatabasePool;
  readonly blobs: Blobs;
  readonly media: MediaCheck;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly turns: Turns;
  readonly dispatcher: Dispatcher;
  readonly pauses: Pauses;
  readonly times: Times;
  readonly live: Live;
  readonly sessions: WorkerSessions;
  readonly metrics: Metrics;
  readonly inspector: Inspector;
  readonly modelRules: ModelRules;
  /** Whoever can say who somebody is. */
  readonly signIn: SignIn;
  readonly plans: PlanTable;
  readonly till: Till;
  readonly styles: Styles;
  readonly content: ContentPolicy;
  readonly pictures: Pictures;
  readonly strikes: Strikes;
}
