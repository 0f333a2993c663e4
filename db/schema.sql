-- Written by a test from the migrated database; see README.md. Do not edit.

create table accounts (
  account_id text not null,
  created_at timestamp with time zone not null default clock_timestamp(),
  joined_into text,
  joined_at timestamp with time zone,
  constraint accounts_pkey PRIMARY KEY (account_id),
  constraint accounts_account_id_check CHECK ((account_id <> ''::text)),
  constraint accounts_joined CHECK (((joined_into IS NULL) = (joined_at IS NULL))),
  constraint accounts_joined_elsewhere CHECK ((joined_into <> account_id)),
  constraint accounts_joined_into_fkey FOREIGN KEY (joined_into) REFERENCES accounts(account_id)
);
CREATE INDEX accounts_joined_into ON public.accounts USING btree (joined_into) WHERE (joined_into IS NOT NULL);

create table actions (
  account_id text not null,
  id text not null,
  meaning text not null,
  created_at timestamp with time zone not null default clock_timestamp(),
  platform text,
  constraint actions_pkey PRIMARY KEY (account_id, id),
  constraint actions_id_check CHECK ((id <> ''::text)),
  constraint actions_platform_check CHECK ((platform ~ '^[a-z]+$'::text))
);
CREATE UNIQUE INDEX actions_by_id ON public.actions USING btree (id);

create table actors (
  account_id text not null,
  kind text not null,
  id text not null,
  machine text not null,
  version integer not null,
  revision bigint not null,
  state text not null,
  tags text[] not null,
  snapshot text not null,
  parked_at timestamp with time zone,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  settled boolean not null generated always as ((tags @> '{settled}'::text[])) stored,
  constraint actors_pkey PRIMARY KEY (account_id, kind, id),
  constraint actors_kind_check CHECK ((kind = ANY (ARRAY['job'::text, 'worker'::text, 'quota'::text, 'subscription'::text]))),
  constraint actors_revision_check CHECK ((revision >= 1)),
  constraint actors_version_check CHECK ((version >= 1))
) with (fillfactor=50);
CREATE INDEX actors_ended ON public.actors USING btree (created_at) WHERE ((kind = 'job'::text) AND settled);
CREATE INDEX actors_newest ON public.actors USING btree (account_id, created_at DESC, id DESC) WHERE (kind = 'job'::text);
CREATE INDEX actors_open ON public.actors USING btree (kind) WHERE (NOT settled);

create table api_keys (
  account_id text not null,
  id text not null,
  kind text not null,
  hash bytea not null,
  name text not null,
  created_at timestamp with time zone not null default clock_timestamp(),
  expires_at timestamp with time zone,
  last_used_at timestamp with time zone,
  revoked_at timestamp with time zone,
  worker_name text,
  scopes text,
  requests_per_minute integer,
  replaced_by text,
  constraint api_keys_pkey PRIMARY KEY (account_id, id),
  constraint api_keys_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
  constraint api_keys_check CHECK ((expires_at > created_at)),
  constraint api_keys_check1 CHECK (((worker_name IS NULL) OR ((kind = 'worker'::text) AND (worker_name <> ''::text)))),
  constraint api_keys_hash_check CHECK ((length(hash) = 32)),
  constraint api_keys_id_check CHECK ((id <> ''::text)),
  constraint api_keys_kind_check CHECK ((kind = ANY (ARRAY['user'::text, 'frontend'::text, 'worker'::text, 'admin'::text]))),
  constraint api_keys_requests_per_minute_check CHECK ((requests_per_minute > 0)),
  constraint api_keys_scopes_check CHECK ((scopes ~ '^[a-z]+:[a-z]+( [a-z]+:[a-z]+)*$'::text))
);
CREATE INDEX api_keys_expiry ON public.api_keys USING btree (expires_at) WHERE (expires_at IS NOT NULL);
CREATE INDEX api_keys_revoked ON public.api_keys USING btree (revoked_at) WHERE (revoked_at IS NOT NULL);
CREATE UNIQUE INDEX api_keys_hash ON public.api_keys USING btree (hash);

create table appeals (
  account_id text not null,
  job_id text not null,
  reason text not null,
  asked_at timestamp with time zone not null default clock_timestamp(),
  decided_at timestamp with time zone,
  granted boolean,
  decided_by text,
  answer text,
  constraint appeals_pkey PRIMARY KEY (account_id, job_id),
  constraint appeals_check CHECK ((((decided_at IS NULL) = (granted IS NULL)) AND ((decided_at IS NULL) = (decided_by IS NULL))))
);
CREATE INDEX appeals_waiting ON public.appeals USING btree (asked_at, job_id) WHERE (decided_at IS NULL);

create table archive (
  account_id text not null,
  kind text not null,
  id text not null,
  machine text not null,
  version integer not null,
  revision bigint not null,
  state text not null,
  tags text[] not null,
  snapshot bytea not null,
  journal bytea not null,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  archived_at timestamp with time zone not null default clock_timestamp(),
  constraint archive_pkey PRIMARY KEY (account_id, kind, id),
  constraint archive_revision_check CHECK ((revision >= 1)),
  constraint archive_version_check CHECK ((version >= 1))
);
CREATE INDEX archive_newest ON public.archive USING btree (account_id, created_at DESC, id DESC) WHERE (kind = 'job'::text);

create table audit (
  account_id text not null,
  "position" bigint not null generated always as identity,
  at timestamp with time zone not null default clock_timestamp(),
  done_by text not null,
  action text not null,
  details text not null,
  constraint audit_pkey PRIMARY KEY (account_id, "position"),
  constraint audit_action_check CHECK ((action <> ''::text)),
  constraint audit_done_by_check CHECK ((done_by <> ''::text))
);
CREATE TRIGGER audit_is_append_only BEFORE DELETE OR UPDATE ON public.audit FOR EACH ROW EXECUTE FUNCTION refuse_change();

create table bans (
  account_id text not null,
  subject text not null,
  reason text not null,
  made_by text not null,
  made_at timestamp with time zone not null default clock_timestamp(),
  until timestamp with time zone,
  constraint bans_pkey PRIMARY KEY (account_id, subject),
  constraint bans_check CHECK ((until > made_at)),
  constraint bans_reason_check CHECK ((reason <> ''::text)),
  constraint bans_subject_check CHECK ((subject ~ '^(account|network|place):.'::text))
);

create table blobs (
  account_id text not null,
  id text not null,
  bytes bigint not null,
  media_type text not null,
  created_at timestamp with time zone not null default clock_timestamp(),
  kept_until timestamp with time zone not null default (clock_timestamp() + '7 days'::interval),
  promised boolean not null default false,
  looks text,
  constraint blobs_pkey PRIMARY KEY (account_id, id),
  constraint blobs_bytes_check CHECK ((bytes >= 0)),
  constraint blobs_id_check CHECK ((id <> ''::text)),
  constraint blobs_media_type_check CHECK ((media_type <> ''::text))
);
CREATE INDEX blobs_by_id ON public.blobs USING btree (id);
CREATE INDEX blobs_kept_until ON public.blobs USING btree (kept_until);
CREATE INDEX blobs_promised ON public.blobs USING btree (account_id, kept_until) WHERE promised;

create table deliveries (
  account_id text not null,
  job_id text not null,
  key_id text not null,
  person text not null,
  bot text not null,
  chat text not null,
  note text not null default '{}'::text,
  state text not null default 'open'::text,
  reason text,
  created_at timestamp with time zone not null default clock_timestamp(),
  settled_at timestamp with time zone,
  constraint deliveries_pkey PRIMARY KEY (account_id, job_id),
  constraint deliveries_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
  constraint deliveries_check CHECK (((state = 'open'::text) = (settled_at IS NULL))),
  constraint deliveries_check1 CHECK (((state = 'dead'::text) = (reason IS NOT NULL))),
  constraint deliveries_job_id_check CHECK ((job_id <> ''::text)),
  constraint deliveries_person_check CHECK ((person ~ '^[a-z]+:[0-9]+$'::text)),
  constraint deliveries_state_check CHECK ((state = ANY (ARRAY['open'::text, 'delivered'::text, 'dead'::text])))
);
CREATE INDEX deliveries_dead ON public.deliveries USING btree (settled_at DESC, job_id) WHERE (state = 'dead'::text);
CREATE INDEX deliveries_of_chat ON public.deliveries USING btree (chat, created_at) WHERE (chat <> ''::text);
CREATE INDEX deliveries_open ON public.deliveries USING btree (key_id, created_at, job_id) WHERE (state = 'open'::text);
CREATE UNIQUE INDEX deliveries_of_job ON public.deliveries USING btree (job_id);

create table enrolments (
  account_id text not null,
  id text not null,
  hash bytea not null,
  name text,
  created_at timestamp with time zone not null default clock_timestamp(),
  expires_at timestamp with time zone not null,
  used_at timestamp with time zone,
  key_id text,
  constraint enrolments_pkey PRIMARY KEY (account_id, id),
  constraint enrolments_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
  constraint enrolments_check CHECK ((expires_at > created_at)),
  constraint enrolments_hash_check CHECK ((length(hash) = 32)),
  constraint enrolments_id_check CHECK ((id <> ''::text)),
  constraint enrolments_name_check CHECK ((name <> ''::text)),
  constraint enrolments_used CHECK (((used_at IS NULL) = (key_id IS NULL)))
);
CREATE UNIQUE INDEX enrolments_hash ON public.enrolments USING btree (hash);

create table identities (
  account_id text not null,
  provider text not null,
  subject text not null,
  created_at timestamp with time zone not null default clock_timestamp(),
  name text,
  constraint identities_pkey PRIMARY KEY (account_id, provider, subject),
  constraint identities_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
  constraint identities_name_check CHECK ((name <> ''::text)),
  constraint identities_provider_check CHECK ((provider ~ '^[a-z]+$'::text)),
  constraint identities_subject_check CHECK ((subject <> ''::text)),
  constraint identities_subject_key UNIQUE (provider, subject)
);

create table journal (
  account_id text not null,
  kind text not null,
  actor_id text not null,
  revision bigint not null,
  at timestamp with time zone not null,
  event text not null,
  from_state text not null,
  to_state text not null,
  patch text not null,
  effects text not null,
  batch_id text not null,
  constraint journal_pkey PRIMARY KEY (account_id, kind, actor_id, revision, at),
  constraint journal_revision_check CHECK ((revision >= 1))
) partition by RANGE (at);
CREATE TRIGGER journal_is_append_only BEFORE DELETE OR UPDATE ON public.journal FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER journal_is_not_truncated BEFORE TRUNCATE ON public.journal FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

create table journal_default (
  account_id text not null,
  kind text not null,
  actor_id text not null,
  revision bigint not null,
  at timestamp with time zone not null,
  event text not null,
  from_state text not null,
  to_state text not null,
  patch text not null,
  effects text not null,
  batch_id text not null,
  constraint journal_default_pkey PRIMARY KEY (account_id, kind, actor_id, revision, at),
  constraint journal_revision_check CHECK ((revision >= 1))
) partition of journal DEFAULT;

create table learned (
  account_id text not null,
  subject text not null,
  id text not null,
  seen bigint not null,
  facts text not null,
  updated_at timestamp with time zone not null,
  constraint learned_pkey PRIMARY KEY (account_id, subject, id),
  constraint learned_id_check CHECK ((id <> ''::text)),
  constraint learned_seen_check CHECK ((seen >= 0)),
  constraint learned_subject_check CHECK ((subject <> ''::text))
);
CREATE INDEX learned_news ON public.learned USING btree (subject, updated_at);

create table leases (
  name text not null,
  holder text,
  term bigint not null,
  expires_at timestamp with time zone not null,
  constraint leases_pkey PRIMARY KEY (name),
  constraint leases_term_check CHECK ((term >= 1))
);

create table ledger (
  account_id text not null,
  posting bigint not null,
  leg integer not null,
  book text not null,
  amount_mt bigint not null,
  balance_mt bigint,
  reason text not null,
  job_id text,
  at timestamp with time zone not null,
  constraint ledger_pkey PRIMARY KEY (account_id, posting, leg),
  constraint ledger_amount_mt_check CHECK ((amount_mt <> 0)),
  constraint ledger_balance_mt_check CHECK ((balance_mt >= 0)),
  constraint ledger_balance_owner_check CHECK (((balance_mt IS NULL) = (book ~~ 'system:%'::text))),
  constraint ledger_book_check CHECK (((book = ANY (ARRAY['allowance'::text, 'topUp'::text, 'held'::text])) OR (book ~~ 'system:_%'::text))),
  constraint ledger_number_check CHECK (((posting >= 1) AND (leg >= 1)))
);
CREATE TRIGGER ledger_is_append_only BEFORE DELETE OR UPDATE ON public.ledger FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_is_not_truncated BEFORE TRUNCATE ON public.ledger FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

create table link_codes (
  account_id text not null,
  hash bytea not null,
  created_at timestamp with time zone not null default clock_timestamp(),
  expires_at timestamp with time zone not null,
  claimed_by text,
  used_at timestamp with time zone,
  constraint link_codes_pkey PRIMARY KEY (account_id, hash),
  constraint link_codes_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
  constraint link_codes_check CHECK ((expires_at > created_at)),
  constraint link_codes_hash_check CHECK ((length(hash) = 32)),
  constraint link_codes_used CHECK (((used_at IS NULL) OR (claimed_by IS NOT NULL)))
);
CREATE INDEX link_codes_expiry ON public.link_codes USING btree (expires_at);
CREATE UNIQUE INDEX link_codes_hash ON public.link_codes USING btree (hash);

create table migrations (
  number integer not null,
  name text not null,
  checksum text not null,
  applied_at timestamp with time zone not null default clock_timestamp(),
  constraint migrations_pkey PRIMARY KEY (number),
  constraint migrations_number_check CHECK ((number >= 1))
);

create table outbox (
  account_id text not null,
  id text not null,
  "position" bigint not null generated always as identity,
  destination text not null,
  payload text not null,
  created_at timestamp with time zone not null,
  constraint outbox_pkey PRIMARY KEY (account_id, id)
);
CREATE INDEX outbox_waiting ON public.outbox USING btree (destination, "position");

create table parked (
  account_id text not null,
  id text not null,
  kind text not null,
  actor_id text not null,
  event text not null,
  reason text not null,
  at timestamp with time zone not null,
  constraint parked_pkey PRIMARY KEY (account_id, id)
);
CREATE INDEX parked_by_actor ON public.parked USING btree (account_id, kind, actor_id);

create table passkeys (
  account_id text not null,
  id text not null,
  public_key bytea not null,
  counter bigint not null,
  transports text[] not null,
  name text not null,
  created_at timestamp with time zone not null default clock_timestamp(),
  last_used_at timestamp with time zone,
  constraint passkeys_pkey PRIMARY KEY (account_id, id),
  constraint passkeys_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
  constraint passkeys_counter_check CHECK ((counter >= 0)),
  constraint passkeys_id_check CHECK ((id <> ''::text)),
  constraint passkeys_name_check CHECK ((name <> ''::text))
);
CREATE UNIQUE INDEX passkeys_id ON public.passkeys USING btree (id);

create table pauses (
  account_id text not null,
  scope text not null,
  name text not null,
  paused_by text not null,
  paused_at timestamp with time zone not null default clock_timestamp(),
  constraint pauses_pkey PRIMARY KEY (account_id, scope, name),
  constraint pauses_named CHECK (((scope = 'queue'::text) = (name = ''::text))),
  constraint pauses_paused_by_check CHECK ((paused_by <> ''::text)),
  constraint pauses_scope_check CHECK ((scope = ANY (ARRAY['queue'::text, 'model'::text, 'plan'::text, 'worker'::text])))
);

create table payment_cursors (
  account_id text not null,
  rail text not null,
  cursor text not null,
  read_at timestamp with time zone not null default clock_timestamp(),
  constraint payment_cursors_pkey PRIMARY KEY (account_id, rail),
  constraint payment_cursors_rail_check CHECK ((rail = ANY (ARRAY['stripe'::text, 'telegram'::text, 'discord'::text])))
);

create table payment_customers (
  account_id text not null,
  rail text not null,
  customer text not null,
  created_at timestamp with time zone not null default clock_timestamp(),
  constraint payment_customers_pkey PRIMARY KEY (account_id, rail),
  constraint payment_customers_customer UNIQUE (rail, customer),
  constraint payment_customers_customer_check CHECK ((customer <> ''::text)),
  constraint payment_customers_rail_check CHECK ((rail = ANY (ARRAY['stripe'::text, 'telegram'::text, 'discord'::text])))
);

create table payments (
  account_id text not null,
  id text not null,
  rail text not null,
  provider_id text not null,
  live boolean not null,
  person text,
  article text not null,
  currency text not null,
  amount bigint not null,
  refunded bigint not null,
  disputed boolean not null,
  bought_mt bigint not null,
  kept_mt bigint not null,
  paid_at timestamp with time zone not null,
  as_of bigint not null,
  applied_at timestamp with time zone,
  created_at timestamp with time zone not null default clock_timestamp(),
  constraint payments_pkey PRIMARY KEY (account_id, id),
  constraint payments_amount_check CHECK ((amount >= 0)),
  constraint payments_bought_mt_check CHECK ((bought_mt >= 0)),
  constraint payments_check CHECK (((refunded >= 0) AND (refunded <= amount))),
  constraint payments_check1 CHECK (((kept_mt >= 0) AND (kept_mt <= bought_mt))),
  constraint payments_id_check CHECK ((id <> ''::text)),
  constraint payments_provider UNIQUE (rail, provider_id),
  constraint payments_provider_id_check CHECK ((provider_id <> ''::text)),
  constraint payments_rail_check CHECK ((rail = ANY (ARRAY['stripe'::text, 'telegram'::text, 'discord'::text])))
);
CREATE INDEX payments_newest ON public.payments USING btree (account_id, paid_at DESC, id DESC);
CREATE INDEX payments_not_applied ON public.payments USING btree (created_at) WHERE (applied_at IS NULL);

create table preferences (
  account_id text not null,
  name text not null,
  value text not null,
  updated_at timestamp with time zone not null default clock_timestamp(),
  constraint preferences_pkey PRIMARY KEY (account_id, name),
  constraint preferences_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
  constraint preferences_name_check CHECK ((name <> ''::text))
);

create table provider_events (
  account_id text not null,
  rail text not null,
  id text not null,
  type text not null,
  thing_kind text,
  thing_id text,
  received_at timestamp with time zone not null default clock_timestamp(),
  handled_at timestamp with time zone,
  attempts integer not null default 0,
  problem text,
  next_at timestamp with time zone not null default clock_timestamp(),
  constraint provider_events_pkey PRIMARY KEY (account_id, rail, id),
  constraint provider_events_attempts_check CHECK ((attempts >= 0)),
  constraint provider_events_check CHECK (((thing_kind IS NULL) = (thing_id IS NULL))),
  constraint provider_events_id_check CHECK ((id <> ''::text)),
  constraint provider_events_once UNIQUE (rail, id),
  constraint provider_events_rail_check CHECK ((rail = ANY (ARRAY['stripe'::text, 'telegram'::text, 'discord'::text])))
);
CREATE INDEX provider_events_age ON public.provider_events USING btree (handled_at) WHERE (handled_at IS NOT NULL);
CREATE INDEX provider_events_due ON public.provider_events USING btree (next_at) WHERE (handled_at IS NULL);

create table sessions (
  account_id text not null,
  hash bytea not null,
  created_at timestamp with time zone not null default clock_timestamp(),
  expires_at timestamp with time zone not null,
  id text not null,
  identity text,
  last_seen_at timestamp with time zone not null default clock_timestamp(),
  agent text,
  constraint sessions_pkey PRIMARY KEY (account_id, hash),
  constraint sessions_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
  constraint sessions_check CHECK ((expires_at > created_at)),
  constraint sessions_hash_check CHECK ((length(hash) = 32))
);
CREATE INDEX sessions_expiry ON public.sessions USING btree (expires_at);
CREATE UNIQUE INDEX sessions_hash ON public.sessions USING btree (hash);
CREATE UNIQUE INDEX sessions_id ON public.sessions USING btree (account_id, id);

create table sign_in_attempts (
  account_id text not null,
  hash bytea not null,
  browser bytea not null,
  provider text not null,
  nonce text not null,
  verifier text not null,
  return_to text not null,
  expires_at timestamp with time zone not null,
  constraint sign_in_attempts_pkey PRIMARY KEY (account_id, hash),
  constraint sign_in_attempts_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
  constraint sign_in_attempts_browser_check CHECK ((length(browser) = 32)),
  constraint sign_in_attempts_hash_check CHECK ((length(hash) = 32)),
  constraint sign_in_attempts_provider_check CHECK ((provider <> ''::text))
);
CREATE INDEX sign_in_attempts_expiry ON public.sign_in_attempts USING btree (expires_at);
CREATE UNIQUE INDEX sign_in_attempts_hash ON public.sign_in_attempts USING btree (hash);

create table stream (
  account_id text not null,
  job_id text not null,
  revision bigint not null,
  payload text not null,
  at timestamp with time zone not null,
  seq bigint not null,
  constraint stream_pkey PRIMARY KEY (account_id, seq)
);
CREATE UNIQUE INDEX stream_by_seq ON public.stream USING btree (seq);

create table stream_head (
  only_row boolean not null default true,
  seq bigint not null,
  constraint stream_head_pkey PRIMARY KEY (only_row),
  constraint stream_head_only_row_check CHECK (only_row),
  constraint stream_head_seq_check CHECK ((seq >= 0))
);

create table strikes (
  account_id text not null,
  "position" bigint not null generated always as identity,
  at timestamp with time zone not null default clock_timestamp(),
  rule text not null,
  job_id text,
  lifted_at timestamp with time zone,
  constraint strikes_pkey PRIMARY KEY (account_id, "position"),
  constraint strikes_rule_check CHECK ((rule <> ''::text))
);
CREATE INDEX strikes_age ON public.strikes USING btree (at);
CREATE UNIQUE INDEX strikes_job ON public.strikes USING btree (account_id, job_id) WHERE (job_id IS NOT NULL);

create table timers (
  account_id text not null,
  kind text not null,
  actor_id text not null,
  name text not null,
  arming_id bigint not null,
  due_at timestamp with time zone not null,
  constraint timers_pkey PRIMARY KEY (account_id, kind, actor_id, name),
  constraint timers_arming_id_check CHECK ((arming_id >= 1))
);
CREATE INDEX timers_due ON public.timers USING btree (due_at);

create table used_proofs (
  account_id text not null,
  hash bytea not null,
  expires_at timestamp with time zone not null,
  constraint used_proofs_pkey PRIMARY KEY (account_id, hash),
  constraint used_proofs_hash_check CHECK ((length(hash) = 32))
);
CREATE INDEX used_proofs_expiry ON public.used_proofs USING btree (expires_at);

create table webhook_cursor (
  only_row boolean not null default true,
  seq bigint not null,
  constraint webhook_cursor_pkey PRIMARY KEY (only_row),
  constraint webhook_cursor_only_row_check CHECK (only_row),
  constraint webhook_cursor_seq_check CHECK ((seq >= 0))
);

create table webhook_deliveries (
  account_id text not null,
  id text not null,
  webhook_id text not null,
  event text not null,
  job_id text,
  payload text not null,
  state text not null default 'waiting'::text,
  attempts integer not null default 0,
  next_at timestamp with time zone not null default clock_timestamp(),
  status integer,
  error text,
  created_at timestamp with time zone not null default clock_timestamp(),
  delivered_at timestamp with time zone,
  constraint webhook_deliveries_pkey PRIMARY KEY (account_id, id),
  constraint webhook_deliveries_attempts_check CHECK ((attempts >= 0)),
  constraint webhook_deliveries_check CHECK (((state = 'delivered'::text) = (delivered_at IS NOT NULL))),
  constraint webhook_deliveries_id_check CHECK ((id <> ''::text)),
  constraint webhook_deliveries_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'delivered'::text, 'failed'::text]))),
  constraint webhook_deliveries_webhook FOREIGN KEY (account_id, webhook_id) REFERENCES webhooks(account_id, id) ON DELETE CASCADE
);
CREATE INDEX webhook_deliveries_age ON public.webhook_deliveries USING btree (created_at);
CREATE INDEX webhook_deliveries_due ON public.webhook_deliveries USING btree (next_at) WHERE (state = 'waiting'::text);
CREATE INDEX webhook_deliveries_of ON public.webhook_deliveries USING btree (account_id, webhook_id, created_at DESC, id DESC);

create table webhooks (
  account_id text not null,
  id text not null,
  url text not null,
  events text[] not null,
  secret text not null,
  previous_secret text,
  previous_until timestamp with time zone,
  created_at timestamp with time zone not null default clock_timestamp(),
  failing_since timestamp with time zone,
  disabled_at timestamp with time zone,
  disabled_because text,
  constraint webhooks_pkey PRIMARY KEY (account_id, id),
  constraint webhooks_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
  constraint webhooks_check CHECK (((previous_secret IS NULL) = (previous_until IS NULL))),
  constraint webhooks_check1 CHECK (((disabled_at IS NULL) = (disabled_because IS NULL))),
  constraint webhooks_events_check CHECK ((cardinality(events) > 0)),
  constraint webhooks_id_check CHECK ((id <> ''::text)),
  constraint webhooks_url_check CHECK ((url <> ''::text))
);

CREATE OR REPLACE FUNCTION public.account_in_use(wanted text)
 RETURNS text
 LANGUAGE sql
 STABLE
AS $function$
  with recursive way (id, steps) as (
    select wanted, 0
    union all
    select a.joined_into, way.steps + 1 from way join accounts a on a.account_id = way.id
    where a.joined_into is not null and way.steps < 100
  )
  select id from way order by steps desc limit 1
$function$
;

CREATE OR REPLACE FUNCTION public.accounts_of(wanted text)
 RETURNS TABLE(account_id text)
 LANGUAGE sql
 STABLE
AS $function$
  with recursive part (id, steps) as (
    select wanted, 0
    union all
    select a.account_id, part.steps + 1 from part join accounts a on a.joined_into = part.id
    where part.steps < 100
  )
  select id from part
$function$
;

CREATE OR REPLACE FUNCTION public.create_journal_partitions(days integer)
 RETURNS integer
 LANGUAGE plpgsql
AS $function$
declare
  made integer := 0;
  day date;
  day_begin timestamptz;
  day_end timestamptz;
  partition_name text;
begin
  -- Two sweepers at once would both see the partition missing.
  perform pg_advisory_xact_lock(hashtext('tessera.journal_partitions'));
  for ahead in 0 .. days loop
    day := (clock_timestamp() at time zone 'UTC')::date + ahead;
    day_begin := day::timestamp at time zone 'UTC';
    day_end := (day + 1)::timestamp at time zone 'UTC';
    partition_name := 'journal_' || to_char(day, 'YYYYMMDD');
    continue when to_regclass(partition_name) is not null
      or exists (select 1 from journal_default where at >= day_begin and at < day_end);
    execute format('create table %I partition of journal for values from (%L) to (%L)',
      partition_name, day_begin, day_end);
    made := made + 1;
  end loop;
  return made;
end
$function$
;

CREATE OR REPLACE FUNCTION public.drop_journal_partitions(before timestamp with time zone)
 RETURNS SETOF text
 LANGUAGE plpgsql
AS $function$
declare
  partition_name text;
begin
  perform pg_advisory_xact_lock(hashtext('tessera.journal_partitions'));
  for partition_name in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'journal'::regclass and c.relname ~ '^journal_[0-9]{8}$'
      and (to_date(right(c.relname, 8), 'YYYYMMDD') + 1)::timestamp at time zone 'UTC' <= before
    order by c.relname
  loop
    execute format('drop table %I', partition_name);
    return next partition_name;
  end loop;
end
$function$
;

CREATE OR REPLACE FUNCTION public.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception 'Rows of % are only inserted: % is refused.', tg_table_name, tg_op
    using errcode = 'restrict_violation';
end
$function$
;
